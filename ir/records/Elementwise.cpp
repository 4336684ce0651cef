// Types of the elementwise ops: operands broadcast as in NumPy and agree in element type (the frontend
// promotes).
#include "tables.h"

namespace kiln::ir {
namespace {

Shape broadcast(const Attrs& attrs, const Shape& a, const Shape& b) {
  std::optional<Shape> shape = broadcast_shapes(a, b);
  if (!shape) fail(attrs, "shapes do not broadcast: " + to_string(a) + " and " + to_string(b));
  return *shape;
}

TensorType same_dtype_broadcast(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 2);
  expect_same_dtype(attrs, operands[0].dtype, operands[1].dtype);
  return {operands[0].dtype, broadcast(attrs, operands[0].shape, operands[1].shape)};
}

void expect_number(const Attrs& attrs, const TensorType& type) {
  if (type.dtype == DType::Bool) fail(attrs, "needs numbers, got " + to_string(type));
}

Types same(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  return {operands[0]};
}

Types unary_number(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  expect_number(attrs, operands[0]);
  return {operands[0]};
}

Types unary_floating(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  expect_floating(attrs, operands[0]);
  return {operands[0]};
}

Types binary_number(const Attrs& attrs, Operands operands) {
  TensorType type = same_dtype_broadcast(attrs, operands);
  expect_number(attrs, operands[0]);
  return {type};
}

Types binary_floating(const Attrs& attrs, Operands operands) {
  TensorType type = same_dtype_broadcast(attrs, operands);
  expect_floating(attrs, operands[0]);
  return {type};
}

Types comparison(const Attrs& attrs, Operands operands) {
  return {{DType::Bool, same_dtype_broadcast(attrs, operands).shape}};
}

void expect_bits(const Attrs& attrs, const TensorType& type) {
  if (is_floating(type.dtype)) fail(attrs, "needs booleans or integers, got " + to_string(type));
}

Types logical_not(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  expect_bits(attrs, operands[0]);
  return {operands[0]};
}

Types logical(const Attrs& attrs, Operands operands) {
  TensorType type = same_dtype_broadcast(attrs, operands);
  expect_bits(attrs, operands[0]);
  return {type};
}

Types where(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 3);
  expect_dtype(attrs, "condition", operands[0], DType::Bool);
  TensorType values = same_dtype_broadcast(attrs, operands.subspan(1));
  return {{values.dtype, broadcast(attrs, operands[0].shape, values.shape)}};
}

Types cast(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  return {{dtype_attr(attrs), operands[0].shape}};
}

Types gelu(const Attrs& attrs, Operands operands) {
  expect_choice(attrs, "approximate", {"none", "tanh"});
  return unary_floating(attrs, operands);
}

constexpr OpRecord kOps[] = {
    {"neg", unary_number, true},
    {"abs", unary_number, true},
    {"exp", unary_floating, true},
    {"expm1", unary_floating, true},
    {"log", unary_floating, true},
    {"log1p", unary_floating, true},
    {"sqrt", unary_floating, true},
    {"rsqrt", unary_floating, true},
    {"sin", unary_floating, true},
    {"cos", unary_floating, true},
    {"tanh", unary_floating, true},
    {"erf", unary_floating, true},
    {"atan", unary_floating, true},
    {"sigmoid", unary_floating, true},
    {"relu", unary_number, true},
    {"sign", unary_number, true},
    {"floor", unary_floating, true},
    {"ceil", unary_floating, true},
    {"round", unary_floating, true},
    {"trunc", unary_floating, true},
    {"not", logical_not, true},
    {"add", binary_number, true},
    {"sub", binary_number, true},
    {"mul", binary_number, true},
    {"div", binary_number, true},
    {"pow", binary_number, true},
    {"fmod", binary_number, true},
    {"atan2", binary_floating, true},
    {"maximum", binary_number, true},
    {"minimum", binary_number, true},
    {"eq", comparison, true},
    {"ne", comparison, true},
    {"lt", comparison, true},
    {"le", comparison, true},
    {"gt", comparison, true},
    {"ge", comparison, true},
    {"and", logical, true},
    {"or", logical, true},
    {"xor", logical, true},
    {"where", where, true},
    {.name = "cast", .infer = cast, .elementwise = true, .derivative = "ToCopyBackward0"},
    {.name = "detach",
     .infer = same,
     .elementwise = true,
     .movement = Movement::Alias,
     .detaches = true,
     .inverse = [](const Attrs&, const TensorType&) { return ViewInverse{}; },
     .restride = [](const Attrs&, const Shape&, const Shape&, Strided&) { return true; }},
    {"gelu", gelu, true},
    {"silu", unary_floating, true},
    {"softplus", unary_floating, true},
};

} // namespace

std::span<const OpRecord> elementwise_ops() {
  return kOps;
}

} // namespace kiln::ir
