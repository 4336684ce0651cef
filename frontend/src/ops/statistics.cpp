// Composed statistics: means, covariances, histograms, and places in sorted lists.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/composed.h"

#include <algorithm>

namespace kiln {

using namespace internal;

Tensor nanmean(const Tensor& x, IntArrayRef dims, bool keepdim, std::optional<DType> dtype) {
  if (!is_floating(checked(x, "nanmean").type.dtype))
    fail("nanmean: expected input to have floating point dtype but got " + std::string(to_string(x.dtype())));
  const Tensor missing = isnan(x);
  const Tensor total = sum(where(missing, 0, x), dims, keepdim, dtype);
  return total / sum(logical_not(missing), dims, keepdim).to(total.dtype());
}
std::tuple<Tensor, Tensor> aminmax(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  if (dim) return {amin(x, *dim, keepdim), amax(x, *dim, keepdim)};
  return {amin(x, {}, keepdim), amax(x, {}, keepdim)};
}
Tensor cov(const Tensor& x, std::int64_t correction) {
  const std::size_t rank = rank_of(x, "cov");
  if (rank > 2)
    fail("cov: expected input to have two or fewer dimensions but got an input with " + std::to_string(rank) +
         " dimensions");
  const Tensor rows = rank < 2 ? x.reshape({1, -1}) : x;
  const Tensor values = is_floating(rows.dtype()) ? rows : rows.to(get_default_dtype());
  const Tensor centred = values - values.mean(1, true);
  const auto count = static_cast<double>(std::max<std::int64_t>(values.size(1) - correction, 0));
  const Tensor result = mm(centred, centred.t()) / count;
  return rank < 2 || x.size(0) == 1 ? result.reshape({}) : result;
}
Tensor corrcoef(const Tensor& x) {
  const Tensor c = cov(x);
  if (c.dim() == 0) return c / c;
  const Tensor deviations = sqrt(c.diagonal());
  return clamp(c / deviations.unsqueeze(1) / deviations.unsqueeze(0), -1, 1);
}
Tensor trapezoid(const Tensor& y, Scalar dx, std::int64_t dim) {
  const std::int64_t size = y.size(dim) - 1;
  if (size < 0) return zeros_like(y.sum(dim));
  return (y.narrow(dim, 0, size) + y.narrow(dim, 1, size)).sum(dim) * (dx.to<double>() / 2);
}
Tensor trapezoid(const Tensor& y, const Tensor& x, std::int64_t dim) {
  const std::int64_t size = y.size(dim) - 1;
  if (size < 0) return zeros_like(y.sum(dim));
  Tensor widths = diff(x, 1, x.dim() == 1 ? 0 : dim);
  if (x.dim() == 1) {
    if (x.size(0) != y.size(dim))
      fail("trapezoid: got " + std::to_string(x.size(0)) + " places for " + std::to_string(y.size(dim)) +
           " values");
    std::vector<std::int64_t> shape(static_cast<std::size_t>(y.dim()), 1);
    shape[static_cast<std::size_t>(wrap_dim(dim, shape.size(), "trapezoid"))] = size;
    widths = widths.reshape(shape);
  }
  return ((y.narrow(dim, 0, size) + y.narrow(dim, 1, size)) * widths).sum(dim) / 2;
}
Tensor renorm(const Tensor& x, Scalar p, std::int64_t dim, Scalar maxnorm) {
  const std::size_t rank = rank_of(x, "renorm");
  if (rank < 2)
    fail("renorm: input needs at least 2 dimensions, got " + std::to_string(rank) + " dimensions");
  const Tensor norms = norm(x, p, other_dims(rank, {wrap_dim(dim, rank, "renorm")}), true);
  return x * where(norms > maxnorm, maxnorm.to<double>() / (norms + 1e-7), 1);
}

Tensor histc(const Tensor& x, std::int64_t bins, Scalar min, Scalar max) {
  if (bins <= 0) fail("histc: bins must be > 0, got " + std::to_string(bins));
  if (!is_floating(checked(x, "histc").type.dtype))
    fail("histc: the input must be floating point, got " + std::string(to_string(x.dtype())));
  const Tensor values = x.detach().flatten();
  auto low = min.to<double>(), high = max.to<double>();
  if (low > high) fail("histc: max must be larger than min");
  if (low == high && values.numel() > 0) {
    low = values.min().item<double>();
    high = values.max().item<double>();
  }
  if (low == high) low -= 1, high += 1;
  const Tensor inside = logical_and(values >= low, values <= high);
  const Tensor part =
      floor((values - low) * static_cast<double>(bins) / (high - low));         // rounded as ATen does
  const Tensor bin = where(inside, clamp_max(part, bins - 1), bins).to(kInt64); // those outside: one more
  return zeros({bins + 1}, x.dtype()).index_add(0, bin, ones_like(values)).narrow(0, 0, bins);
}
Tensor bincount(const Tensor& x, const std::optional<Tensor>& weights, std::int64_t minlength) {
  if (rank_of(x, "bincount") != 1 || is_floating(x.dtype()) || x.dtype() == kBool)
    fail("bincount: only supports 1-d non-negative integral inputs.");
  if (minlength < 0) fail("bincount: minlength should be >= 0");
  if (weights && weights->sizes() != x.sizes())
    fail("bincount: weights should be 1-d and have the same length as input");
  std::int64_t size = minlength;
  if (x.numel() > 0) {
    if (x.min().item<std::int64_t>() < 0) fail("bincount: only supports 1-d non-negative integral inputs.");
    size = std::max(size, x.max().item<std::int64_t>() + 1);
  }
  const Tensor amounts = !weights                       ? ones(x.sizes(), kInt64)
                         : weights->dtype() == kFloat32 ? *weights
                                                        : weights->to(kFloat64);
  const Tensor empty = zeros({size}, amounts.dtype());
  return x.numel() == 0 ? empty : empty.index_add(0, x.to(kInt64), amounts);
}

namespace {
/// How many of each row of `sorted` (or of the one row that it is) come before x: those that are smaller, and
/// with `right` the equal ones. Halving: in each step one is asked, and what is left is as long for all of x.
/// All come before NaN.
Tensor below(const Tensor& sorted, const Tensor& x, bool out_int32, bool right) {
  const Tensor rows = sorted.detach(), wanted = x.detach();
  Tensor count = zeros(x.sizes(), kInt64);
  for (std::int64_t left = rows.size(-1); left > 0;) {
    const std::int64_t half = (left + 1) / 2;
    const Tensor last = count + (half - 1);
    const Tensor asked = rows.dim() == 1 ? apply("take", {rows, last}, {{"dim", std::int64_t{0}}})
                                         : apply("gather", {rows, last}, {{"dim", rows.dim() - 1}});
    count = where(right ? asked > wanted : asked >= wanted, count, last + 1);
    left -= half;
  }
  return out_int32 ? count.to(kInt32) : count;
}
} // namespace

Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool out_int32, bool right) {
  if (rank_of(boundaries, "bucketize") != 1)
    fail("bucketize: boundaries tensor must be 1 dimension, but got dim(" + std::to_string(boundaries.dim()) +
         ")");
  return below(boundaries, x, out_int32, right);
}
Tensor searchsorted(const Tensor& sorted, const Tensor& x, bool out_int32, bool right) {
  if (rank_of(sorted, "searchsorted") == 1) return below(sorted, x, out_int32, right);
  const Shape rows = sorted.narrow(-1, 0, 0).sizes().shape(), others = x.narrow(-1, 0, 0).sizes().shape();
  if (rows != others)
    fail("searchsorted: boundaries and input must agree in all dimensions but the last, got " +
         sizes_of(sorted) + " and " + sizes_of(x));
  return below(sorted, x, out_int32, right);
}

} // namespace kiln
