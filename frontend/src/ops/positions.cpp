// Reading and writing at positions held in a tensor, along one dimension.
#include "core/apply.h"
#include "core/index_check.h"
#include "core/shapes.h"
#include "kiln/internal/capture.h"
#include "kiln/ops.h"
#include "ops/assign.h"

#include <cstring>

namespace kiln {

using namespace internal;

namespace {

struct Place {
  std::int64_t dim;
  Tensor index; ///< i64, checked
};

DType integer_dtype(const Tensor& index, const char* op) {
  const DType dtype = checked(index, op).type.dtype;
  if (dtype == kInt64 || dtype == kInt32) return dtype;
  fail(std::string(op) + "(): Expected dtype int64 for index, got " + std::string(to_string(dtype)));
}

// The dimension and the checked positions of a function that moves elements: index has x's rank.
Place by_element(const Tensor& x, std::int64_t dim, const Tensor& index, const char* op) {
  integer_dtype(index, op);
  const std::int64_t at = wrap_dim(dim, rank_of(x, op), op);
  const Tensor positions = index.to(kInt64);
  if (x.dim() > 0) check_indices(op, "index out of bounds", positions, {0, x.size(at)});
  return {at, positions};
}
// Likewise of one that moves slices: index is a vector.
Place by_slice(const Tensor& x, std::int64_t dim, const Tensor& index, const char* op) {
  integer_dtype(index, op);
  if (index.dim() > 1) fail(std::string(op) + "(): Index is supposed to be a vector");
  const std::int64_t at = wrap_dim(dim, rank_of(x, op), op);
  const Tensor positions = (index.dim() == 0 ? index.reshape({1}) : index).to(kInt64);
  if (x.dim() > 0) check_indices(op, "index out of range in self", positions, {0, x.size(at)});
  return {at, positions};
}

void check_source(const Tensor& x, const Tensor& source, const char* op) {
  if (checked(x, op).type.dtype != checked(source, op).type.dtype)
    fail(std::string(op) + "(): Expected self.dtype to be equal to src.dtype, got " +
         std::string(to_string(x.dtype())) + " and " + std::string(to_string(source.dtype())));
}

// The part of the source that the index covers.
Tensor covered(const Tensor& source, const Tensor& index, const char* op) {
  Tensor result = source;
  if (source.dim() != index.dim())
    fail(std::string(op) + "(): Index tensor must have the same number of dimensions as src tensor");
  for (std::int64_t d = 0; d < index.dim(); ++d) {
    if (index.size(d) > source.size(d))
      fail(std::string(op) + "(): Expected index " + sizes_of(index) + " to be smaller than src " +
           sizes_of(source) + " in all dimensions");
    if (index.size(d) != source.size(d)) result = result.slice(d, 0, index.size(d));
  }
  return result;
}

Tensor scattered(const char* op, const char* name, const Tensor& x, std::int64_t dim, const Tensor& index,
                 const Tensor& source) {
  check_source(x, source, name);
  if (shape_of(index, name).numel() == 0) return x.clone();
  if (x.dim() == 0)
    return scattered(op, name, x.reshape({1}), 0, index.reshape({-1}), source.reshape({-1})).reshape({});
  const Place place = by_element(x, dim, index, name);
  return apply(op, {x, place.index, covered(source, place.index, name)}, {{"dim", place.dim}});
}

Tensor moved(const char* op, const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source) {
  check_source(x, source, op);
  if (x.dim() == 0) return moved(op, x.reshape({1}), 0, index, source.reshape({-1})).reshape({});
  const Place place = by_slice(x, dim, index, op);
  const Tensor update = source.dim() == 0 ? source.reshape({1}) : source;
  if (update.dim() != x.dim() || update.size(place.dim) != place.index.numel())
    fail(std::string(op) + "(): Number of indices (" + std::to_string(place.index.numel()) +
         ") should be equal to source.size(dim) of " + sizes_of(update));
  if (place.index.numel() == 0) return x.clone();
  return apply(op, {x, place.index, update}, {{"dim", place.dim}});
}

} // namespace

Tensor embedding(const Tensor& weight, const Tensor& indices) {
  checked(weight, "embedding");
  if (const DType dtype = checked(indices, "embedding").type.dtype; is_floating(dtype) || dtype == kBool)
    fail("embedding: Expected tensor for argument #1 'indices' to have one of the following scalar types: "
         "Long, Int; but got " +
         std::string(to_string(dtype)));
  const Tensor rows = indices.to(kInt64);
  if (weight.dim() > 0) check_indices("embedding", "index out of range in self", rows, {0, weight.size(0)});
  return apply("take", {weight, rows}, {{"dim", std::int64_t{0}}});
}
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index) {
  const Place place = by_slice(x, dim, index, "index_select");
  if (x.dim() == 0) return x.clone();
  return apply("take", {x, place.index}, {{"dim", place.dim}});
}
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index, bool) {
  const Place place = by_element(x, dim, index, "gather");
  if (x.dim() == 0) return x.expand(index.sizes()).clone();
  return apply("gather", {x, place.index}, {{"dim", place.dim}});
}
Tensor take(const Tensor& x, const Tensor& index) {
  const Tensor flat = x.flatten();
  const Tensor positions = where(lt(index, 0), add(index, flat.numel()), index);
  return apply("take", {flat, by_element(flat, 0, positions, "take").index}, {{"dim", std::int64_t{0}}});
}
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<std::int64_t> dim) {
  return dim ? gather(x, *dim, index) : gather(x.flatten(), 0, index.flatten());
}
Tensor one_hot(const Tensor& index, std::int64_t classes) {
  if (classes < 0) classes = index.max().item<std::int64_t>() + 1;
  return eq(index.unsqueeze(-1), arange(classes)).to(kInt64);
}
Tensor scatter(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source) {
  return scattered("scatter", "scatter", x, dim, index, source);
}
Tensor scatter(const Tensor& x, std::int64_t dim, const Tensor& index, Scalar value) {
  const Tensor source = scalar_operand(value, checked(x, "scatter").type.dtype);
  return scatter(x, dim, index, source.expand(shape_of(index, "scatter")));
}
Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source) {
  return scattered("scatter_add", "scatter_add", x, dim, index, source);
}
Tensor index_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha) {
  return moved("index_add", x, dim, index, alpha.to<double>() == 1 ? source : mul(source, alpha));
}
Tensor index_copy(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source) {
  return moved("index_copy", x, dim, index, source);
}
Tensor index_fill(const Tensor& x, std::int64_t dim, const Tensor& index, Scalar value) {
  const Place place = by_slice(x, dim, index, "index_fill");
  std::vector<std::int64_t> sizes = x.sizes().vec();
  if (!sizes.empty()) sizes[static_cast<std::size_t>(place.dim)] = place.index.numel();
  return moved("index_copy", x, dim, index, scalar_operand(value, x.dtype()).expand(sizes));
}

