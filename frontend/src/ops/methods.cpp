// The methods of Tensor that are free functions by another spelling, and their in-place forms.
#include "core/apply.h"
#include "kiln/ops.h"
#include "ops/assign.h"

namespace kiln {

using namespace internal;

#define KILN_UNARY(name)                                                                                     \
  Tensor Tensor::name() const {                                                                              \
    return kiln::name(*this);                                                                                \
  }
#define KILN_UNARY_INPLACE(name)                                                                             \
  KILN_UNARY(name)                                                                                           \
  Tensor& Tensor::name##_() const {                                                                          \
    return assign(*this, kiln::name(*this), #name "_");                                                      \
  }
KILN_UNARY(absolute)
KILN_UNARY(negative)
KILN_UNARY(positive)
KILN_UNARY(sgn)
KILN_UNARY(isnan)
KILN_UNARY(isinf)
KILN_UNARY(isfinite)
KILN_UNARY_INPLACE(abs)
KILN_UNARY_INPLACE(neg)
KILN_UNARY_INPLACE(exp)
KILN_UNARY_INPLACE(exp2)
KILN_UNARY_INPLACE(expm1)
KILN_UNARY_INPLACE(log)
KILN_UNARY_INPLACE(log2)
KILN_UNARY_INPLACE(log10)
KILN_UNARY_INPLACE(log1p)
KILN_UNARY_INPLACE(sqrt)
KILN_UNARY_INPLACE(rsqrt)
KILN_UNARY_INPLACE(reciprocal)
KILN_UNARY_INPLACE(square)
KILN_UNARY_INPLACE(sin)
KILN_UNARY_INPLACE(cos)
KILN_UNARY_INPLACE(tan)
KILN_UNARY_INPLACE(asin)
KILN_UNARY_INPLACE(acos)
KILN_UNARY_INPLACE(atan)
KILN_UNARY_INPLACE(sinh)
KILN_UNARY_INPLACE(cosh)
KILN_UNARY_INPLACE(tanh)
KILN_UNARY_INPLACE(erf)
KILN_UNARY_INPLACE(erfc)
KILN_UNARY_INPLACE(sigmoid)
KILN_UNARY_INPLACE(logit)
KILN_UNARY_INPLACE(relu)
KILN_UNARY_INPLACE(sign)
KILN_UNARY_INPLACE(floor)
KILN_UNARY_INPLACE(ceil)
KILN_UNARY_INPLACE(round)
KILN_UNARY_INPLACE(trunc)
KILN_UNARY_INPLACE(frac)
KILN_UNARY_INPLACE(logical_not)
KILN_UNARY_INPLACE(bitwise_not)
#undef KILN_UNARY
#undef KILN_UNARY_INPLACE

#define KILN_TENSOR(name)                                                                                    \
  Tensor Tensor::name(const Tensor& other) const {                                                           \
    return kiln::name(*this, other);                                                                         \
  }
#define KILN_TENSOR_INPLACE(name)                                                                            \
  KILN_TENSOR(name)                                                                                          \
  Tensor& Tensor::name##_(const Tensor& other) const {                                                       \
    return assign(*this, kiln::name(*this, other), #name "_");                                               \
  }
#define KILN_BINARY(name)                                                                                    \
  KILN_TENSOR(name)                                                                                          \
  Tensor Tensor::name(Scalar other) const {                                                                  \
    return kiln::name(*this, other);                                                                         \
  }
#define KILN_BINARY_INPLACE(name)                                                                            \
  KILN_BINARY(name)                                                                                          \
  Tensor& Tensor::name##_(const Tensor& other) const {                                                       \
    return assign(*this, kiln::name(*this, other), #name "_");                                               \
  }                                                                                                          \
  Tensor& Tensor::name##_(Scalar other) const {                                                              \
    return assign(*this, kiln::name(*this, other), #name "_");                                               \
  }
KILN_TENSOR(maximum)
KILN_TENSOR(minimum)
KILN_TENSOR_INPLACE(logical_and)
KILN_TENSOR_INPLACE(logical_or)
KILN_TENSOR_INPLACE(logical_xor)
KILN_BINARY_INPLACE(mul)
KILN_BINARY_INPLACE(div)
KILN_BINARY_INPLACE(floor_divide)
KILN_BINARY_INPLACE(remainder)
KILN_BINARY_INPLACE(fmod)
KILN_BINARY_INPLACE(pow)
KILN_BINARY_INPLACE(eq)
KILN_BINARY_INPLACE(ne)
KILN_BINARY_INPLACE(lt)
KILN_BINARY_INPLACE(le)
KILN_BINARY_INPLACE(gt)
KILN_BINARY_INPLACE(ge)
KILN_BINARY(bitwise_and)
KILN_BINARY(bitwise_or)
KILN_BINARY(bitwise_xor)
#undef KILN_TENSOR
#undef KILN_TENSOR_INPLACE
#undef KILN_BINARY
#undef KILN_BINARY_INPLACE

#define KILN_BITWISE_INPLACE(name)                                                                           \
  Tensor& Tensor::name##_(const Tensor& other) const {                                                       \
    return assign(*this, kiln::name(*this, other), #name "_");                                               \
  }
KILN_BITWISE_INPLACE(bitwise_and)
KILN_BITWISE_INPLACE(bitwise_or)
KILN_BITWISE_INPLACE(bitwise_xor)
#undef KILN_BITWISE_INPLACE

#define KILN_SUM(name)                                                                                       \
  Tensor Tensor::name(const Tensor& other, Scalar alpha) const {                                             \
    return kiln::name(*this, other, alpha);                                                                  \
  }                                                                                                          \
  Tensor Tensor::name(Scalar other, Scalar alpha) const {                                                    \
    return kiln::name(*this, other, alpha);                                                                  \
  }                                                                                                          \
  Tensor& Tensor::name##_(const Tensor& other, Scalar alpha) const {                                         \
    return assign(*this, kiln::name(*this, other, alpha), #name "_");                                        \
  }                                                                                                          \
  Tensor& Tensor::name##_(Scalar other, Scalar alpha) const {                                                \
    return assign(*this, kiln::name(*this, other, alpha), #name "_");                                        \
  }
KILN_SUM(add)
KILN_SUM(sub)
#undef KILN_SUM

Tensor Tensor::nan_to_num(std::optional<double> nan, std::optional<double> posinf,
                          std::optional<double> neginf) const {
  return kiln::nan_to_num(*this, nan, posinf, neginf);
}
Tensor Tensor::div(const Tensor& other, std::optional<std::string_view> rounding_mode) const {
  return kiln::div(*this, other, rounding_mode);
}
Tensor Tensor::div(Scalar other, std::optional<std::string_view> rounding_mode) const {
  return kiln::div(*this, other, rounding_mode);
}
Tensor Tensor::clamp(std::optional<Scalar> min, std::optional<Scalar> max) const {
  return kiln::clamp(*this, min, max);
}
Tensor Tensor::clamp(const std::optional<Tensor>& min, const std::optional<Tensor>& max) const {
  return kiln::clamp(*this, min, max);
}
Tensor Tensor::clamp_min(Scalar min) const {
  return kiln::clamp_min(*this, min);
}
Tensor Tensor::clamp_max(Scalar max) const {
  return kiln::clamp_max(*this, max);
}
Tensor& Tensor::clamp_(std::optional<Scalar> min, std::optional<Scalar> max) const {
  return assign(*this, clamp(min, max), "clamp_");
}
Tensor& Tensor::clamp_min_(Scalar min) const {
  return assign(*this, clamp_min(min), "clamp_min_");
}
Tensor& Tensor::clamp_max_(Scalar max) const {
  return assign(*this, clamp_max(max), "clamp_max_");
}
Tensor Tensor::lerp(const Tensor& end, Scalar weight) const {
  return kiln::lerp(*this, end, weight);
}
Tensor Tensor::lerp(const Tensor& end, const Tensor& weight) const {
  return kiln::lerp(*this, end, weight);
}
Tensor& Tensor::lerp_(const Tensor& end, Scalar weight) const {
  return assign(*this, lerp(end, weight), "lerp_");
}
Tensor Tensor::addcmul(const Tensor& a, const Tensor& b, Scalar value) const {
  return kiln::addcmul(*this, a, b, value);
}
Tensor Tensor::addcdiv(const Tensor& a, const Tensor& b, Scalar value) const {
  return kiln::addcdiv(*this, a, b, value);
}
Tensor& Tensor::addcmul_(const Tensor& a, const Tensor& b, Scalar value) const {
  return assign(*this, addcmul(a, b, value), "addcmul_");
}
Tensor& Tensor::addcdiv_(const Tensor& a, const Tensor& b, Scalar value) const {
  return assign(*this, addcdiv(a, b, value), "addcdiv_");
}
Tensor Tensor::isclose(const Tensor& other, double rtol, double atol, bool equal_nan) const {
  return kiln::isclose(*this, other, rtol, atol, equal_nan);
}
Tensor Tensor::where(const Tensor& condition, const Tensor& other) const {
  return kiln::where(condition, *this, other);
}
Tensor Tensor::masked_fill(const Tensor& mask, Scalar value) const {
  return kiln::masked_fill(*this, mask, value);
}
Tensor Tensor::masked_fill(const Tensor& mask, const Tensor& value) const {
  return kiln::masked_fill(*this, mask, value);
}
Tensor& Tensor::masked_fill_(const Tensor& mask, Scalar value) const {
  return assign(*this, masked_fill(mask, value), "masked_fill_");
}
Tensor& Tensor::masked_fill_(const Tensor& mask, const Tensor& value) const {
  return assign(*this, masked_fill(mask, value), "masked_fill_");
}

// Reductions.
Tensor Tensor::sum(std::optional<DType> dtype) const {
  return kiln::sum(*this, dtype);
}
Tensor Tensor::sum(IntArrayRef dims, bool keepdim, std::optional<DType> dtype) const {
  return kiln::sum(*this, dims, keepdim, dtype);
}
Tensor Tensor::nansum() const {
  return kiln::nansum(*this);
}
Tensor Tensor::mean(std::optional<DType> dtype) const {
  return kiln::mean(*this, dtype);
}
Tensor Tensor::mean(IntArrayRef dims, bool keepdim, std::optional<DType> dtype) const {
  return kiln::mean(*this, dims, keepdim, dtype);
}
Tensor Tensor::prod(std::optional<DType> dtype) const {
  return kiln::prod(*this, dtype);
}
Tensor Tensor::prod(std::int64_t dim, bool keepdim, std::optional<DType> dtype) const {
  return kiln::prod(*this, dim, keepdim, dtype);
}
Tensor Tensor::var(bool unbiased) const {
  return kiln::var(*this, unbiased);
}
Tensor Tensor::var(IntArrayRef dims, bool unbiased, bool keepdim) const {
  return kiln::var(*this, dims, unbiased, keepdim);
}
Tensor Tensor::std(bool unbiased) const {
  return kiln::std(*this, unbiased);
}
Tensor Tensor::std(IntArrayRef dims, bool unbiased, bool keepdim) const {
  return kiln::std(*this, dims, unbiased, keepdim);
}
Tensor Tensor::norm(Scalar p) const {
  return kiln::norm(*this, p);
}
Tensor Tensor::norm(std::optional<Scalar> p, IntArrayRef dims, bool keepdim) const {
  return kiln::norm(*this, p, dims, keepdim);
}
Tensor Tensor::logsumexp(IntArrayRef dims, bool keepdim) const {
  return kiln::logsumexp(*this, dims, keepdim);
}
Tensor Tensor::max() const {
  return kiln::max(*this);
}
Tensor Tensor::min() const {
  return kiln::min(*this);
}
std::tuple<Tensor, Tensor> Tensor::max(std::int64_t dim, bool keepdim) const {
  return kiln::max(*this, dim, keepdim);
}
std::tuple<Tensor, Tensor> Tensor::min(std::int64_t dim, bool keepdim) const {
  return kiln::min(*this, dim, keepdim);
}
Tensor Tensor::amax(IntArrayRef dims, bool keepdim) const {
  return kiln::amax(*this, dims, keepdim);
}
Tensor Tensor::amin(IntArrayRef dims, bool keepdim) const {
  return kiln::amin(*this, dims, keepdim);
}
Tensor Tensor::argmax(std::optional<std::int64_t> dim, bool keepdim) const {
  return kiln::argmax(*this, dim, keepdim);
}
Tensor Tensor::argmin(std::optional<std::int64_t> dim, bool keepdim) const {
  return kiln::argmin(*this, dim, keepdim);
}
Tensor Tensor::all() const {
  return kiln::all(*this);
}
Tensor Tensor::all(std::int64_t dim, bool keepdim) const {
  return kiln::all(*this, dim, keepdim);
}
Tensor Tensor::any() const {
  return kiln::any(*this);
}
Tensor Tensor::any(std::int64_t dim, bool keepdim) const {
  return kiln::any(*this, dim, keepdim);
}
Tensor Tensor::count_nonzero() const {
  return kiln::count_nonzero(*this);
}
Tensor Tensor::cumsum(std::int64_t dim, std::optional<DType> dtype) const {
  return kiln::cumsum(*this, dim, dtype);
}
Tensor& Tensor::cumsum_(std::int64_t dim) const {
  return assign(*this, cumsum(dim), "cumsum_");
}
Tensor Tensor::cumprod(std::int64_t dim, std::optional<DType> dtype) const {
  return kiln::cumprod(*this, dim, dtype);
}
Tensor Tensor::softmax(std::int64_t dim, std::optional<DType> dtype) const {
  return kiln::softmax(*this, dim, dtype);
}
Tensor Tensor::log_softmax(std::int64_t dim, std::optional<DType> dtype) const {
  return kiln::log_softmax(*this, dim, dtype);
}
bool Tensor::equal(const Tensor& other) const {
  return kiln::equal(*this, other);
}
bool Tensor::allclose(const Tensor& other, double rtol, double atol, bool equal_nan) const {
  return kiln::allclose(*this, other, rtol, atol, equal_nan);
}
bool Tensor::is_nonzero() const {
  if (numel() != 1)
    fail("is_nonzero: Boolean value of Tensor with " +
         std::string(numel() == 0 ? "no values" : "more than one value") + " is ambiguous");
  return ne(0).item<bool>();
}

} // namespace kiln
