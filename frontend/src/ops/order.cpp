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

} // namespace

Tensor argsort(const Tensor& x, std::int64_t dim, bool descending) {
  const std::int64_t at = dim_of(x, dim, "argsort");
  if (x.dim() == 0) return zeros({}, kInt64);
  const Tensor keys = x.dtype() == kBool ? x.to(kUInt8) : x;
  return apply("argsort", {keys}, {{"descending", descending}, {"dim", at}});
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
  return at_dim(x, argsort(x, dim, largest).slice(at, 0, k), at);
}
std::tuple<Tensor, Tensor> kthvalue(const Tensor& x, std::int64_t k, std::int64_t dim, bool keepdim) {
  const std::int64_t at = dim_of(x, dim, "kthvalue");
  if (x.dim() == 0) return {x.clone(), zeros({}, kInt64)};
  if (k < 1 || k > x.size(at))
    fail("kthvalue: selected number k out of range for dimension " + std::to_string(at));
  const auto pair = at_dim(x, argsort(x, dim).slice(at, k - 1, k), at);
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
  const Tensor nans = sum(isnan(x), at, true);
  const Tensor rank = where(nans > 0, size - nans, (size - 1) / 2);
  const auto pair = at_dim(x, apply("gather", {argsort(x, at), rank}, {{"dim", at}}), at);
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
