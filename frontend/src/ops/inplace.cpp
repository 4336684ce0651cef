// In-place functions: compute the new value, then give it to the storage.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"
#include "ops/assign.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace kiln {

using namespace internal;

namespace internal {

Tensor& assign(const Tensor& x, Tensor value, const char* op) {
  const TensorType& type = checked(x, op).type;
  auto kind = [](DType d) { return is_floating(d) ? 2 : d == kBool ? 0 : 1; };
  if (kind(value.dtype()) > kind(type.dtype))
    fail(std::string(op) + ": result type " + std::string(to_string(value.dtype())) +
         " can't be cast to the desired output type " + std::string(to_string(type.dtype)));
  if (value.dtype() != type.dtype) value = value.to(type.dtype);
  if (checked(value).type.shape != type.shape) {
    const auto both = ir::broadcast_shapes(value.sizes().shape(), type.shape);
    if (!both || *both != type.shape)
      fail(std::string(op) + ": output with shape " + to_string(type.shape) +
           " doesn't match the broadcast shape " + sizes_of(value));
    value = apply("broadcast", {value}, {{"shape", x.sizes().vec()}});
  }
  write(x, value, op);
  return const_cast<Tensor&>(x);
}

} // namespace internal

// Between kinds of numbers a copy converts, where arithmetic in place would refuse.
Tensor& Tensor::copy_(const Tensor& source, bool) const {
  checked(source, "copy_");
  const TensorType& type = checked(*this, "copy_").type;
  return assign(*this, source.to(type.dtype), "copy_");
}
Tensor& Tensor::fill_(Scalar value) const {
  return assign(*this, full(sizes(), value, dtype()), "fill_");
}
Tensor& Tensor::fill_(const Tensor& value) const {
  if (rank_of(value, "fill_") != 0)
    fail("fill_: only supports 0-dimension value tensor but got tensor with " + std::to_string(value.dim()) +
         " dimensions.");
  return copy_(value);
}
Tensor& Tensor::zero_() const {
  return fill_(0);
}
Tensor& Tensor::addmm_(const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) const {
  return assign(*this, addmm(a, b, beta, alpha), "addmm_");
}
Tensor& Tensor::tril_(std::int64_t diagonal) const {
  return assign(*this, tril(diagonal), "tril_");
}
Tensor& Tensor::triu_(std::int64_t diagonal) const {
  return assign(*this, triu(diagonal), "triu_");
}
Tensor& Tensor::fill_diagonal_(Scalar value) const {
  if (rank_of(*this, "fill_diagonal_") != 2) fail("fill_diagonal_: expected a matrix");
  diagonal().fill_(value);
  return const_cast<Tensor&>(*this);
}
Tensor& Tensor::uniform_(double low, double high) const {
  if (low > high)
    fail("uniform_: expects to return a [from, to) range, but found from=" + std::to_string(low) +
         " > to=" + std::to_string(high));
  return assign(*this, kiln::rand(sizes(), dtype()) * (high - low) + low, "uniform_");
}
Tensor& Tensor::normal_(double mean, double std) const {
  if (std < 0) fail("normal_: normal expects std >= 0.0, but found std " + std::to_string(std));
  return assign(*this, kiln::randn(sizes(), dtype()) * std + mean, "normal_");
}
Tensor& Tensor::bernoulli_(double p) const {
  if (p < 0 || p > 1) fail("bernoulli_: expects p to be in [0, 1], but got p=" + std::to_string(p));
  return assign(*this, kiln::rand(sizes(), kFloat32).lt(p).to(dtype()), "bernoulli_");
}
Tensor& Tensor::exponential_(double lambda) const {
  if (lambda <= 0) fail("exponential_: expects lambda > 0.0, but found lambda=" + std::to_string(lambda));
  return assign(*this, kiln::log1p(-kiln::rand(sizes(), dtype())) * (-1 / lambda), "exponential_");
}
Tensor& Tensor::log_normal_(double mean, double std) const {
  if (std <= 0) fail("log_normal_: expects std > 0.0, but found std=" + std::to_string(std));
  return assign(*this, kiln::exp(kiln::randn(sizes(), dtype()) * std + mean), "log_normal_");
}
Tensor& Tensor::cauchy_(double median, double sigma) const {
  if (sigma <= 0) fail("cauchy_: expects sigma > 0.0, but found sigma=" + std::to_string(sigma));
  const Tensor angle = (kiln::rand(sizes(), dtype()) - 0.5) * std::numbers::pi;
  return assign(*this, kiln::tan(angle) * sigma + median, "cauchy_");
}
Tensor& Tensor::geometric_(double p) const {
  if (p <= 0 || p >= 1) fail("geometric_: expects p to be in (0, 1), but got p=" + std::to_string(p));
  const DType real = is_floating(dtype()) ? dtype() : kFloat64;
  const Tensor trials = kiln::floor(kiln::log1p(-kiln::rand(sizes(), real)) * (1 / std::log1p(-p))) + 1;
  return assign(*this, trials.to(dtype()), "geometric_");
}
Tensor& Tensor::random_() const {
  switch (dtype()) {
  case kBool:
    return random_(0, 2);
  case kUInt8:
    return random_(0, 256);
  case kInt8:
    return random_(0, 128);
  case kInt32:
    return random_(0, std::numeric_limits<std::int32_t>::max());
  case kFloat32:
    return random_(0, (1 << 24) + 1);
  default:
    return random_(0, std::int64_t{1} << 53);
  }
}
Tensor& Tensor::random_(std::int64_t to) const {
  return random_(0, to);
}
Tensor& Tensor::random_(std::int64_t from, std::int64_t to) const {
  return copy_(randint(from, to, sizes(), kInt64));
}

} // namespace kiln
