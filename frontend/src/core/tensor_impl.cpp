// Lenses: reading and writing through views, and the basic queries of a Tensor.
#include "core/tensor_impl.h"

#include "core/apply.h"
#include "core/movement.h"
#include "core/shapes.h"
#include "core/tape.h"
#include "core/trace.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"

#include <algorithm>
#include <cstring>

namespace kiln::internal {

Tensor whole(const StoragePtr& storage) {
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = storage;
  impl->type = storage->type;
  return Tensor(std::move(impl));
}

Tensor make_tensor(TensorType type, runtime::Buffer buffer) {
  auto storage = std::make_shared<Storage>();
  storage->type = type;
  storage->buffer = std::move(buffer);
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = std::move(storage);
  impl->type = type;
  return Tensor(std::move(impl));
}

const TensorImpl& checked(const Tensor& x, std::string_view op) {
  if (!x.defined()) fail(std::string(op) + ": the tensor is undefined");
  return *x.impl();
}

std::int64_t wrap_dim(std::int64_t dim, std::size_t rank, const char* op) {
  const auto n = static_cast<std::int64_t>(rank == 0 ? 1 : rank);
  if (dim < -n || dim >= n)
    fail(std::string(op) + ": Dimension out of range: got " + std::to_string(dim) + " for a tensor of " +
         std::to_string(rank) + " dimensions");
  return dim < 0 ? dim + n : dim;
}

Tensor make_view(const Tensor& x, std::string op, std::vector<ir::NamedAttr> attrs, std::string_view called) {
  if (called.empty()) called = op;
  const TensorImpl& base = checked(x, called);
  const TensorType type = result_type(*ir::find_op(op), called, attrs, std::span(&base.type, 1));
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = base.storage;
  impl->type = type;
  impl->lens.reserve(base.lens.size() + 1);
  impl->lens = base.lens;
  impl->lens.push_back({std::move(op), std::move(attrs), base.type});
  return Tensor(std::move(impl));
}

namespace {

// What a lens op of a view writes into the value below it.
Tensor invert(const ViewOp& view, const Tensor& before, const Tensor& value) {
  if (const ir::OpRecord* record = ir::find_op(view.op); record->inverse) {
    ir::ViewInverse undo = record->inverse(ir::Attrs(view.op, view.attrs), view.before);
    if (undo.op.empty()) return value;
    if (undo.updates) return apply(undo.op, {before, value}, std::move(undo.attrs));
    return apply(undo.op, {value}, std::move(undo.attrs));
  }
  fail("copy_: unsupported operation: more than one element of the written-to tensor refers to a single "
       "memory "
       "location; clone() the expanded tensor first");
}

// Writes to a part of a buffer that nobody else holds go into that buffer: `x[i] = y` in a loop would
// otherwise copy x each time. Only where no capture and no tape has to know of it.
bool write_region(const Tensor& x, const Tensor& value, bool records) {
  const auto& impl = x.impl();
  Storage& storage = *impl->storage;
  if (impl->lens.empty() || Trace::current()) return false;
  for (const ViewOp& view : impl->lens) // a region first, then other shapes of it
    if (ir::find_op(view.op)->movement !=
        (&view == impl->lens.data() ? ir::Movement::Read : ir::Movement::Alias))
      return false;
  const Tensor block = read(value);
  if (records && (storage.needs_grad() || block.impl()->storage->needs_grad())) return false;
  if (!storage.buffer.unique()) return false;
  if (block.numel() > 0)
    replace_region(storage.buffer.as<std::byte>(), storage.type, impl->lens[0].attrs,
                   block.impl()->storage->buffer.as<std::byte>());
  ++storage.version;
  return true;
}

} // namespace

Tensor read(const Tensor& x) {
  const auto& impl = x.impl();
  if (impl->lens.empty()) return x;
  Storage& storage = *impl->storage;
  const bool tracing = Trace::current() != nullptr;
  const bool grad = GradMode::is_enabled();
  // Bytes behind an address that was handed out may change with no version to tell.
  const bool keeps = !storage.pinned || storage.needs_grad();
  // A view that needs no op of its own beyond the buffer's shape is not worth a cache under capture: CSE
  // removes it.
  if (impl->cached.defined()) {
    if (!tracing && keeps && impl->cached_trace == 0 && impl->cached_version == storage.version &&
        (impl->cached_grad == grad || !storage.needs_grad()))
      return impl->cached;
    if (tracing && impl->cached_trace == Trace::current()->serial() && storage.trace == impl->cached_trace &&
        impl->cached_base == storage.value)
      return impl->cached;
  }
  Tensor value = whole(impl->storage);
  for (const ViewOp& view : impl->lens)
    value = apply(view.op, {value}, view.attrs);
  if (!tracing && keeps) {
    impl->cached = value;
    impl->cached_version = storage.version;
    impl->cached_trace = 0;
    impl->cached_grad = grad;
  }
  return value;
}

void unshare(const Tensor& whole) {
  Storage& storage = *whole.impl()->storage;
  runtime::Buffer copy = runtime::Buffer::allocate(storage.buffer.size());
  if (copy.size() > 0) std::memcpy(copy.data(), storage.buffer.data(), copy.size());
  storage.buffer = std::move(copy);
  storage.pinned = false;
}

Tensor read_and_keep(const Tensor& x) {
  const Tensor value = read(x);
  const auto& impl = x.impl();
  if (const Trace* trace = Trace::current(); trace && !impl->lens.empty()) {
    impl->cached = value;
    impl->cached_trace = trace->serial();
    impl->cached_base = impl->storage->value;
  }
  return value;
}

namespace {
// A tensor that keeps its gradient keeps that of the value it has after a write.
void move_retained(Storage& storage, const Edge& before) {
  if (before.node && before.output < before.node->retained.size())
    before.node->retained[before.output].reset();
  if (!storage.grad_fn || storage.grad_fn == before.node) return;
  auto& retained = storage.grad_fn->retained;
  retained.resize(std::max<std::size_t>(retained.size(), storage.grad_output + 1));
  retained[storage.grad_output] = storage.weak_from_this();
}

// `value`, with a gradient that goes to `old`: what is added is 0, but for the gradient. (Where `old` is
// infinite that difference is no number, and the gradient ends.)
Tensor with_gradient_of(const Tensor& old, const Tensor& value) {
  AutoGradMode enabled(true);
  const Tensor difference = old - old.detach();
  return value.detach() + where(difference == 0, difference, zeros_like(old.detach()));
}
} // namespace

void set_edge(Storage& storage, const Edge& edge) {
  if (storage.plans.load(std::memory_order_relaxed) && !storage.grad_fn != !edge.node) bump_structure_epoch();
  storage.grad_fn = edge.node;
  storage.grad_output = edge.output;
}

void write(const Tensor& x, const Tensor& value, const char* op) {
  const auto& impl = x.impl();
  const StoragePtr& storage = impl->storage;
  bool detached = false;
  for (const ViewOp& view : impl->lens)
    detached |= ir::find_op(view.op)->detaches;
  const bool records = GradMode::is_enabled() && !detached;
  if (records && storage->requires_grad && !storage->grad_fn)
    fail(std::string(op) + ": a leaf Variable that requires grad is being used in an in-place operation; "
                           "wrap it in NoGradGuard");

  if (write_region(x, value, records)) return;

  std::vector<Tensor> below; // the value under each lens op
  Tensor base = whole(storage);
  for (std::size_t i = 0; i < impl->lens.size(); ++i) {
    below.push_back(base);
    if (i + 1 < impl->lens.size()) base = apply(impl->lens[i].op, {base}, impl->lens[i].attrs);
  }
  Tensor result = read(value);
  for (std::size_t i = impl->lens.size(); i-- > 0;)
    result = invert(impl->lens[i], below[i], result);

  Storage& source = *result.impl()->storage;
  Trace* trace = Trace::current();
  if (records) storage->hooks = nullptr; // they stay with the value they were registered on
  // Under capture what lay behind the value from before stays: a backward() within it goes on there. What
  // lies behind the new value is known when the program has run.
  if (records && !trace) {
    const Edge before{storage->grad_fn, storage->grad_output};
    set_edge(*storage, gradient_edge(result));
    if (storage->retains_grad) move_retained(*storage, before);
  }
  if (trace) {
    // Unrecorded, the new value has the old one's place in the graph, as in eager mode.
    if (!records && !storage->requires_grad && trace->needs_grad(*storage))
      result = with_gradient_of(whole(storage), result);
    trace->assign(*storage, result);
    return;
  }
  ++storage->version;
  base = {}, below.clear(); // they may hold the buffer
  if (storage->buffer == source.buffer) return;
  if (storage->pinned && storage->buffer.unique()) {
    // Not memcpy: two tensors may lie over the same memory of the caller's.
    std::memmove(storage->buffer.data(), source.buffer.data(),
                 static_cast<std::size_t>(storage->type.bytes()));
    return;
  }
  storage->buffer = source.buffer;
  storage->pinned = false;
  if (source.pinned || value.impl()->storage->pinned) unshare(whole(storage));
}

void set_data(Tensor& x, const Tensor& value) {
  const bool requires_grad = x.requires_grad();
  const Tensor whole = read(value);
  TensorImpl& impl = *x.impl();
  impl.storage = whole.impl()->storage;
  impl.type = whole.impl()->type;
  impl.lens.clear();
  impl.cached = {};
  x.requires_grad_(requires_grad && value.is_floating_point());
}

runtime::Buffer host_value(const Tensor& x) {
  if (Trace* trace = Trace::current()) {
    const StoragePtr& storage = x.impl()->storage;
    if (!trace->knows(*storage) && storage->buffer) {
      trace->read_on_host(storage);
      TraceSuspend suspend;
      return read(x).impl()->storage->buffer;
    }
    const Tensor value = read(x);
    trace->flush("a value was read on the host");
    return value.impl()->storage->buffer;
  }
  const Tensor value = read(x);
  if (!value.impl()->storage->buffer)
    fail("tensor: this value belongs to a capture that failed or has ended");
  return value.impl()->storage->buffer;
}

void name_tensor(const Tensor& tensor, std::string name) {
  if (tensor.defined()) tensor.impl()->storage->name = std::move(name);
}

} // namespace kiln::internal
