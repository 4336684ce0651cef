// Elementwise functions of one tensor: promotion, then one op each or a short formula.
#include "core/apply.h"
#include "kiln/internal/capture.h"
#include "kiln/ops.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace kiln {

using namespace internal;

namespace {

Tensor floating(const Tensor& x, const char* op) {
  return is_floating(checked(x, op).type.dtype) ? x : x.to(get_default_dtype());
}

// Rounding functions leave whole numbers alone.
Tensor rounded(const Tensor& x, const char* op) {
  return is_floating(checked(x, op).type.dtype) ? apply(op, {x}) : x.clone();
}

} // namespace

#define KILN_SAME(name)                                                                                      \
  Tensor name(const Tensor& x) {                                                                             \
    return apply(#name, {x});                                                                                \
  }
#define KILN_ROUNDING(name)                                                                                  \
  Tensor name(const Tensor& x) {                                                                             \
    return rounded(x, #name);                                                                                \
  }
#define KILN_FLOATING(name)                                                                                  \
  Tensor name(const Tensor& x) {                                                                             \
    return apply(#name, {floating(x, #name)});                                                               \
  }
KILN_SAME(abs)
KILN_SAME(neg)
KILN_SAME(relu)
KILN_ROUNDING(floor)
KILN_ROUNDING(ceil)
KILN_ROUNDING(round)
KILN_ROUNDING(trunc)
KILN_FLOATING(exp)
KILN_FLOATING(expm1)
KILN_FLOATING(log)
KILN_FLOATING(log1p)
KILN_FLOATING(sqrt)
KILN_FLOATING(rsqrt)
KILN_FLOATING(sin)
KILN_FLOATING(cos)
KILN_FLOATING(tanh)
KILN_FLOATING(erf)
KILN_FLOATING(atan)
KILN_FLOATING(sigmoid)
KILN_FLOATING(silu)
KILN_FLOATING(softplus)
#undef KILN_SAME
#undef KILN_ROUNDING
#undef KILN_FLOATING

Tensor absolute(const Tensor& x) {
  return abs(x);
}
Tensor negative(const Tensor& x) {
  return neg(x);
}
Tensor positive(const Tensor& x) {
  if (checked(x, "positive").type.dtype == kBool)
    fail("positive: the + operator is not supported on bool tensors");
  return x;
}
Tensor sign(const Tensor& x) {
  return checked(x, "sign").type.dtype == kBool ? x.clone() : apply("sign", {x});
}
Tensor sgn(const Tensor& x) {
  return sign(x);
}
Tensor gelu(const Tensor& x, const std::string& approximate) {
  return apply("gelu", {floating(x, "gelu")}, {{"approximate", approximate}});
}
Tensor reciprocal(const Tensor& x) {
  return apply_binary("div", Scalar(1.0), floating(x, "reciprocal"));
}
Tensor square(const Tensor& x) {
  return pow(x, 2);
}
Tensor exp2(const Tensor& x) {
  return exp(mul(floating(x, "exp2"), std::numbers::ln2));
}
Tensor log2(const Tensor& x) {
  return mul(log(x), std::numbers::log2e);
}
Tensor log10(const Tensor& x) {
  return mul(log(x), std::numbers::log10e);
}
Tensor tan(const Tensor& x) {
  return div(sin(x), cos(x));
}
// By expm1: exp(x) - exp(-x) would lose all digits near 0. exp(|x|) is infinite where the result is.
Tensor sinh(const Tensor& x) {
  const Tensor size = abs(floating(x, "sinh")), e = expm1(mul(size, 0.5));
  const Tensor half = add(e, div(e, add(e, 1))); // 2 sinh(|x| / 2)
  const Tensor other = add(add(e, 1), reciprocal(add(e, 1)));
  return mul(mul(mul(half, other), 0.5), sign(x)); // sinh(x) = 2 sinh(x / 2) cosh(x / 2)
}
Tensor cosh(const Tensor& x) {
  const Tensor half = exp(mul(abs(floating(x, "cosh")), 0.5));
  const Tensor other = reciprocal(half);
  return mul(add(mul(half, half), mul(other, other)), 0.5);
}
Tensor asin(const Tensor& x) {
  const Tensor y = floating(x, "asin");
  return atan2(y, sqrt(mul(1 - y, 1 + y)));
}
Tensor acos(const Tensor& x) {
  const Tensor y = floating(x, "acos");
  return atan2(sqrt(mul(1 - y, 1 + y)), y);
}
Tensor erfc(const Tensor& x) {
  return 1 - erf(x);
}
Tensor logit(const Tensor& x, std::optional<double> eps) {
  const Tensor p = eps ? clamp(floating(x, "logit"), *eps, 1 - *eps) : floating(x, "logit");
  return sub(log(p), log1p(neg(p)));
}
Tensor frac(const Tensor& x) {
  return sub(x, trunc(x));
}
Tensor logical_not(const Tensor& x) {
  return apply("not", {checked(x, "logical_not").type.dtype == kBool ? x : x.to(kBool)});
}
Tensor bitwise_not(const Tensor& x) {
  if (is_floating(checked(x, "bitwise_not").type.dtype))
    fail("bitwise_not: not implemented for '" + std::string(to_string(x.dtype())) + "'");
  return apply("not", {x});
}
Tensor isnan(const Tensor& x) {
  return apply("ne", {x, x});
}
Tensor isinf(const Tensor& x) {
  if (!is_floating(checked(x, "isinf").type.dtype)) return zeros_like(x, kBool);
  return eq(abs(x), std::numeric_limits<double>::infinity());
}
Tensor isfinite(const Tensor& x) {
  if (!is_floating(checked(x, "isfinite").type.dtype)) return ones_like(x, kBool);
  return lt(abs(x), std::numeric_limits<double>::infinity());
}
Tensor nan_to_num(const Tensor& x, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  if (!is_floating(checked(x, "nan_to_num").type.dtype)) return x.clone();
  const double most =
      x.dtype() == kFloat64 ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
  const double infinity = std::numeric_limits<double>::infinity();
  Tensor result = where(isnan(x), nan.value_or(0), x);
  result = where(eq(result, infinity), posinf.value_or(most), result);
  return where(eq(result, -infinity), neginf.value_or(-most), result);
}

Tensor Tensor::to(DType dtype, bool, bool copy) const {
  if (checked(*this, "to").type.dtype == dtype) return copy ? clone() : *this;
  return apply("cast", {*this}, {{"dtype", std::string(kiln::name(dtype))}});
}
Tensor Tensor::to(Device device, bool, bool copy) const {
  if (!device.is_cpu()) fail("to: device " + device.str() + " is not available");
  return copy ? clone() : *this;
}
Tensor Tensor::to(Device device, DType dtype, bool non_blocking, bool copy) const {
  return to(device).to(dtype, non_blocking, copy);
}
Tensor Tensor::to(const TensorOptions& options, bool non_blocking, bool copy) const {
  if (options.requires_grad())
    fail("to: Operators taking TensorOptions cannot take a TensorOptions with "
         "options.requires_grad set as true. This isn't implemented yet.");
  return to(options.has_device() ? options.device() : device(),
            options.has_dtype() ? options.dtype() : dtype(), non_blocking, copy);
}
Tensor Tensor::to(const Tensor& other, bool non_blocking, bool copy) const {
  return to(other.device(), other.dtype(), non_blocking, copy);
}
Tensor Tensor::clone() const {
  // Values are immutable: a clone is another storage with the same value; the first write to either parts
  // them. Unless somebody holds an address of it: what he writes there must not reach the clone.
  Tensor copy = apply("reshape", {*this}, {{"shape", sizes().vec()}});
  if (!is_capturing() && impl_->storage->pinned) unshare(copy);
  return copy;
}
Tensor clone(const Tensor& x) {
  return x.clone();
}

} // namespace kiln
