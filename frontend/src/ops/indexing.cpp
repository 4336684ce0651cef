// index() and index_put_(): integers, slices, None and ellipsis make views; tensors read by position.
#include "core/apply.h"
#include "kiln/ops.h"

#include <cstring>

namespace kiln {

using namespace internal;

TensorIndex::TensorIndex(const char* dots) : kind(Kind::Ellipsis) {
  if (std::strcmp(dots, "...") != 0)
    fail(std::string("index: expected \"...\" to represent an ellipsis index, but got \"") + dots + "\"");
}

namespace {

// The view part of an index list. A single integer tensor is applied last, along the dimension it stands for.
Tensor apply_index(const Tensor& x, std::span<const TensorIndex> indices, bool views_only) {
  std::size_t consumed = 0;
  for (const TensorIndex& index : indices)
    consumed += index.kind == TensorIndex::Kind::Integer || index.kind == TensorIndex::Kind::Slice ||
                index.kind == TensorIndex::Kind::Tensor;
  if (consumed > static_cast<std::size_t>(checked(x, "index").type.shape.rank()))
    fail("index: too many indices for tensor of dimension " + std::to_string(x.dim()));
  Tensor result = x;
  std::int64_t dim = 0;
  for (const TensorIndex& index : indices) {
    switch (index.kind) {
    case TensorIndex::Kind::None:
      result = result.unsqueeze(dim++);
      break;
    case TensorIndex::Kind::Ellipsis:
      dim += x.dim() - static_cast<std::int64_t>(consumed);
      break;
    case TensorIndex::Kind::Integer:
      result = result.select(dim, index.integer);
      break;
    case TensorIndex::Kind::Slice:
      if (index.slice.start || index.slice.stop || index.slice.step != 1)
        result = result.slice(dim, index.slice.start, index.slice.stop, index.slice.step);
      ++dim;
      break;
    case TensorIndex::Kind::Tensor:
      if (views_only) fail("index_put_: indexing by a tensor is not supported for writing");
      if (index.tensor.dtype() == kBool)
        fail("index: boolean mask indexing is not supported; use where or masked_fill");
      result = apply("take", {result, index.tensor.to(kInt64)}, {{"dim", dim}});
      dim += index.tensor.dim();
      break;
    }
  }
  return result;
}

} // namespace

Tensor Tensor::index(std::initializer_list<TensorIndex> indices) const {
  return apply_index(*this, {indices.begin(), indices.size()}, false);
}
Tensor Tensor::index(const std::vector<TensorIndex>& indices) const {
  return apply_index(*this, indices, false);
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value) {
  apply_index(*this, {indices.begin(), indices.size()}, true).copy_(value);
  return *this;
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, Scalar value) {
  apply_index(*this, {indices.begin(), indices.size()}, true).fill_(value);
  return *this;
}

} // namespace kiln
