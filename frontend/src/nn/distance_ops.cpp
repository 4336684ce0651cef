// Distances and similarities of vectors.
#include "kiln/composed.h"
#include "kiln/nn/ops.h"

#include "core/apply.h"
#include "core/shapes.h"

#include <cmath>

namespace kiln {

namespace {

/// (sum |x|^p)^(1/p) over one dimension. The gradient at a zero vector is zero.
Tensor vector_norm(const Tensor& x, double p, std::int64_t dim, bool keepdim) {
  if (p == 1) return sum(abs(x), dim, keepdim);
  if (std::isinf(p)) return p > 0 ? amax(abs(x), dim, keepdim) : amin(abs(x), dim, keepdim);
  if (p == 0) return sum((x != 0).to(x.dtype()), dim, keepdim);
  const Tensor total = p == 2 ? sum(square(x), dim, keepdim) : sum(pow(abs(x), p), dim, keepdim);
  const Tensor positive = total > 0, safe = where(positive, total, 1);
  return where(positive, p == 2 ? sqrt(safe) : pow(safe, 1 / p), 0);
}

} // namespace

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
  if (!x1.defined() || !x2.defined()) internal::fail("pairwise_distance: an argument is undefined");
  return vector_norm(x1 - x2 + eps, p, -1, keepdim);
}

Tensor cdist(const Tensor& x1, const Tensor& x2, double p) {
  if (!x1.defined() || !x2.defined()) internal::fail("cdist: an argument is undefined");
  if (x1.dim() < 2 || x2.dim() < 2 || x1.size(-1) != x2.size(-1))
    internal::fail("cdist: wanted [..., n, D] and [..., m, D], got " + internal::sizes_of(x1) + " and " +
                   internal::sizes_of(x2));
  return vector_norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1, false);
}

Tensor pdist(const Tensor& x, double p) {
  if (!x.defined() || x.dim() != 2) internal::fail("pdist: only supports 2D tensors");
  const Tensor pairs = triu_indices(x.size(0), x.size(0), 1);
  return vector_norm(x.index_select(0, pairs[0]) - x.index_select(0, pairs[1]), p, -1, false);
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, std::int64_t dim, double eps) {
  if (!x1.defined() || !x2.defined()) internal::fail("cosine_similarity: an argument is undefined");
  const std::vector<Tensor> both = broadcast_tensors({x1, x2});
  const Tensor lengths =
      clamp_min(vector_norm(both[0], 2, dim, true), eps) * clamp_min(vector_norm(both[1], 2, dim, true), eps);
  return sum(both[0] * both[1] / lengths, dim);
}

} // namespace kiln
