// The methods of Tensor that are composed functions by another spelling, and what accessors check.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/accessor.h"
#include "kiln/composed.h"
#include "kiln/nn/ops.h"

namespace kiln {

void detail::check_accessor(const Tensor& x, std::size_t dims) {
  const std::size_t rank = internal::rank_of(x, "accessor");
  if (rank != dims)
    internal::fail("accessor: TensorAccessor expected " + std::to_string(dims) + " dims but tensor has " +
                   std::to_string(rank));
}

#define KILN_UNARY(name)                                                                                     \
  Tensor Tensor::name() const {                                                                              \
    return kiln::name(*this);                                                                                \
  }
KILN_UNARY(asinh)
KILN_UNARY(acosh)
KILN_UNARY(atanh)
KILN_UNARY(deg2rad)
KILN_UNARY(rad2deg)
KILN_UNARY(sinc)
KILN_UNARY(isposinf)
KILN_UNARY(isneginf)
KILN_UNARY(fliplr)
KILN_UNARY(flipud)
KILN_UNARY(corrcoef)
#undef KILN_UNARY

#define KILN_BINARY(name)                                                                                    \
  Tensor Tensor::name(const Tensor& other) const {                                                           \
    return kiln::name(*this, other);                                                                         \
  }
KILN_BINARY(fmax)
KILN_BINARY(fmin)
KILN_BINARY(hypot)
KILN_BINARY(logaddexp)
KILN_BINARY(logaddexp2)
KILN_BINARY(xlogy)
KILN_BINARY(inner)
KILN_BINARY(kron)
KILN_BINARY(vdot)
#undef KILN_BINARY

Tensor Tensor::xlogy(Scalar other) const {
  return kiln::xlogy(*this, other);
}
Tensor Tensor::hardshrink(Scalar lambd) const {
  return kiln::hardshrink(*this, lambd);
}
Tensor Tensor::rot90(std::int64_t k, IntArrayRef dims) const {
  return kiln::rot90(*this, k, dims);
}
Tensor Tensor::diag_embed(std::int64_t offset, std::int64_t dim1, std::int64_t dim2) const {
  return kiln::diag_embed(*this, offset, dim1, dim2);
}
Tensor Tensor::diagflat(std::int64_t offset) const {
  return kiln::diagflat(*this, offset);
}
Tensor Tensor::diff(std::int64_t n, std::int64_t dim, const std::optional<Tensor>& prepend,
                    const std::optional<Tensor>& append) const {
  return kiln::diff(*this, n, dim, prepend, append);
}
Tensor Tensor::nanmean(IntArrayRef dims, bool keepdim, std::optional<DType> dtype) const {
  return kiln::nanmean(*this, dims, keepdim, dtype);
}
std::tuple<Tensor, Tensor> Tensor::aminmax(std::optional<std::int64_t> dim, bool keepdim) const {
  return kiln::aminmax(*this, dim, keepdim);
}
Tensor Tensor::cov(std::int64_t correction) const {
  return kiln::cov(*this, correction);
}
Tensor Tensor::dist(const Tensor& other, Scalar p) const {
  return kiln::dist(*this, other, p);
}
Tensor Tensor::renorm(Scalar p, std::int64_t dim, Scalar maxnorm) const {
  return kiln::renorm(*this, p, dim, maxnorm);
}
Tensor Tensor::histc(std::int64_t bins, Scalar min, Scalar max) const {
  return kiln::histc(*this, bins, min, max);
}
Tensor Tensor::bincount(const std::optional<Tensor>& weights, std::int64_t minlength) const {
  return kiln::bincount(*this, weights, minlength);
}
Tensor Tensor::addbmm(const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) const {
  return kiln::addbmm(*this, a, b, beta, alpha);
}
Tensor Tensor::cross(const Tensor& other, std::optional<std::int64_t> dim) const {
  return kiln::cross(*this, other, dim);
}
Tensor Tensor::matrix_power(std::int64_t n) const {
  return kiln::matrix_power(*this, n);
}
Tensor Tensor::take_along_dim(const Tensor& index, std::optional<std::int64_t> dim) const {
  return kiln::take_along_dim(*this, index, dim);
}

} // namespace kiln
