// Tensor's queries, host access and autograd members.
#include "kiln/tensor.h"

#include "core/element_type.h"
#include "core/shapes.h"
#include "core/tape.h"
#include "core/trace.h"
#include "kiln/internal/capture.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"
#include "kiln/runtime/parallel.h"
#include "kiln/warning.h"

#include <algorithm>
#include <cstring>

namespace kiln {

using namespace internal;

IntArrayRef Tensor::sizes() const {
  return shape_of(*this, "sizes");
}
std::int64_t Tensor::size(std::int64_t dim) const {
  const Shape& shape = shape_of(*this, "size");
  return shape[static_cast<std::size_t>(wrap_dim(dim, shape.rank(), "size"))];
}
std::int64_t Tensor::dim() const {
  return static_cast<std::int64_t>(rank_of(*this, "dim"));
}
std::int64_t Tensor::numel() const {
  return shape_of(*this, "numel").numel();
}
DType Tensor::dtype() const {
  return checked(*this, "dtype").type.dtype;
}
Device Tensor::device() const {
  return checked(*this, "device"), Device(kCPU);
}
void Tensor::reset() {
  impl_.reset();
}
std::int64_t Tensor::_version() const {
  return checked(*this, "_version").storage->version;
}
void Tensor::set_data(const Tensor& data) const {
  const TensorImpl& impl = checked(*this, "set_data");
  if (!impl.lens.empty()) fail("set_data: not allowed on a view");
  if (!is_capturing() && !requires_grad()) { // one memory behind both
    const Tensor shared = data.detach();
    impl_->storage = shared.impl()->storage;
    impl_->type = shared.impl()->type;
    impl_->lens = data.requires_grad() ? shared.impl()->lens : data.impl()->lens;
    impl_->cached = {};
    bump_structure_epoch();
    return;
  }
  if (impl.type ==
      checked(data, "set_data").type) { // a parameter: its gradient and hooks stay with its storage
    detach().copy_(data);
    return;
  }
  if (is_capturing()) fail("set_data: a tensor cannot change its type while a function is captured");
  const Tensor value = read(data.detach());
  Storage& storage = *impl.storage;
  storage.type = impl_->type = value.impl()->type;
  storage.buffer = value.impl()->storage->buffer;
  storage.pinned = false;
  ++storage.version;
  bump_structure_epoch();
}
TensorOptions Tensor::options() const {
  return TensorOptions(dtype()).device(device());
}

template <> Scalar Tensor::item<Scalar>() const {
  if (shape_of(*this, "item").numel() != 1)
    fail("item: a Tensor with " + std::to_string(numel()) + " elements cannot be converted to Scalar");
  const runtime::Buffer buffer = host_value(*this);
  return with_element_type("item", dtype(), [&]<class T>() -> Scalar { return *buffer.as<T>(); });
}

namespace {
bool lens_detaches(const TensorImpl& impl) {
  for (const ViewOp& view : impl.lens)
    if (ir::find_op(view.op)->detaches) return true;
  return false;
}
bool storage_needs_grad(const Storage& storage) {
  const Trace* trace = Trace::current();
  return trace ? trace->needs_grad(storage) : storage.needs_grad();
}
} // namespace

bool Tensor::requires_grad() const {
  const TensorImpl& impl = checked(*this, "requires_grad");
  return is_floating(impl.type.dtype) && storage_needs_grad(*impl.storage) && !lens_detaches(impl);
}
Tensor& Tensor::requires_grad_(bool value) const {
  const TensorImpl& impl = checked(*this, "requires_grad_");
  if (value && !is_floating(impl.type.dtype))
    fail("requires_grad_: Only Tensors of floating point and complex dtype can require gradients, got " +
         std::string(name(impl.type.dtype)));
  if (!impl.lens.empty()) { // a view that starts to need gradients is a leaf of its own
    const Tensor value_now = read(*this);
    Trace* trace = Trace::current();
    const Tensor own =
        trace ? trace->snapshot(value_now) : make_tensor(impl.type, value_now.impl()->storage->buffer);
    impl_->storage = own.impl()->storage;
    impl_->lens.clear();
    impl_->cached = {};
  }
  Storage& storage = *impl_->storage;
  if (!value && storage.grad_fn)
    fail("requires_grad_: you can only change requires_grad flags of leaf variables.");
  if (storage.requires_grad != value) bump_structure_epoch();
  if (!storage.grad_fn) storage.requires_grad = value;
  return const_cast<Tensor&>(*this);
}
bool Tensor::is_leaf() const {
  const TensorImpl& impl = checked(*this, "is_leaf");
  return !requires_grad() || (impl.storage->requires_grad && !impl.storage->grad_fn && impl.lens.empty());
}
const Tensor& Tensor::grad() const {
  static const Tensor undefined;
  const TensorImpl& impl = checked(*this, "grad");
  if (!is_leaf() && !retains_grad())
    warn(
        "grad: the .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
        "attribute won't be populated during backward(); call .retain_grad() on it if you want its gradient");
  if (!impl.lens.empty())
    return impl.cached.defined() && impl.cached.impl()->storage->retains_grad
               ? impl.cached.impl()->storage->grad
               : undefined;
  if (Trace* trace = Trace::current()) trace->note_grad_read(impl.storage);
  return impl.storage->grad;
}
Tensor& Tensor::mutable_grad() const {
  const TensorImpl& impl = checked(*this, "mutable_grad");
  if (Trace* trace = Trace::current()) trace->note_grad_change(impl.storage);
  return impl.storage->grad;
}
std::shared_ptr<Node> Tensor::grad_fn() const {
  const Tensor value = read(*this);
  return value.impl()->storage->grad_fn;
}
std::int64_t Tensor::output_nr() const {
  checked(*this, "output_nr");
  return read(*this).impl()->storage->grad_output;
}
void Tensor::retain_grad() const {
  if (!requires_grad()) fail("retain_grad: can't retain_grad on Tensor that has requires_grad=False");
  const Tensor value = read_and_keep(*this);
  Storage& storage = *value.impl()->storage;
  if (Trace* trace = Trace::current(); trace && trace->retain(value)) {
    storage.retains_grad = true;
    return;
  }
  if (!storage.grad_fn) return;
  storage.retains_grad = true;
  auto& retained = storage.grad_fn->retained;
  retained.resize(std::max<std::size_t>(retained.size(), storage.grad_output + 1));
  retained[storage.grad_output] = value.impl()->storage;
}
bool Tensor::retains_grad() const {
  const TensorImpl& impl = checked(*this, "retains_grad");
  const TensorImpl& holder = impl.lens.empty() || !impl.cached.defined() ? impl : *impl.cached.impl();
  return holder.storage->retains_grad;
}

namespace {
// Hooks run while a program is captured and are part of it: another number of them is another program.
class HooksGuard : public Guard {
public:
  explicit HooksGuard(StoragePtr leaf) : leaf_(std::move(leaf)), count_(count()) {}
  bool holds() const override { return count() == count_; }
  std::string describe() const override {
    return "the hooks of " + (leaf_->name.empty() ? "a tensor" : leaf_->name) + " were others";
  }

private:
  std::size_t count() const { return leaf_->hooks ? leaf_->hooks->next + leaf_->hooks->list.size() : 0; }
  StoragePtr leaf_;
  std::size_t count_;
};
} // namespace

unsigned Tensor::add_hook(std::function<Tensor(Tensor)> hook) const {
  if (!requires_grad())
    fail("register_hook: cannot register a hook on a tensor that doesn't require gradient");
  Trace* trace = Trace::current();
  if (trace && trace->functions_split() && trace->knows(*impl_->storage))
    trace->flush("a hook whose gradient is taken outside the compiled function");
  const Tensor value = read_and_keep(*this);
  Storage& storage = *value.impl()->storage;
  if (!storage.hooks) storage.hooks = std::make_shared<Hooks>();
  storage.hooks->list.emplace_back(storage.hooks->next, std::move(hook));
  bump_structure_epoch();
  if (!(trace && trace->hook(value, storage.hooks)) && storage.grad_fn) {
    auto& hooks = storage.grad_fn->hooks;
    hooks.resize(std::max<std::size_t>(hooks.size(), storage.grad_output + 1));
    hooks[storage.grad_output] = storage.hooks;
  }
  return storage.hooks->next++;
}
void Tensor::remove_hook(unsigned number) const {
  const auto& hooks = read(*this).impl()->storage->hooks;
  const auto found = hooks ? std::find_if(hooks->list.begin(), hooks->list.end(),
                                          [&](const auto& entry) { return entry.first == number; })
                           : decltype(hooks->list.begin()){};
  if (!hooks || found == hooks->list.end())
    fail("remove_hook: Invalid index, no hook at position " + std::to_string(number));
  hooks->list.erase(found);
  bump_structure_epoch();
}

namespace {
// The gradient that an output starts with.
Tensor seed_for(const Tensor& output, const Tensor& gradient) {
  if (gradient.defined()) {
    if (!(gradient.sizes() == output.sizes()))
      fail("backward: Mismatch in shape: grad_output has a shape of " + sizes_of(gradient) +
           " and output has a shape of " + sizes_of(output));
    return read(gradient);
  }
  if (output.numel() != 1)
    fail("backward: grad can be implicitly created only for scalar outputs, got shape " + sizes_of(output));
  return ones_like(output);
}

std::vector<Tensor> differentiate(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
                                  const std::vector<Tensor>* wanted, bool retain, bool create) {
  std::vector<Tensor> values, seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!checked(outputs[i], "backward").storage || !outputs[i].requires_grad())
      fail("backward: element " + std::to_string(i) +
           " of tensors does not require grad and does not have a grad_fn");
    seeds.push_back(seed_for(outputs[i], i < gradients.size() ? gradients[i] : Tensor()));
    values.push_back(read(outputs[i]));
  }
  if (Trace* trace = Trace::current()) {
    for (const StoragePtr& leaf : trace->leaves())
      record_guard(std::make_shared<HooksGuard>(leaf));
    return trace->backward(values, seeds, wanted, retain, create);
  }
  return run_backward(values, seeds, wanted, retain, create);
}
} // namespace

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph, bool create_graph,
                      std::optional<ArrayRef<Tensor>> inputs) const {
  if (inputs && inputs->empty()) fail("backward: 'inputs' argument to backward cannot be empty");
  autograd::backward({*this}, {gradient}, retain_graph, create_graph,
                     inputs ? inputs->vec() : std::vector<Tensor>());
}

