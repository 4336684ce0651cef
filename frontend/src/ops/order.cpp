// Sorting. The op gives places; values are read there, so that gradients go there alone.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/ops.h"

namespace kiln {

using namespace internal;

namespace {

std::tuple<Tensor, Tensor> at_dim(const Tensor& x, const Tensor& places, std::int64_t dim) {
  return {apply("gather", {x, places}, {{"dim", dim}}), places};
}
std::tuple<Tensor, Tensor> squeezed(const std::tuple<Tensor, Tensor>& pair, std::int64_t dim) {
  return {std::get<0>(pair).squeeze(dim), std::get<1>(pair).squeeze(dim)};
}
std::int64_t dim_of(const Tensor& x, std::int64_t dim, const char* op) {
  return wrap_dim(dim, rank_of(x, op), op);
}

/// Of the places in order along dim those number first to first + count - 1.
Tensor places(const Tensor& x, std::int64_t dim, bool descending, std::int64_t first, std::int64_t count) {
  const Tensor keys = x.dtype() == kBool ? x.to(kUInt8) : x;
  return apply("argsort", {keys},
               {{"count", count}, {"descending", descending}, {"dim", dim}, {"first", first}});
}

/// The first `count` places in order. Few of a long row are looked for in pieces of it, which fit the nearest
/// cache and share out among threads, and then among what the pieces gave.
Tensor first_places(const Tensor& x, std::int64_t dim, bool descending, std::int64_t count) {
  constexpr std::int64_t kPiece = 4096, kManyPieces = 8, kFew = kPiece / 16;
  const std::int64_t size = x.size(dim), pieces = size / kPiece, whole = pieces * kPiece;
  if (count > kFew || pieces < kManyPieces || static_cast<std::size_t>(x.dim()) >= Shape::kMaxRank)
    return places(x, dim, descending, 0, count);
  std::vector<std::int64_t> cut = x.sizes().vec(), along(cut.size() + 1, 1), found = cut, rest = cut;
  const auto at = static_cast<std::size_t>(dim);
  cut[at] = kPiece;
  cut.insert(cut.begin() + dim, pieces);
  along[at] = pieces;
  found[at] = pieces * count;
  rest[at] = size - whole;
  const Tensor starts = (arange(pieces) * kPiece).reshape(along);
  const Tensor best = places(x.narrow(dim, 0, whole).reshape(cut), dim + 1, descending, 0, count);
  Tensor candidates = (best + starts).reshape(found);
  if (size > whole) {
    std::vector<std::int64_t> end(cut.size() - 1, 1);
    end[at] = size - whole;
    candidates = cat({candidates, arange(whole, size).reshape(end).expand(rest)}, dim);
  }
  const Tensor order =
      places(apply("gather", {x.detach(), candidates}, {{"dim", dim}}), dim, descending, 0, count);
  return apply("gather", {candidates, order}, {{"dim", dim}});
}

} // namespace

Tensor argsort(const Tensor& x, std::int64_t dim, bool descending) {
  const std::int64_t at = dim_of(x, dim, "argsort");
  if (x.dim() == 0) return zeros({}, kInt64);
  return places(x, at, descending, 0, x.size(at));
}
std::tuple<Tensor, Tensor> sort(const Tensor& x, std::int64_t dim, bool descending) {
  const std::int64_t at = dim_of(x, dim, "sort");
  if (x.dim() == 0) return {x.clone(), zeros({}, kInt64)};
  return at_dim(x, argsort(x, dim, descending), at);
}
std::tuple<Tensor, Tensor> sort(const Tensor& x, std::optional<bool>, std::int64_t dim, bool descending) {
  return sort(x, dim, descending);
}
std::tuple<Tensor, Tensor> topk(const Tensor& x, std::int64_t k, std::int64_t dim, bool largest, bool) {
  const std::int64_t at = dim_of(x, dim, "topk");
  if (k < 0 || k > (x.dim() == 0 ? 1 : x.size(at)))
    fail("topk: selected index k out of range: got " + std::to_string(k));
  if (x.dim() == 0) return {x.clone(), zeros({}, kInt64)};
  return at_dim(x, first_places(x, at, largest, k), at);
}
std::tuple<Tensor, Tensor> kthvalue(const Tensor& x, std::int64_t k, std::int64_t dim, bool keepdim) {
  const std::int64_t at = dim_of(x, dim, "kthvalue");
  if (x.dim() == 0) return {x.clone(), zeros({}, kInt64)};
  if (k < 1 || k > x.size(at))
    fail("kthvalue: selected number k out of range for dimension " + std::to_string(at));
  const auto pair = at_dim(x, places(x, at, false, k - 1, 1), at);
  return keepdim ? pair : squeezed(pair, at);
}
Tensor median(const Tensor& x) {
  if (shape_of(x, "median").numel() == 0) fail("median: the tensor has no elements");
  return std::get<0>(median(x.flatten(), 0));
}
// A NaN anywhere is the median, the first of them where there are more.
std::tuple<Tensor, Tensor> median(const Tensor& x, std::int64_t dim, bool keepdim) {
  const std::int64_t at = dim_of(x, dim, "median"), size = x.dim() == 0 ? 1 : x.size(at);
  if (x.dim() == 0 || size == 0 || !x.is_floating_point()) return kthvalue(x, (size + 1) / 2, dim, keepdim);
  const Tensor middle = places(x, at, false, (size - 1) / 2, 1), largest = argmax(x, at, true);
  const Tensor has_nan = isnan(apply("gather", {x.detach(), largest}, {{"dim", at}}));
  const auto pair = at_dim(x, where(has_nan, largest, middle), at);
  return keepdim ? pair : squeezed(pair, at);
}

Tensor Tensor::argsort(std::int64_t dim, bool descending) const {
  return kiln::argsort(*this, dim, descending);
}
std::tuple<Tensor, Tensor> Tensor::sort(std::int64_t dim, bool descending) const {
  return kiln::sort(*this, dim, descending);
}
std::tuple<Tensor, Tensor> Tensor::sort(std::optional<bool> stable, std::int64_t dim, bool descending) const {
  return kiln::sort(*this, stable, dim, descending);
}
std::tuple<Tensor, Tensor> Tensor::topk(std::int64_t k, std::int64_t dim, bool largest, bool sorted) const {
  return kiln::topk(*this, k, dim, largest, sorted);
}
std::tuple<Tensor, Tensor> Tensor::kthvalue(std::int64_t k, std::int64_t dim, bool keepdim) const {
  return kiln::kthvalue(*this, k, dim, keepdim);
}
Tensor Tensor::median() const {
  return kiln::median(*this);
}
std::tuple<Tensor, Tensor> Tensor::median(std::int64_t dim, bool keepdim) const {
  return kiln::median(*this, dim, keepdim);
}

} // namespace kiln
