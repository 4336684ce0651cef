// In-place functions: compute the new value, then give it to the storage.
#include "core/apply.h"
#include "kiln/autograd.h"
#include "kiln/ops.h"

namespace kiln {

using namespace internal;

namespace {

// The value with x's shape and dtype; what would need x to grow is an error.
Tensor& assign(Tensor& x, Tensor value, const char* op) {
  const TensorType& type = checked(x, op).type;
  if (!is_floating(type.dtype) && is_floating(value.dtype()))
    fail(std::string(op) + ": result type " + std::string(name(value.dtype())) +
         " can't be cast to the desired output type " + std::string(name(type.dtype)));
  value = value.to(type.dtype);
  if (!(value.sizes() == x.sizes())) {
    if (value.numel() > x.numel() || value.dim() > x.dim())
      fail(std::string(op) + ": output with shape " + to_string(type.shape) +
           " doesn't match the broadcast shape " + to_string(value.sizes().shape()));
    value = apply("broadcast", {value}, {{"shape", x.sizes().vec()}});
  }
  write(x, value);
  return x;
}

} // namespace

Tensor& Tensor::copy_(const Tensor& source) {
  checked(source, "copy_");
  const TensorType& type = checked(*this, "copy_").type;
  return assign(*this, source.to(type.dtype), "copy_");
}
Tensor& Tensor::fill_(Scalar value) {
  return assign(*this, full(sizes(), value, dtype()), "fill_");
}
Tensor& Tensor::zero_() {
  return fill_(0);
}
Tensor& Tensor::add_(const Tensor& other, Scalar alpha) {
  return assign(*this, add(other, alpha), "add_");
}
Tensor& Tensor::add_(Scalar other, Scalar alpha) {
  return assign(*this, add(other, alpha), "add_");
}
Tensor& Tensor::sub_(const Tensor& other, Scalar alpha) {
  return assign(*this, sub(other, alpha), "sub_");
}
Tensor& Tensor::sub_(Scalar other, Scalar alpha) {
  return assign(*this, sub(other, alpha), "sub_");
}
Tensor& Tensor::mul_(const Tensor& other) {
  return assign(*this, mul(other), "mul_");
}
Tensor& Tensor::mul_(Scalar other) {
  return assign(*this, mul(other), "mul_");
}
Tensor& Tensor::div_(const Tensor& other) {
  return assign(*this, div(other), "div_");
}
Tensor& Tensor::div_(Scalar other) {
  return assign(*this, div(other), "div_");
}
Tensor& Tensor::addcmul_(const Tensor& a, const Tensor& b, Scalar value) {
  return assign(*this, add(a.mul(b), value), "addcmul_");
}
Tensor& Tensor::addcdiv_(const Tensor& a, const Tensor& b, Scalar value) {
  return assign(*this, add(a.div(b), value), "addcdiv_");
}
Tensor& Tensor::clamp_(std::optional<Scalar> min, std::optional<Scalar> max) {
  return assign(*this, clamp(min, max), "clamp_");
}
Tensor& Tensor::relu_() {
  return assign(*this, relu(), "relu_");
}
Tensor& Tensor::masked_fill_(const Tensor& mask, Scalar value) {
  return assign(*this, masked_fill(mask, value), "masked_fill_");
}
Tensor& Tensor::uniform_(double low, double high) {
  return assign(*this, kiln::rand(sizes(), dtype()) * (high - low) + low, "uniform_");
}
Tensor& Tensor::normal_(double mean, double std) {
  return assign(*this, kiln::randn(sizes(), dtype()) * std + mean, "normal_");
}
Tensor& Tensor::bernoulli_(double p) {
  return assign(*this, kiln::rand(sizes(), kFloat32).lt(p).to(dtype()), "bernoulli_");
}

} // namespace kiln
