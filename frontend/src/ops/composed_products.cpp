// Composed matrix products and what is built around them.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/composed.h"

#include <algorithm>

namespace kiln {

using namespace internal;

Tensor tensordot(const Tensor& x, const Tensor& y, IntArrayRef dims_x, IntArrayRef dims_y) {
  if (dims_x.size() != dims_y.size())
    fail("tensordot: both dimension lists should have same length, got " + std::to_string(dims_x.size()) +
         " and " + std::to_string(dims_y.size()));
  const auto summed_x = wrap_dims(x, dims_x, "tensordot"), summed_y = wrap_dims(y, dims_y, "tensordot");
  std::int64_t terms = 1;
  for (std::size_t i = 0; i < summed_x.size(); ++i) {
    if (x.size(summed_x[i]) != y.size(summed_y[i]))
      fail("tensordot: contracted dimensions need to match, but first has size " +
           std::to_string(x.size(summed_x[i])) + " in dim " + std::to_string(dims_x[i]) +
           " and second has size " + std::to_string(y.size(summed_y[i])) + " in dim " +
           std::to_string(dims_y[i]));
    terms *= x.size(summed_x[i]);
  }
  const auto kept_x = other_dims(rank_of(x, "tensordot"), summed_x),
             kept_y = other_dims(rank_of(y, "tensordot"), summed_y);
  std::vector<std::int64_t> order_x = kept_x, order_y = summed_y, sizes;
  order_x.insert(order_x.end(), summed_x.begin(), summed_x.end());
  order_y.insert(order_y.end(), kept_y.begin(), kept_y.end());
  std::int64_t rows = 1, columns = 1;
  for (std::int64_t dim : kept_x)
    sizes.push_back(x.size(dim)), rows *= x.size(dim);
  for (std::int64_t dim : kept_y)
    sizes.push_back(y.size(dim)), columns *= y.size(dim);
  return mm(x.permute(order_x).reshape({rows, terms}), y.permute(order_y).reshape({terms, columns}))
      .reshape(sizes);
}
Tensor inner(const Tensor& x, const Tensor& y) {
  if (rank_of(x, "inner") == 0 || rank_of(y, "inner") == 0) return x * y;
  if (x.size(-1) != y.size(-1))
    fail("inner: the last dimension must match on both input tensors but got shapes " + sizes_of(x) +
         " and " + sizes_of(y));
  return tensordot(x, y, -1, -1);
}
Tensor ger(const Tensor& x, const Tensor& y) {
  return outer(x, y);
}
Tensor vdot(const Tensor& x, const Tensor& y) {
  return dot(x, y);
}
Tensor kron(const Tensor& x, const Tensor& y) {
  const auto rank = static_cast<std::int64_t>(std::max(rank_of(x, "kron"), rank_of(y, "kron")));
  std::vector<std::int64_t> apart_x, apart_y, joined;
  for (std::int64_t dim = -rank; dim < 0; ++dim) {
    const std::int64_t nx = dim < -x.dim() ? 1 : x.size(dim), ny = dim < -y.dim() ? 1 : y.size(dim);
    apart_x.insert(apart_x.end(), {nx, 1});
    apart_y.insert(apart_y.end(), {1, ny});
    joined.push_back(nx * ny);
  }
  return (x.reshape(apart_x) * y.reshape(apart_y)).reshape(joined);
}
Tensor cross(const Tensor& x, const Tensor& y, std::optional<std::int64_t> dim) {
  checked(x, "cross"), checked(y, "cross");
  if (!dim) {
    const auto sizes = x.sizes();
    const auto* three = std::find(sizes.begin(), sizes.end(), 3);
    if (three == sizes.end()) fail("cross: no dimension of size 3 in input " + sizes_of(x));
    dim = three - sizes.begin();
  }
  if (x.size(*dim) != 3 || y.size(*dim) != 3)
    fail("cross: inputs dimension " + std::to_string(*dim) + " must have length 3. Got " +
         std::to_string(x.size(*dim)) + " and " + std::to_string(y.size(*dim)));
  return x.roll(-1, *dim) * y.roll(-2, *dim) - x.roll(-2, *dim) * y.roll(-1, *dim);
}
Tensor addbmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  if (rank_of(a, "addbmm") != 3 || rank_of(b, "addbmm") != 3 || a.size(0) != b.size(0) ||
      a.size(2) != b.size(1))
    fail("addbmm: wanted [b, n, m] and [b, m, p], got " + sizes_of(a) + " and " + sizes_of(b));
  return addmm(x, a.transpose(0, 1).flatten(1), b.flatten(0, 1), beta, alpha); // one product of b * m terms
}
Tensor matrix_power(const Tensor& x, std::int64_t n) {
  if (rank_of(x, "matrix_power") < 2 || x.size(-1) != x.size(-2))
    fail("matrix_power: wanted square matrices, got " + sizes_of(x));
  if (n < 0)
    fail("matrix_power: negative powers need an inverse, which is not there; got " + std::to_string(n));
  if (n == 0) return eye(x.size(-1), x.dtype()).expand(x.sizes()).clone();
  Tensor power = x, result;
  for (;; power = matmul(power, power)) {
    if (n & 1) result = result.defined() ? matmul(result, power) : power;
    n >>= 1;
    if (n == 0) return result;
  }
}
Tensor dist(const Tensor& x, const Tensor& y, Scalar p) {
  return norm(x - y, p);
}

} // namespace kiln