// How many elements hold decides the shape: the values are read on the host.
Tensor nonzero(const Tensor& x) {
  const Tensor truth = checked(x, "nonzero").type.dtype == kBool ? x : x.to(kBool);
  const runtime::Buffer values = host_value(truth);
  const Shape shape = x.sizes().shape();
  const bool* bits = values.as<bool>();
  const std::int64_t count = shape.numel();
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < count; ++i)
    found += bits[i];
  const TensorType type{kInt64, {found, static_cast<std::int64_t>(shape.rank())}};
  runtime::Buffer places = runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()));
  auto* out = places.as<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    if (!bits[i]) continue;
    std::int64_t rest = i;
    for (std::size_t d = shape.rank(); d-- > 0; rest /= shape[d])
      out[d] = rest % shape[d];
    out += shape.rank();
  }
  return make_tensor(type, std::move(places));
}
std::vector<Tensor> nonzero_numpy(const Tensor& x) {
  const Tensor places = nonzero(x.dim() == 0 ? x.reshape({1}) : x);
  places.impl()->storage->constant = true; // the columns are copies; who reads x is told when they change
  std::vector<Tensor> columns;
  for (std::int64_t d = 0; d < places.size(1); ++d)
    columns.push_back(places.select(1, d).clone());
  return columns;
}
std::vector<Tensor> where(const Tensor& condition) {
  return nonzero_numpy(condition);
}
Tensor masked_select(const Tensor& x, const Tensor& mask) {
  if (checked(mask, "masked_select").type.dtype != kBool)
    fail("masked_select: expected BoolTensor for mask, got " + std::string(to_string(mask.dtype())));
  if (x.dim() > 0 && x.sizes() == mask.sizes()) return index(x, {mask});
  const std::vector<Tensor> both = broadcast_tensors({x, mask});
  return index(both[0].flatten(), {both[1].flatten()});
}

Tensor Tensor::index_select(std::int64_t dim, const Tensor& index) const {
  return kiln::index_select(*this, dim, index);
}
Tensor Tensor::gather(std::int64_t dim, const Tensor& index, bool sparse_grad) const {
  return kiln::gather(*this, dim, index, sparse_grad);
}
Tensor Tensor::take(const Tensor& index) const {
  return kiln::take(*this, index);
}
Tensor Tensor::masked_select(const Tensor& mask) const {
  return kiln::masked_select(*this, mask);
}
Tensor Tensor::nonzero() const {
  return kiln::nonzero(*this);
}
#define KILN_WRITES(name)                                                                                    \
  Tensor Tensor::name(std::int64_t dim, const Tensor& index, const Tensor& source) const {                   \
    return kiln::name(*this, dim, index, source);                                                            \
  }                                                                                                          \
  Tensor& Tensor::name##_(std::int64_t dim, const Tensor& index, const Tensor& source) const {               \
    return assign(*this, kiln::name(*this, dim, index, source), #name "_");                                  \
  }
#define KILN_FILLS(name)                                                                                     \
  Tensor Tensor::name(std::int64_t dim, const Tensor& index, Scalar value) const {                           \
    return kiln::name(*this, dim, index, value);                                                             \
  }                                                                                                          \
  Tensor& Tensor::name##_(std::int64_t dim, const Tensor& index, Scalar value) const {                       \
    return assign(*this, kiln::name(*this, dim, index, value), #name "_");                                   \
  }
KILN_WRITES(scatter)
KILN_WRITES(scatter_add)
KILN_WRITES(index_copy)
KILN_FILLS(scatter)
KILN_FILLS(index_fill)
#undef KILN_WRITES
#undef KILN_FILLS
Tensor Tensor::index_add(std::int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha) const {
  return kiln::index_add(*this, dim, index, source, alpha);
}
Tensor& Tensor::index_add_(std::int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha) const {
  return assign(*this, index_add(dim, index, source, alpha), "index_add_");
}

} // namespace kiln