namespace autograd {
void backward(const variable_list& tensors, const variable_list& grad_tensors,
              std::optional<bool> retain_graph, bool create_graph, const variable_list& inputs) {
  const bool retain = retain_graph.value_or(create_graph);
  if (create_graph)
    warn("backward: Using backward() with create_graph=True will create a reference cycle between the "
         "parameter and its gradient which can cause a memory leak. Prefer autograd::grad(), or undefine the "
         "gradients after use to break the cycle");
  if (inputs.empty()) {
    differentiate(tensors, grad_tensors, nullptr, retain, create_graph);
    return;
  }
  const variable_list gradients = differentiate(tensors, grad_tensors, &inputs, retain, create_graph);
  AutoGradMode mode(create_graph);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (gradients[i].defined()) accumulate_grad(*inputs[i].impl()->storage, gradients[i]);
}
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& grad_outputs, std::optional<bool> retain_graph,
                         bool create_graph, bool allow_unused) {
  if (outputs.empty()) fail("grad: grad requires non-empty outputs.");
  if (inputs.empty()) fail("grad: grad requires non-empty inputs.");
  std::vector<Tensor> results =
      differentiate(outputs, grad_outputs, &inputs, retain_graph.value_or(create_graph), create_graph);
  for (const Tensor& gradient : results)
    if (!gradient.defined() && !allow_unused)
      fail("grad: One of the differentiated Tensors appears to not have been used in the graph. Set "
           "allow_unused=True if this is the desired behavior");
  return results;
}
} // namespace autograd

Tensor Tensor::detach() const {
  return make_view(*this, "detach", {});
}
Tensor& Tensor::detach_() const {
  const TensorImpl& impl = checked(*this, "detach_");
  if (!impl.lens.empty()) { // the handle becomes a view of the detached value
    const Tensor detached = detach();
    impl_->lens = detached.impl()->lens;
    impl_->cached = {};
    return const_cast<Tensor&>(*this);
  }
  Storage& storage = *impl.storage;
  if (Trace* trace = Trace::current())
    trace->assign(storage, apply("detach", {whole(impl.storage)}));
  else
    set_edge(storage, {});
  storage.requires_grad = false;
  return const_cast<Tensor&>(*this);
}
Tensor detach(const Tensor& x) {
  return x.detach();
}
std::string Tensor::toString() const {
  return defined() ? "CPU" + std::string(to_string(dtype())) + "Type" : "UndefinedType";
}

void set_num_threads(int threads) {
  runtime::set_num_threads(threads);
}
int get_num_threads() {
  return runtime::get_num_threads();
}

namespace cuda {
// Programs are compiled for CUDA but not run yet.
bool is_available() {
  return false;
}
int device_count() {
  return 0;
}
} // namespace cuda

} // namespace kiln
