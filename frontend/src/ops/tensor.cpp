// Tensor's queries, host access and autograd members.
#include "kiln/tensor.h"

#include "core/apply.h"
#include "core/tape.h"
#include "core/trace.h"
#include "kiln/internal/capture.h"
#include "kiln/ops.h"
#include "kiln/runtime/parallel.h"

#include <cstring>

namespace kiln {

using namespace internal;

IntArrayRef Tensor::sizes() const {
  return checked(*this, "sizes").type.shape;
}
std::int64_t Tensor::size(std::int64_t dim) const {
  const Shape& shape = checked(*this, "size").type.shape;
  return shape[static_cast<std::size_t>(wrap_dim(dim, shape.rank(), "size"))];
}
std::int64_t Tensor::dim() const {
  return static_cast<std::int64_t>(checked(*this, "dim").type.shape.rank());
}
std::int64_t Tensor::numel() const {
  return checked(*this, "numel").type.shape.numel();
}
DType Tensor::dtype() const {
  return checked(*this, "dtype").type.dtype;
}
Device Tensor::device() const {
  return checked(*this, "device"), Device(kCPU);
}
TensorOptions Tensor::options() const {
  return TensorOptions(dtype()).device(device());
}

template <> Scalar Tensor::item<Scalar>() const {
  if (numel() != 1)
    fail("item: a Tensor with " + std::to_string(numel()) + " elements cannot be converted to Scalar");
  const runtime::Buffer buffer = host_value(*this);
  switch (dtype()) {
  case DType::Float32:
    return *buffer.as<float>();
  case DType::Float64:
    return *buffer.as<double>();
  case DType::Int64:
    return *buffer.as<std::int64_t>();
  case DType::Int32:
    return *buffer.as<std::int32_t>();
  case DType::Int8:
    return *buffer.as<std::int8_t>();
  case DType::UInt8:
    return *buffer.as<std::uint8_t>();
  case DType::Bool:
    return *buffer.as<bool>();
  default:
    fail("item: dtype " + std::string(name(dtype())) + " is not supported yet");
  }
}

// An address that is handed out is this tensor's own: nobody shares it, and writes keep it.
void* Tensor::data_ptr() const {
  checked(*this, "data_ptr");
  host_value(*this);
  const Tensor value = read(*this);
  Storage& storage = *value.impl()->storage;
  if (impl_->lens.empty() && !storage.buffer.unique()) {
    runtime::Buffer copy = runtime::Buffer::allocate(storage.buffer.size());
    std::memcpy(copy.data(), storage.buffer.data(), storage.buffer.size());
    storage.buffer = std::move(copy);
  }
  storage.pinned = true;
  return storage.buffer.data();
}

#define KILN_DATA_PTR(type, expected)                                                                        \
  template <> type* Tensor::data_ptr<type>() const {                                                         \
    if (dtype() != expected)                                                                                 \
      fail("data_ptr: expected scalar type " + std::string(name(expected)) + " but found " +                 \
           std::string(name(dtype())));                                                                      \
    return static_cast<type*>(data_ptr());                                                                   \
  }
KILN_DATA_PTR(float, kFloat32)
KILN_DATA_PTR(double, kFloat64)
KILN_DATA_PTR(std::int64_t, kInt64)
KILN_DATA_PTR(std::int32_t, kInt32)
KILN_DATA_PTR(std::uint8_t, kUInt8)
KILN_DATA_PTR(std::int8_t, kInt8)
KILN_DATA_PTR(bool, kBool)
#undef KILN_DATA_PTR

namespace {
bool lens_detaches(const TensorImpl& impl) {
  for (const ViewOp& view : impl.lens)
    if (view.op == "detach") return true;
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
Tensor& Tensor::requires_grad_(bool value) {
  const TensorImpl& impl = checked(*this, "requires_grad_");
  if (value && !is_floating(impl.type.dtype))
    fail("requires_grad_: only Tensors of floating point dtype can require gradients, got " +
         std::string(name(impl.type.dtype)));
  if (!impl.lens.empty()) { // a view that starts to need gradients is a leaf of its own
    const Tensor value_now = read(*this);
    impl_ = make_tensor(impl.type, value_now.impl()->storage->buffer).impl();
  }
  Storage& storage = *impl_->storage;
  if (!value && storage.grad_fn)
    fail("requires_grad_: you can only change requires_grad flags of leaf variables");
  if (storage.requires_grad != value) bump_structure_epoch();
  if (!storage.grad_fn) storage.requires_grad = value;
  return *this;
}
bool Tensor::is_leaf() const {
  const TensorImpl& impl = checked(*this, "is_leaf");
  return !requires_grad() || (impl.storage->requires_grad && !impl.storage->grad_fn && impl.lens.empty());
}
const Tensor& Tensor::grad() const {
  static const Tensor undefined;
  const TensorImpl& impl = checked(*this, "grad");
  if (!impl.lens.empty()) return undefined;
  if (Trace* trace = Trace::current()) trace->note_grad_read(impl.storage);
  return impl.storage->grad;
}
Tensor& Tensor::mutable_grad() {
  const TensorImpl& impl = checked(*this, "mutable_grad");
  if (Trace* trace = Trace::current()) trace->note_grad_change(impl.storage);
  return impl.storage->grad;
}
std::shared_ptr<Node> Tensor::grad_fn() const {
  const Tensor value = read(*this);
  return value.impl()->storage->grad_fn;
}
void Tensor::retain_grad() const {
  Storage& storage = *checked(*this, "retain_grad").storage;
  if (!requires_grad()) fail("retain_grad: can't retain_grad on Tensor that has requires_grad=False");
  if (!storage.grad_fn) return;
  auto& retained = storage.grad_fn->retained;
  retained.resize(std::max<std::size_t>(retained.size(), storage.grad_output + 1));
  retained[storage.grad_output] = impl_->storage;
}

namespace {
Tensor seed_for(const Tensor& output, const Tensor& gradient) {
  if (gradient.defined()) {
    if (!(gradient.sizes() == output.sizes()))
      fail("backward: Mismatch in shape: grad_output has a shape of " + to_string(gradient.sizes().shape()) +
           " and output has a shape of " + to_string(output.sizes().shape()));
    return read(gradient);
  }
  if (output.numel() != 1)
    fail("backward: grad can be implicitly created only for scalar outputs, got shape " +
         to_string(output.sizes().shape()));
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
  if (Trace* trace = Trace::current()) return trace->backward(values, seeds, wanted, retain, create);
  return run_backward(values, seeds, wanted, retain, create);
}
} // namespace

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph, bool create_graph) const {
  differentiate({*this}, {gradient}, nullptr, retain_graph.value_or(create_graph), create_graph);
}

namespace autograd {
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& grad_outputs, std::optional<bool> retain_graph,
                         bool create_graph, bool allow_unused) {
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
Tensor& Tensor::detach_() {
  Storage& storage = *checked(*this, "detach_").storage;
  storage.grad_fn = nullptr;
  storage.requires_grad = false;
  return *this;
}
Tensor detach(const Tensor& x) {
  return x.detach();
}
std::string Tensor::toString() const {
  return defined() ? "CPU" + std::string(name(dtype())) : "UndefinedType";
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
