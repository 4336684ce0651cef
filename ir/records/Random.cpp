// Types of the random ops.
#include "tables.h"

namespace kiln::ir {
namespace {

void expect_offset(const Attrs& attrs) {
  if (std::int64_t offset = attrs.integer("offset"); offset < 0)
    fail(attrs, "offset " + std::to_string(offset) + " is negative");
}

void expect_state(const Attrs& attrs, const TensorType& state) {
  if (TensorType wanted{DType::Int64, {2}}; state != wanted)
    fail(attrs, "state must be " + to_string(wanted) + " (seed, offset), got " + to_string(state));
  expect_offset(attrs);
}

Types draw(const Attrs& attrs) {
  TensorType type{dtype_attr(attrs), shape_attr(attrs, "shape")};
  if (type.dtype != DType::Float32 && type.dtype != DType::Float64)
    fail(attrs, "draws f32 or f64, not " + std::string(name(type.dtype)));
  return {type};
}

Types uniform(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  expect_state(attrs, operands[0]);
  return draw(attrs);
}

// One state, or one for each of the two uniform draws that it is made of.
Types normal(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 1);
  if (operands[0] != TensorType{DType::Int64, {4}}) expect_state(attrs, operands[0]);
  expect_offset(attrs);
  return draw(attrs);
}

Types dropout(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 2);
  expect_floating(attrs, operands[0]);
  expect_state(attrs, operands[1]);
  if (double p = attrs.real("p"); !(p >= 0 && p <= 1))
    fail(attrs, "probability must be between 0 and 1, got " + std::to_string(p));
  return {operands[0]};
}

constexpr OpRecord kOps[] = {{.name = "uniform", .infer = uniform, .sequences = 1},
                             {.name = "normal", .infer = normal, .sequences = 2},
                             {"dropout", dropout}};

} // namespace

std::span<const OpRecord> random_ops() {
  return kOps;
}

} // namespace kiln::ir
