// Types of the ops that move elements, and of constants and iota.
#include "tables.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kiln::ir {
namespace {

Types reshape(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  Shape shape = shape_attr(attrs, "shape");
  if (shape.numel() != operands[0].shape.numel())
    fail(attrs, to_string(operands[0].shape) + " has " + std::to_string(operands[0].shape.numel()) +
                    " elements, " + to_string(shape) + " has " + std::to_string(shape.numel()));
  return {{operands[0].dtype, shape}};
}

Types transpose(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  const Shape& from = operands[0].shape;
  std::vector<std::int64_t> sorted = attrs.integers("permutation"), identity(from.rank());
  Shape permutation{std::span(sorted)}, shape;
  std::ranges::sort(sorted);
  std::iota(identity.begin(), identity.end(), 0);
  if (sorted != identity)
    fail(attrs, to_string(permutation) + " is not a permutation of the dimensions of " + to_string(from));
  for (std::int64_t dim : permutation)
    shape.push_back(from[static_cast<std::size_t>(dim)]);
  return {{operands[0].dtype, shape}};
}

Types broadcast(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  Shape shape = shape_attr(attrs, "shape");
  std::optional<Shape> both = broadcast_shapes(operands[0].shape, shape);
  if (!both || *both != shape)
    fail(attrs, to_string(operands[0].shape) + " does not broadcast to " + to_string(shape));
  return {{operands[0].dtype, shape}};
}

/// Shape that a slice of `from` has.
Shape sliced(const Attrs& attrs, const Shape& from) {
  const auto& starts = attrs.integers("starts");
  const auto& stops = attrs.integers("stops");
  const auto& steps = attrs.integers("steps");
  if (starts.size() != from.rank() || stops.size() != from.rank() || steps.size() != from.rank())
    fail(attrs, "needs a start, stop and step for each dimension of " + to_string(from));
  Shape shape;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    if (steps[i] < 1)
      fail(attrs,
           "step " + std::to_string(steps[i]) + " of dimension " + std::to_string(i) + " is not positive");
    if (starts[i] < 0 || starts[i] > stops[i] || stops[i] > from[i])
      fail(attrs, std::to_string(starts[i]) + ":" + std::to_string(stops[i]) +
                      " is out of range for dimension " + std::to_string(i) + " of " + to_string(from));
    shape.push_back((stops[i] - starts[i] + steps[i] - 1) / steps[i]);
  }
  return shape;
}

Types slice(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  return {{operands[0].dtype, sliced(attrs, operands[0].shape)}};
}

Types slice_update(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 2);
  expect_same_dtype(attrs, operands[0].dtype, operands[1].dtype);
  if (Shape wanted = sliced(attrs, operands[0].shape); wanted != operands[1].shape)
    fail(attrs, "update has shape " + to_string(operands[1].shape) + ", the slice " + to_string(wanted));
  return {operands[0]};
}

Types concat(const Attrs& attrs, Operands operands) {
  if (operands.empty()) fail(attrs, "needs at least one tensor");
  TensorType type = operands[0];
  std::size_t dim = expect_dim(attrs, type.shape, attrs.integer("dim"));
  for (const TensorType& next : operands.subspan(1)) {
    expect_same_dtype(attrs, type.dtype, next.dtype);
    Shape other = next.shape;
    if (other.rank() == type.shape.rank()) other[dim] = type.shape[dim];
    if (other != type.shape)
      fail(attrs, "shapes differ outside dimension " + std::to_string(dim) + ": " +
                      to_string(operands[0].shape) + " and " + to_string(next.shape));
    type.shape[dim] += next.shape[dim];
  }
  return {type};
}

Types constant(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 0);
  attrs.real("value");
  return {{dtype_attr(attrs), shape_attr(attrs, "shape")}};
}

Types iota(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 0);
  TensorType type{dtype_attr(attrs), shape_attr(attrs, "shape")};
  if (type.dtype == DType::Bool) fail(attrs, "needs numbers, got bool");
  expect_dim(attrs, type.shape, attrs.integer("dim"));
  return {type};
}

