// Types of the ops that read or write at positions held in a tensor.
#include "tables.h"

namespace kiln::ir {
namespace {

/// What taking slices of `x` at `indices` gives: x.shape[:dim] + indices.shape + x.shape[dim+1:].
Shape taken(const Attrs& attrs, const Shape& x, const Shape& indices) {
  std::size_t dim = expect_dim(attrs, x, attrs.integer("dim"));
  if (x.rank() + indices.rank() > Shape::kMaxRank + 1)
    fail(attrs, "result of " + to_string(x) + " at " + to_string(indices) + " has too many dimensions");
  Shape result;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (i != dim)
      result.push_back(x[i]);
    else
      for (std::int64_t size : indices)
        result.push_back(size);
  }
  return result;
}

Types take(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 2);
  expect_dtype(attrs, "indices", operands[1], DType::Int64);
  return {{operands[0].dtype, taken(attrs, operands[0].shape, operands[1].shape)}};
}

void expect_update(const Attrs& attrs, const TensorType& x, const TensorType& update, const Shape& wanted) {
  expect_same_dtype(attrs, x.dtype, update.dtype);
  if (update.shape != wanted)
    fail(attrs, "update must be " + to_string(wanted) + ", got " + to_string(update.shape));
}

void expect_numbers(const Attrs& attrs, const TensorType& x) {
  if (x.dtype == DType::Bool) fail(attrs, "needs numbers, got " + to_string(x));
}

Types index_copy(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 3);
  expect_dtype(attrs, "indices", operands[1], DType::Int64);
  expect_update(attrs, operands[0], operands[2], taken(attrs, operands[0].shape, operands[1].shape));
  return {operands[0]};
}

Types index_add(const Attrs& attrs, Operands operands) {
  Types types = index_copy(attrs, operands);
  expect_numbers(attrs, operands[0]);
  return types;
}

/// As torch.gather: indices have x's rank and are no larger outside `dim`.
void expect_gather_indices(const Attrs& attrs, const TensorType& x, const TensorType& indices) {
  std::size_t dim = expect_dim(attrs, x.shape, attrs.integer("dim"));
  expect_dtype(attrs, "indices", indices, DType::Int64);
  bool fits = indices.shape.rank() == x.shape.rank();
  for (std::size_t i = 0; fits && i < x.shape.rank(); ++i)
    fits = i == dim || indices.shape[i] <= x.shape[i];
  if (!fits)
    fail(attrs, "indices " + to_string(indices.shape) + " do not fit " + to_string(x.shape) +
                    " along dimension " + std::to_string(dim));
}

Types gather(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 2);
  expect_gather_indices(attrs, operands[0], operands[1]);
  return {{operands[0].dtype, operands[1].shape}};
}

Types scatter(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 3);
  expect_gather_indices(attrs, operands[0], operands[1]);
  expect_update(attrs, operands[0], operands[2], operands[1].shape);
  return {operands[0]};
}

Types scatter_add(const Attrs& attrs, Operands operands) {
  Types types = scatter(attrs, operands);
  expect_numbers(attrs, operands[0]);
  return types;
}

Types argsort(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  expect_numbers(attrs, operands[0]);
  const std::size_t dim = expect_dim(attrs, operands[0].shape, attrs.integer("dim"));
  attrs.flag("descending");
  const std::int64_t first = attrs.integer("first"), count = attrs.integer("count");
  if (first < 0 || count < 0 || first > operands[0].shape[dim] - count)
    fail(attrs, std::to_string(count) + " places from number " + std::to_string(first) +
                    " on are more than dimension " + std::to_string(dim) + " of " +
                    to_string(operands[0].shape) + " has");
  Shape shape;
  for (std::size_t i = 0; i < operands[0].shape.rank(); ++i)
    shape.push_back(i == dim ? count : operands[0].shape[i]);
  return {{DType::Int64, shape}};
}

constexpr OpRecord kOps[] = {
    {"argsort", argsort},     {.name = "take", .infer = take, .derivative = "IndexBackward0"},
    {"index_add", index_add}, {"index_copy", index_copy},
    {"gather", gather},       {"scatter_add", scatter_add},
    {"scatter", scatter}};

} // namespace

std::span<const OpRecord> index_ops() {
  return kOps;
}

} // namespace kiln::ir
