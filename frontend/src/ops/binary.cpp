// Elementwise functions of two tensors, or a tensor and a number, and choosing between two.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/ops.h"

#include <cmath>

namespace kiln {

using namespace internal;

namespace {

bool is_bool(const char* op, const Tensor& x) {
  return checked(x, op).type.dtype == kBool;
}
bool is_bool(const char*, Scalar x) {
  return x.isBoolean();
}
// Sums, products and orders of truth values are logic.
template <class X, class Y> Tensor arithmetic(const char* op, const char* logic, const X& x, const Y& y) {
  return apply_binary(is_bool(op, x) && is_bool(op, y) ? logic : op, x, y);
}

void check_alpha(const char* op, DType dtype, Scalar alpha) {
  if (!is_floating(dtype) && alpha.is_floating_point())
    fail(std::string(op) +
         ": For integral input tensors, argument alpha must not be a floating point number.");
}
Tensor scaled(const char* op, const Tensor& x, const Tensor& y, Scalar alpha) {
  if (alpha.to<double>() == 1) return y;
  check_alpha(op, promote(x, y), alpha);
  return mul(y, alpha);
}
Scalar scaled(const char* op, const Tensor& x, Scalar y, Scalar alpha) {
  if (alpha.to<double>() == 1) return y;
  check_alpha(op, promote(checked(x, op).type.dtype, y), alpha);
  if (y.is_floating_point() || alpha.is_floating_point()) return y.to<double>() * alpha.to<double>();
  return y.to<std::int64_t>() * alpha.to<std::int64_t>();
}
void check_no_bools(bool bools) {
  if (bools)
    fail("sub: Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
         "`logical_xor()` "
         "operator instead.");
}

template <class X, class Y> Tensor fmod_of(const X& x, const Y& y) {
  return apply_binary("fmod", x, y);
}
Tensor has_other_sign(const Tensor& rest, const Tensor& y) {
  return logical_and(ne(rest, 0), apply("ne", {lt(rest, 0), lt(y, 0)}));
}
Tensor has_other_sign(const Tensor& rest, Scalar y) {
  return y.to<double>() < 0 ? gt(rest, 0) : lt(rest, 0);
}
Tensor operand(const Tensor& y, DType dtype) {
  return y.to(dtype);
}
Tensor operand(Scalar y, DType dtype) {
  return scalar_operand(y, dtype);
}

// fmod with the divisor's sign.
template <class Y> Tensor remainder_of(const Tensor& x, const Y& y) {
  const Tensor rest = fmod_of(x, y);
  return where(has_other_sign(rest, y), apply("add", {rest, operand(y, rest.dtype())}), rest);
}
// As ATen: the quotient of what remainder leaves, so that x = floor_divide(x, y) * y + remainder(x, y).
template <class Y> Tensor floor_divided(const Tensor& x, const Y& y) {
  const Tensor rest = remainder_of(x, y);
  const DType dtype = rest.dtype();
  const Tensor whole = apply("sub", {x.to(dtype), rest});
  if (!is_floating(dtype)) return apply("div", {whole, operand(y, dtype)});
  const Tensor quotient = apply("div", {whole, operand(y, dtype)});
  return where(isfinite(quotient), round(quotient), div(x, y));
}
DType common_dtype(const Tensor& x, const Tensor& y) {
  return promote(x, y);
}
DType common_dtype(const Tensor& x, Scalar y) {
  return promote(checked(x, "div").type.dtype, y);
}
template <class Y>
Tensor rounded_quotient(const Tensor& x, const Y& y, std::optional<std::string_view> rounding_mode) {
  if (!rounding_mode) return div(x, y);
  if (*rounding_mode == "floor") return floor_divide(x, y);
  if (*rounding_mode != "trunc")
    fail("div: expected rounding_mode to be one of none, 'trunc', or 'floor' but found '" +
         std::string(*rounding_mode) + "'");
  const DType dtype = common_dtype(x, y);
  if (is_floating(dtype)) return trunc(div(x, y));
  return apply("div", {x.to(dtype), operand(y, dtype)});
}

} // namespace

Tensor add(const Tensor& x, const Tensor& y, Scalar alpha) {
  return arithmetic("add", "or", x, scaled("add", x, y, alpha));
}
Tensor add(const Tensor& x, Scalar y, Scalar alpha) {
  return arithmetic("add", "or", x, scaled("add", x, y, alpha));
}
Tensor sub(const Tensor& x, const Tensor& y, Scalar alpha) {
  check_no_bools(is_bool("sub", x) && is_bool("sub", y));
  return apply_binary("sub", x, scaled("sub", x, y, alpha));
}
Tensor sub(const Tensor& x, Scalar y, Scalar alpha) {
  check_no_bools(is_bool("sub", x) && is_bool("sub", y));
  return apply_binary("sub", x, scaled("sub", x, y, alpha));
}
Tensor mul(const Tensor& x, const Tensor& y) {
  return arithmetic("mul", "and", x, y);
}
Tensor mul(const Tensor& x, Scalar y) {
  return arithmetic("mul", "and", x, y);
}
Tensor maximum(const Tensor& x, const Tensor& y) {
  return arithmetic("maximum", "or", x, y);
}
Tensor minimum(const Tensor& x, const Tensor& y) {
  return arithmetic("minimum", "and", x, y);
}

#define KILN_BINARY(name)                                                                                    \
  Tensor name(const Tensor& x, const Tensor& y) {                                                            \
    return apply_binary(#name, x, y);                                                                        \
  }                                                                                                          \
  Tensor name(const Tensor& x, Scalar y) {                                                                   \
    return apply_binary(#name, x, y);                                                                        \
  }
KILN_BINARY(div)
KILN_BINARY(eq)
KILN_BINARY(ne)
KILN_BINARY(lt)
KILN_BINARY(le)
KILN_BINARY(gt)
KILN_BINARY(ge)
#undef KILN_BINARY

Tensor true_divide(const Tensor& x, const Tensor& y) {
  return div(x, y);
}
Tensor true_divide(const Tensor& x, Scalar y) {
  return div(x, y);
}
Tensor fmod(const Tensor& x, const Tensor& y) {
  return fmod_of(x, y);
}
Tensor fmod(const Tensor& x, Scalar y) {
  return fmod_of(x, y);
}
Tensor remainder(const Tensor& x, const Tensor& y) {
  return remainder_of(x, y);
}
Tensor remainder(const Tensor& x, Scalar y) {
  return remainder_of(x, y);
}
Tensor floor_divide(const Tensor& x, const Tensor& y) {
  return floor_divided(x, y);
}
Tensor floor_divide(const Tensor& x, Scalar y) {
  return floor_divided(x, y);
}
Tensor div(const Tensor& x, const Tensor& y, std::optional<std::string_view> rounding_mode) {
  return rounded_quotient(x, y, rounding_mode);
}
Tensor div(const Tensor& x, Scalar y, std::optional<std::string_view> rounding_mode) {
  return rounded_quotient(x, y, rounding_mode);
}
Tensor operator-(Scalar x, const Tensor& y) {
  check_no_bools(is_bool("sub", x) && is_bool("sub", y));
  return apply_binary("sub", x, y);
}
Tensor operator/(Scalar x, const Tensor& y) {
  return apply_binary("div", x, y);
}
Tensor operator%(Scalar x, const Tensor& y) {
  return remainder(full_like(y, x, promote(checked(y, "remainder").type.dtype, x)), y);
}
Tensor atan2(const Tensor& y, const Tensor& x) {
  return apply_binary("atan2", y, x);
}
Tensor hypot(const Tensor& x, const Tensor& y) {
  return sqrt(add(mul(x, x), mul(y, y)));
}
Tensor logaddexp(const Tensor& x, const Tensor& y) {
  const Tensor most = maximum(x, y).detach();
  const Tensor base = where(isfinite(most), most, 0);
  return add(log(add(exp(sub(x, base)), exp(sub(y, base)))), base);
}

Tensor pow(const Tensor& x, const Tensor& exponent) {
  return apply_binary("pow", x, exponent);
}
// Small whole powers are products: exact for negative bases, and quicker than exp(y log x).
Tensor pow(const Tensor& x, Scalar exponent) {
  const double e = exponent.to<double>();
  const DType dtype = promote(checked(x, "pow").type.dtype, exponent);
  if (!is_floating(dtype) && e < 0) fail("pow: Integers to negative integer powers are not allowed.");
  const Tensor base = x.to(dtype);
  if (e == 0) return ones_like(base);
  if (e == 1) return mul(base, 1);
  if (e == 2) return mul(base, base);
  if (e == 3) return mul(mul(base, base), base);
  if (e == 0.5) return sqrt(base);
  if (e == -1) return reciprocal(base);
  return apply_binary("pow", base, exponent);
}
Tensor pow(Scalar x, const Tensor& exponent) {
  return apply_binary("pow", x, exponent);
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
Tensor clamp(const Tensor& x, const std::optional<Tensor>& min, const std::optional<Tensor>& max) {
  const bool lower = min && min->defined(), upper = max && max->defined();
  if (!lower && !upper) fail("clamp: At least one of 'min' or 'max' must not be None");
  Tensor result = lower ? maximum(x, *min) : x;
  return upper ? minimum(result, *max) : result;
}
Tensor clip(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max) {
  return clamp(x, min, max);
}
Tensor lerp(const Tensor& x, const Tensor& end, Scalar weight) {
  return add(x, mul(sub(end, x), weight));
}
Tensor lerp(const Tensor& x, const Tensor& end, const Tensor& weight) {
  return add(x, mul(sub(end, x), weight));
}
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value) {
  return add(x, mul(a, b), value);
}
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value) {
  return add(x, div(a, b), value);
}

namespace {
Tensor truth(const Tensor& x, const char* op) {
  return checked(x, op).type.dtype == kBool ? x : x.to(kBool);
}
template <class Y> Tensor bits(const char* op, const char* name, const Tensor& x, const Y& y, DType dtype) {
  if (is_floating(dtype))
    fail(std::string(name) + ": not implemented for '" + std::string(to_string(dtype)) + "'");
  return apply_binary(op, x, y);
}
} // namespace

#define KILN_LOGIC(name, op)                                                                                 \
  Tensor logical_##name(const Tensor& x, const Tensor& y) {                                                  \
    return apply(op, {truth(x, "logical_" #name), truth(y, "logical_" #name)});                              \
  }                                                                                                          \
  Tensor bitwise_##name(const Tensor& x, const Tensor& y) {                                                  \
    return bits(op, "bitwise_" #name, x, y, promote(x, y));                                                  \
  }                                                                                                          \
  Tensor bitwise_##name(const Tensor& x, Scalar y) {                                                         \
    return bits(op, "bitwise_" #name, x, y, promote(checked(x, "bitwise_" #name).type.dtype, y));            \
  }
KILN_LOGIC(and, "and")
KILN_LOGIC(or, "or")
KILN_LOGIC(xor, "xor")
#undef KILN_LOGIC

Tensor isclose(const Tensor& x, const Tensor& y, double rtol, double atol, bool equal_nan) {
  if (checked(x, "isclose").type.dtype != checked(y, "isclose").type.dtype)
    fail("isclose: " + std::string(to_string(x.dtype())) + " did not match " +
         std::string(to_string(y.dtype())));
  const Tensor same = eq(x, y);
  if (x.dtype() == kBool) return same;
  const Tensor distance = abs(sub(x, y));
  Tensor close = logical_and(le(distance, add(mul(abs(y), rtol), atol)), isfinite(distance));
  if (equal_nan) close = logical_or(close, logical_and(isnan(x), isnan(y)));
  return logical_or(same, close);
}

Tensor where(const Tensor& condition, const Tensor& x, const Tensor& y) {
  const DType dtype = promote(x, y);
  return apply("where", {truth(condition, "where"), x.to(dtype), y.to(dtype)});
}
Tensor where(const Tensor& condition, const Tensor& x, Scalar y) {
  const DType dtype = promote(checked(x, "where").type.dtype, y);
  return apply("where", {truth(condition, "where"), x.to(dtype), scalar_operand(y, dtype)});
}
Tensor where(const Tensor& condition, Scalar x, const Tensor& y) {
  const DType dtype = promote(checked(y, "where").type.dtype, x);
  return apply("where", {truth(condition, "where"), scalar_operand(x, dtype), y.to(dtype)});
}
Tensor where(const Tensor& condition, Scalar x, Scalar y) {
  const DType dtype = x.is_floating_point() || y.is_floating_point() ? get_default_dtype()
                      : x.isBoolean() && y.isBoolean()               ? kBool
                                                                     : kInt64;
  return apply("where", {truth(condition, "where"), scalar_operand(x, dtype), scalar_operand(y, dtype)});
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, Scalar value) {
  return apply("where",
               {truth(mask, "masked_fill"), scalar_operand(value, checked(x, "masked_fill").type.dtype), x},
               {}, "masked_fill");
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value) {
  if (rank_of(value, "masked_fill") != 0)
    fail("masked_fill: only supports a 0-dimensional value tensor, but got tensor with " +
         std::to_string(value.dim()) + " dimension(s).");
  return apply("where", {truth(mask, "masked_fill"), value.to(checked(x, "masked_fill").type.dtype), x}, {},
               "masked_fill");
}

} // namespace kiln