ViewInverse undo_reshape(const Attrs&, const TensorType& below) {
  return {"reshape", {{"shape", std::vector<std::int64_t>(below.shape.begin(), below.shape.end())}}};
}

ViewInverse undo_transpose(const Attrs& attrs, const TensorType&) {
  const auto& permutation = attrs.integers("permutation");
  std::vector<std::int64_t> inverse(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i)
    inverse[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  return {"transpose", {{"permutation", std::move(inverse)}}};
}

ViewInverse undo_slice(const Attrs& attrs, const TensorType&) {
  return {"slice_update",
          {{"starts", attrs.integers("starts")},
           {"steps", attrs.integers("steps")},
           {"stops", attrs.integers("stops")}},
          /*updates=*/true};
}

// Dimensions of `from` that lie in memory as one are cut anew; false where `to` would join others.
bool restride_reshape(const Attrs&, const Shape& from, const Shape& to, Strided& place) {
  if (from == to) return true;
  const std::vector<std::int64_t> strides = std::exchange(place.strides, row_major(to));
  if (from.numel() == 0 || from.rank() == 0) return true;
  std::size_t made = to.rank();
  for (std::size_t d = from.rank(); d > 0;) {
    const std::int64_t step = strides[d - 1];
    std::int64_t block = from[--d];
    while (d > 0 && (from[d - 1] == 1 || strides[d - 1] == block * step))
      block *= from[--d];
    std::int64_t covered = 1;
    for (; made > 0 && (covered < block || to[made - 1] == 1); --made) {
      place.strides[made - 1] = covered * step;
      covered *= to[made - 1];
    }
    if (covered != block) return false;
  }
  return made == 0;
}

bool restride_transpose(const Attrs& attrs, const Shape&, const Shape&, Strided& place) {
  const std::vector<std::int64_t> before = place.strides;
  const auto& permutation = attrs.integers("permutation");
  for (std::size_t d = 0; d < permutation.size(); ++d)
    place.strides[d] = before[static_cast<std::size_t>(permutation[d])];
  return true;
}

bool restride_broadcast(const Attrs&, const Shape& from, const Shape& to, Strided& place) {
  const std::vector<std::int64_t> before =
      std::exchange(place.strides, std::vector<std::int64_t>(to.rank(), 0));
  const std::size_t added = to.rank() - from.rank();
  for (std::size_t d = 0; d < from.rank(); ++d)
    if (from[d] == to[added + d]) place.strides[added + d] = before[d];
  return true;
}

bool restride_slice(const Attrs& attrs, const Shape&, const Shape&, Strided& place) {
  const auto &starts = attrs.integers("starts"), &steps = attrs.integers("steps");
  for (std::size_t d = 0; d < starts.size(); ++d) {
    place.offset += starts[d] * place.strides[d];
    place.strides[d] *= steps[d];
  }
  return true;
}

constexpr OpRecord kOps[] = {
    {.name = "reshape",
     .infer = reshape,
     .movement = Movement::Alias,
     .derivative = "ViewBackward0",
     .inverse = undo_reshape,
     .restride = restride_reshape},
    {.name = "transpose", .infer = transpose, .inverse = undo_transpose, .restride = restride_transpose},
    {.name = "broadcast",
     .infer = broadcast,
     .derivative = "ExpandBackward0", // no inverse: several elements share a place
     .restride = restride_broadcast},
    {.name = "slice",
     .infer = slice,
     .movement = Movement::Read,
     .inverse = undo_slice,
     .restride = restride_slice},
    {.name = "slice_update",
     .infer = slice_update,
     .movement = Movement::Replace,
     .derivative = "CopySlices"},
    {.name = "concat", .infer = concat, .derivative = "CatBackward0"},
    {.name = "constant", .infer = constant},
    {.name = "iota", .infer = iota},
};

} // namespace

std::vector<std::int64_t> row_major(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.rank(), 1);
  for (std::size_t d = shape.rank(); d-- > 1;)
    strides[d - 1] = strides[d] * std::max<std::int64_t>(shape[d], 1);
  return strides;
}

std::span<const OpRecord> shape_ops() {
  return kOps;
}

} // namespace kiln::ir
