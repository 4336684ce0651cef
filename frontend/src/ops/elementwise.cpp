// Elementwise functions: promotion, then one op each.
#include "core/apply.h"
#include "kiln/autograd.h"
#include "kiln/ops.h"

namespace kiln {

using namespace internal;

namespace {

Tensor floating(const Tensor& x, const char* op) {
  return is_floating(checked(x, op).type.dtype) ? x : x.to(kFloat32);
}
Tensor scaled(const Tensor& y, Scalar alpha) {
  return alpha.to<double>() == 1 ? y : mul(y, alpha);
}

} // namespace

// Those that keep the dtype, and those that compute in floating point.
#define KILN_SAME(name)                                                                                      \
  Tensor name(const Tensor& x) {                                                                             \
    return apply(#name, {x});                                                                                \
  }                                                                                                          \
  Tensor Tensor::name() const {                                                                              \
    return kiln::name(*this);                                                                                \
  }
#define KILN_FLOATING(name)                                                                                  \
  Tensor name(const Tensor& x) {                                                                             \
    return apply(#name, {floating(x, #name)});                                                               \
  }
#define KILN_FLOATING_METHOD(name)                                                                           \
  KILN_FLOATING(name)                                                                                        \
  Tensor Tensor::name() const {                                                                              \
    return kiln::name(*this);                                                                                \
  }
KILN_SAME(abs)
KILN_SAME(neg)
KILN_SAME(sign)
KILN_SAME(floor)
KILN_SAME(ceil)
KILN_SAME(round)
KILN_SAME(relu)
KILN_FLOATING_METHOD(exp)
KILN_FLOATING_METHOD(log)
KILN_FLOATING_METHOD(log1p)
KILN_FLOATING_METHOD(sqrt)
KILN_FLOATING_METHOD(rsqrt)
KILN_FLOATING_METHOD(sin)
KILN_FLOATING_METHOD(cos)
KILN_FLOATING_METHOD(tanh)
KILN_FLOATING_METHOD(erf)
KILN_FLOATING_METHOD(sigmoid)
KILN_FLOATING(expm1)
KILN_FLOATING(silu)
KILN_FLOATING(softplus)
#undef KILN_SAME
#undef KILN_FLOATING
#undef KILN_FLOATING_METHOD

Tensor gelu(const Tensor& x, const std::string& approximate) {
  return apply("gelu", {floating(x, "gelu")}, {{"approximate", approximate}});
}
Tensor reciprocal(const Tensor& x) {
  return apply_binary("div", Scalar(1.0), floating(x, "reciprocal"));
}
Tensor square(const Tensor& x) {
  return mul(x, x);
}
Tensor logical_not(const Tensor& x) {
  return apply("not", {x.to(kBool)});
}
Tensor Tensor::reciprocal() const {
  return kiln::reciprocal(*this);
}
Tensor Tensor::square() const {
  return kiln::square(*this);
}
Tensor Tensor::logical_not() const {
  return kiln::logical_not(*this);
}

Tensor add(const Tensor& x, const Tensor& y, Scalar alpha) {
  return apply_binary("add", x, scaled(y, alpha));
}
Tensor sub(const Tensor& x, const Tensor& y, Scalar alpha) {
  return apply_binary("sub", x, scaled(y, alpha));
}
Tensor add(const Tensor& x, Scalar y, Scalar alpha) {
  return apply_binary("add", x, alpha.to<double>() == 1 ? y : Scalar(y.to<double>() * alpha.to<double>()));
}
Tensor sub(const Tensor& x, Scalar y, Scalar alpha) {
  return apply_binary("sub", x, alpha.to<double>() == 1 ? y : Scalar(y.to<double>() * alpha.to<double>()));
}
Tensor operator-(Scalar x, const Tensor& y) {
  return apply_binary("sub", x, y);
}
Tensor operator/(Scalar x, const Tensor& y) {
  return apply_binary("div", x, y);
}
Tensor pow(Scalar x, const Tensor& exponent) {
  return apply_binary("pow", x, exponent);
}
Tensor Tensor::add(const Tensor& other, Scalar alpha) const {
  return kiln::add(*this, other, alpha);
}
Tensor Tensor::add(Scalar other, Scalar alpha) const {
  return kiln::add(*this, other, alpha);
}
Tensor Tensor::sub(const Tensor& other, Scalar alpha) const {
  return kiln::sub(*this, other, alpha);
}
Tensor Tensor::sub(Scalar other, Scalar alpha) const {
  return kiln::sub(*this, other, alpha);
}

#define KILN_BINARY(name)                                                                                    \
  Tensor name(const Tensor& x, const Tensor& y) {                                                            \
    return apply_binary(#name, x, y);                                                                        \
  }                                                                                                          \
  Tensor name(const Tensor& x, Scalar y) {                                                                   \
    return apply_binary(#name, x, y);                                                                        \
  }                                                                                                          \
  Tensor Tensor::name(const Tensor& y) const {                                                               \
    return kiln::name(*this, y);                                                                             \
  }                                                                                                          \
  Tensor Tensor::name(Scalar y) const {                                                                      \
    return kiln::name(*this, y);                                                                             \
  }
KILN_BINARY(mul)
KILN_BINARY(div)
KILN_BINARY(eq)
KILN_BINARY(ne)
KILN_BINARY(lt)
KILN_BINARY(le)
KILN_BINARY(gt)
KILN_BINARY(ge)
#undef KILN_BINARY

Tensor pow(const Tensor& x, const Tensor& exponent) {
  return apply_binary("pow", x, exponent);
}
// Small whole powers are products: exact for negative bases, and quicker than exp(y log x).
Tensor pow(const Tensor& x, Scalar exponent) {
  const double e = exponent.to<double>();
  if (e == 1) return mul(x, 1);
  if (e == 2) return mul(x, x);
  if (e == 3) return mul(mul(x, x), x);
  if (e == 0.5) return sqrt(x);
  if (e == -1) return reciprocal(x);
  return apply_binary("pow", x, exponent);
}
Tensor Tensor::pow(const Tensor& exponent) const {
  return kiln::pow(*this, exponent);
}
Tensor Tensor::pow(Scalar exponent) const {
  return kiln::pow(*this, exponent);
}

Tensor maximum(const Tensor& x, const Tensor& y) {
  return apply_binary("maximum", x, y);
}
Tensor minimum(const Tensor& x, const Tensor& y) {
  return apply_binary("minimum", x, y);
}
Tensor clamp_min(const Tensor& x, Scalar min) {
  return apply_binary("maximum", x, min);
}
Tensor clamp_max(const Tensor& x, Scalar max) {
  return apply_binary("minimum", x, max);
}
Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max) {
  if (!min && !max) fail("clamp: At least one of 'min' or 'max' must not be None");
  Tensor result = min ? clamp_min(x, *min) : x;
  return max ? clamp_max(result, *max) : result;
}
Tensor Tensor::clamp(std::optional<Scalar> min, std::optional<Scalar> max) const {
  return kiln::clamp(*this, min, max);
}
Tensor Tensor::clamp_min(Scalar min) const {
  return kiln::clamp_min(*this, min);
}
Tensor Tensor::clamp_max(Scalar max) const {
  return kiln::clamp_max(*this, max);
}

Tensor logical_and(const Tensor& x, const Tensor& y) {
  return apply("and", {x.to(kBool), y.to(kBool)});
}
Tensor logical_or(const Tensor& x, const Tensor& y) {
  return apply("or", {x.to(kBool), y.to(kBool)});
}
Tensor logical_xor(const Tensor& x, const Tensor& y) {
  return apply("xor", {x.to(kBool), y.to(kBool)});
}
Tensor Tensor::logical_and(const Tensor& y) const {
  return kiln::logical_and(*this, y);
}
Tensor Tensor::logical_or(const Tensor& y) const {
  return kiln::logical_or(*this, y);
}

Tensor where(const Tensor& condition, const Tensor& x, const Tensor& y) {
  const DType dtype = promote(checked(x, "where").type.dtype, checked(y, "where").type.dtype);
  return apply("where", {condition.to(kBool), x.to(dtype), y.to(dtype)});
}
Tensor where(const Tensor& condition, const Tensor& x, Scalar y) {
  const DType dtype = promote(checked(x, "where").type.dtype, y);
  return apply("where", {condition.to(kBool), x.to(dtype), scalar_operand(y, dtype)});
}
Tensor where(const Tensor& condition, Scalar x, const Tensor& y) {
  const DType dtype = promote(checked(y, "where").type.dtype, x);
  return apply("where", {condition.to(kBool), scalar_operand(x, dtype), y.to(dtype)});
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, Scalar value) {
  return apply("where", {mask.to(kBool), scalar_operand(value, checked(x, "masked_fill").type.dtype), x});
}
Tensor Tensor::masked_fill(const Tensor& mask, Scalar value) const {
  return kiln::masked_fill(*this, mask, value);
}

Tensor Tensor::to(DType dtype) const {
  if (checked(*this, "to").type.dtype == dtype) return *this;
  return apply("cast", {*this}, {{"dtype", std::string(kiln::name(dtype))}});
}
Tensor Tensor::to(Device device) const {
  if (!device.is_cpu()) fail("to: device " + device.str() + " is not available");
  return *this;
}
Tensor Tensor::to(const TensorOptions& options) const {
  const Tensor moved = options.has_device() ? to(options.device()) : *this;
  return options.has_dtype() ? moved.to(options.dtype()) : moved;
}
Tensor Tensor::clone() const {
  // Values are immutable: a clone is another storage with the same value; the first write to either parts
  // them.
  return apply("reshape", {*this}, {{"shape", sizes().vec()}});
}

} // namespace kiln
