// Types of the random ops.
#include "tables.h"

namespace kiln::ir {
namespace {

void expect_state(const Attrs& attrs, const TensorType& state) {
  if (TensorType wanted{DType::Int64, {2}}; state != wanted)
    fail(attrs, "state must be " + to_string(wanted) + " (seed, offset), got " + to_string(state));
  if (std::int64_t offset = attrs.integer("offset"); offset < 0)
    fail(attrs, "offset " + std::to_string(offset) + " is negative");
}

Types draw(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  expect_state(attrs, operands[0]);
  TensorType type{dtype_attr(attrs), shape_attr(attrs, "shape")};
  if (type.dtype != DType::Float32 && type.dtype != DType::Float64)
    fail(attrs, "draws f32 or f64, not " + std::string(name(type.dtype)));
  return {type};
}

Types dropout(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 2);
  expect_floating(attrs, operands[0]);
  expect_state(attrs, operands[1]);
  if (double p = attrs.real("p"); !(p >= 0 && p <= 1))
    fail(attrs, "probability must be between 0 and 1, got " + std::to_string(p));
  return {operands[0]};
}

constexpr OpRecord kOps[] = {{"uniform", draw}, {"normal", draw}, {"dropout", dropout}};

} // namespace

std::span<const OpRecord> random_ops() {
  return kOps;
}

} // namespace kiln::ir
