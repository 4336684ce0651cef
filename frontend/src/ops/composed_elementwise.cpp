// Composed functions of each element, and other names of functions.
#include "core/apply.h"
#include "kiln/composed.h"

#include <limits>
#include <numbers>

namespace kiln {

using namespace internal;

#define KILN_ALIAS(name, function)                                                                           \
  Tensor name(const Tensor& x, const Tensor& y) {                                                            \
    return function(x, y);                                                                                   \
  }                                                                                                          \
  Tensor name(const Tensor& x, Scalar y) {                                                                   \
    return function(x, y);                                                                                   \
  }
KILN_ALIAS(greater, gt)
KILN_ALIAS(greater_equal, ge)
KILN_ALIAS(less, lt)
KILN_ALIAS(less_equal, le)
KILN_ALIAS(not_equal, ne)
KILN_ALIAS(multiply, mul)
KILN_ALIAS(divide, div)
#undef KILN_ALIAS
Tensor subtract(const Tensor& x, const Tensor& y, Scalar alpha) {
  return sub(x, y, alpha);
}
Tensor subtract(const Tensor& x, Scalar y, Scalar alpha) {
  return sub(x, y, alpha);
}

namespace {

Tensor floating(const Tensor& x, const char* op) {
  return is_floating(checked(x, op).type.dtype) ? x : x.to(get_default_dtype());
}

constexpr double kLarge = 1e9; ///< beyond, x^2 + 1 is x^2 in any dtype, and x^2 may overflow

/// f(x) for x <= kLarge, and log(2 x) beyond.
template <class F> Tensor log_beyond(const Tensor& x, F f) {
  const Tensor large = x > kLarge;
  return where(large, log(where(large, x, 1)) + std::numbers::ln2, f(where(large, 1, x)));
}

Tensor equals_infinity(const Tensor& x, double infinity, const char* op) {
  return is_floating(checked(x, op).type.dtype) ? eq(x, infinity) : zeros_like(x, kBool);
}

} // namespace

// Of |x|, by log1p: log(x + sqrt(x^2 + 1)) has no digits left near 0 and for negative x.
Tensor asinh(const Tensor& x) {
  const Tensor y = floating(x, "asinh"), negative = y < 0, size = where(negative, -y, y);
  const Tensor result = log_beyond(size, [](const Tensor& s) {
    const Tensor squares = square(s);
    return log1p(s + squares / (sqrt(squares + 1) + 1));
  });
  return where(negative, -result, result);
}
Tensor acosh(const Tensor& x) {
  return log_beyond(floating(x, "acosh"), [](const Tensor& y) {
    const Tensor above = y - 1;
    return log1p(above + sqrt(above * (y + 1)));
  });
}
Tensor atanh(const Tensor& x) {
  const Tensor y = floating(x, "atanh");
  return (log1p(y) - log1p(-y)) * 0.5;
}
Tensor deg2rad(const Tensor& x) {
  return floating(x, "deg2rad") * (std::numbers::pi / 180);
}
Tensor rad2deg(const Tensor& x) {
  return floating(x, "rad2deg") * (180 / std::numbers::pi);
}
Tensor sinc(const Tensor& x) {
  const Tensor angle = floating(x, "sinc") * std::numbers::pi, zero = angle == 0,
               safe = where(zero, 1, angle);
  return where(zero, 1, sin(safe) / safe);
}
Tensor isposinf(const Tensor& x) {
  return equals_infinity(x, std::numeric_limits<double>::infinity(), "isposinf");
}
Tensor isneginf(const Tensor& x) {
  return equals_infinity(x, -std::numeric_limits<double>::infinity(), "isneginf");
}

// Where both are equal the gradient goes to x, as ATen has it.
Tensor fmax(const Tensor& x, const Tensor& y) {
  return where(logical_or(x >= y, isnan(y)), x, y);
}
Tensor fmin(const Tensor& x, const Tensor& y) {
  return where(logical_or(x <= y, isnan(y)), x, y);
}
Tensor xlogy(const Tensor& x, const Tensor& y) {
  const Tensor factor = floating(x, "xlogy"), number = floating(y, "xlogy");
  const Tensor finite = logical_and(number > 0, number < std::numeric_limits<double>::infinity());
  const Tensor zero = logical_and(factor == 0, logical_not(logical_or(finite, isnan(number))));
  return factor * where(zero, 0, log(where(zero, 1, number)));
}
Tensor xlogy(const Tensor& x, Scalar y) {
  const Tensor factor = floating(x, "xlogy");
  return xlogy(factor, scalar_tensor(y, factor.dtype()));
}
Tensor logaddexp2(const Tensor& x, const Tensor& y) {
  return logaddexp(x * std::numbers::ln2, y * std::numbers::ln2) * std::numbers::log2e;
}

DType promote_types(DType x, DType y) {
  return promote(x, y);
}
DType result_type(const Tensor& x, const Tensor& y) {
  return promote(x, y);
}

} // namespace kiln
