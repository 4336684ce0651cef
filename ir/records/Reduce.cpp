// Types of the reductions and of the composites built around one.
#include "tables.h"

#include <algorithm>

namespace kiln::ir {
namespace {

Types reduce(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  const TensorType& x = operands[0];
  const std::vector<std::int64_t>& dims = attrs.integers("dims");
  if (std::ranges::adjacent_find(dims, std::greater_equal<>()) != dims.end())
    fail(attrs, "dimensions must be sorted and distinct, got " + to_string(Shape(std::span(dims))));
  for (std::int64_t dim : dims)
    expect_dim(attrs, x.shape, dim);
  if (x.dtype == DType::Bool) fail(attrs, "needs numbers, got " + to_string(x));
  Shape shape;
  for (std::size_t i = 0; i < x.shape.rank(); ++i) {
    if (!std::ranges::binary_search(dims, static_cast<std::int64_t>(i)))
      shape.push_back(x.shape[i]);
    else if (attrs.flag("keepdim"))
      shape.push_back(1);
  }
  return {{x.dtype, shape}};
}

/// Reductions without a neutral element that a user would expect.
Types extremum(const Attrs& attrs, Operands operands) {
  Types types = reduce(attrs, operands);
  for (std::int64_t dim : attrs.integers("dims"))
    if (operands[0].shape[static_cast<std::size_t>(dim)] == 0)
      fail(attrs, "dimension " + std::to_string(dim) + " of " + to_string(operands[0].shape) + " is empty");
  return types;
}

Types mean(const Attrs& attrs, Operands operands) {
  Types types = reduce(attrs, operands);
  expect_floating(attrs, operands[0]);
  return types;
}

Types arg_extremum(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  const TensorType& x = operands[0];
  if (x.dtype == DType::Bool) fail(attrs, "needs numbers, got " + to_string(x));
  std::size_t dim = expect_dim(attrs, x.shape, attrs.integer("dim"));
  if (x.shape[dim] == 0)
    fail(attrs, "dimension " + std::to_string(dim) + " of " + to_string(x.shape) + " is empty");
  Shape shape;
  for (std::size_t i = 0; i < x.shape.rank(); ++i) {
    if (i != dim)
      shape.push_back(x.shape[i]);
    else if (attrs.flag("keepdim"))
      shape.push_back(1);
  }
  return {{DType::Int64, shape}};
}

Types row_composite(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  expect_floating(attrs, operands[0]);
  expect_dim(attrs, operands[0].shape, attrs.integer("dim"));
  return {operands[0]};
}

Types cumsum(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  if (operands[0].dtype == DType::Bool) fail(attrs, "needs numbers, got " + to_string(operands[0]));
  expect_dim(attrs, operands[0].shape, attrs.integer("dim"));
  attrs.flag("reverse");
  return {operands[0]};
}

Types layer_norm(const Attrs& attrs, Operands operands) {
  if (operands.size() != 1 && operands.size() != 3)
    fail(attrs, "takes a tensor, or a tensor, weight and bias, got " + std::to_string(operands.size()) +
                    " operands");
  const TensorType& x = operands[0];
  expect_floating(attrs, x);
  std::int64_t dims = attrs.integer("dims");
  if (dims < 1 || dims > static_cast<std::int64_t>(x.shape.rank()))
    fail(attrs, "cannot normalise the last " + std::to_string(dims) + " dimensions of " + to_string(x.shape));
  attrs.real("eps");
  TensorType affine{x.dtype, Shape(x.shape.dims().last(static_cast<std::size_t>(dims)))};
  for (std::size_t i = 1; i < operands.size(); ++i)
    if (operands[i] != affine)
      fail(attrs, std::string(i == 1 ? "weight" : "bias") + " must be " + to_string(affine) + ", got " +
                      to_string(operands[i]));
  return {x};
}

Types class_loss(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 2);
  const TensorType &x = operands[0], &target = operands[1];
  expect_floating(attrs, x);
  if (x.shape.rank() != 2) fail(attrs, "input must be [N, C], got " + to_string(x.shape));
  if (x.shape[0] > 0 && x.shape[1] == 0) fail(attrs, "there are no classes in " + to_string(x.shape));
  expect_dtype(attrs, "target", target, DType::Int64);
  if (target.shape != Shape{x.shape[0]})
    fail(attrs, "target must be " + to_string(Shape{x.shape[0]}) + " for input " + to_string(x.shape) +
                    ", got " + to_string(target.shape));
  expect_choice(attrs, "reduction", {"none", "mean", "sum"});
  attrs.integer("ignore_index");
  return {{x.dtype, attrs.text("reduction") == "none" ? target.shape : Shape{}}};
}

constexpr OpRecord kOps[] = {
    {"sum", reduce},
    {"prod", reduce},
    {"max", extremum},
    {"min", extremum},
    {"mean", mean},
    {"cumsum", cumsum},
    {"argmax", arg_extremum},
    {"argmin", arg_extremum},
    {"softmax", row_composite},
    {"log_softmax", row_composite},
    {.name = "layer_norm", .infer = layer_norm, .derivative = "NativeLayerNormBackward0"},
    {"nll_loss", class_loss},
    {.name = "cross_entropy", .infer = class_loss, .derivative = "NllLossBackward0"},
};

} // namespace

std::span<const OpRecord> reduce_ops() {
  return kOps;
}

} // namespace kiln::ir
