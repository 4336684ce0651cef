// Types of the contractions.
#include "tables.h"

namespace kiln::ir {
namespace {

Types matmul(const Attrs& attrs, Operands operands) {
  expect_operands(attrs, operands, 2);
  const Shape &lhs = operands[0].shape, &rhs = operands[1].shape;
  expect_same_dtype(attrs, operands[0].dtype, operands[1].dtype);
  expect_floating(attrs, operands[0]);
  std::string both = to_string(lhs) + " x " + to_string(rhs);
  if (lhs.rank() < 2 || lhs.rank() != rhs.rank())
    fail(attrs, "needs two tensors of the same rank, at least 2: " + both);
  std::size_t rank = lhs.rank();
  Shape result = lhs;
  for (std::size_t i = 0; i + 2 < rank; ++i)
    if (lhs[i] != rhs[i]) fail(attrs, "batch dimensions differ: " + both);
  bool transposeLhs = attrs.flag("transpose_lhs"), transposeRhs = attrs.flag("transpose_rhs");
  if (lhs[rank - (transposeLhs ? 2 : 1)] != rhs[rank - (transposeRhs ? 1 : 2)])
    fail(attrs, "inner dimensions differ: " + both + (transposeLhs ? ", lhs transposed" : "") +
                    (transposeRhs ? ", rhs transposed" : ""));
  result[rank - 2] = lhs[rank - (transposeLhs ? 1 : 2)];
  result[rank - 1] = rhs[rank - (transposeRhs ? 2 : 1)];
  return {{operands[0].dtype, result}};
}

Types linear(const Attrs& attrs, Operands operands) {
  if (operands.size() != 2 && operands.size() != 3)
    fail(attrs, "takes x, weight and perhaps bias, got " + std::to_string(operands.size()) + " operands");
  const TensorType &x = operands[0], &weight = operands[1];
  expect_floating(attrs, x);
  for (const TensorType& other : operands.subspan(1))
    expect_same_dtype(attrs, x.dtype, other.dtype);
  if (weight.shape.rank() != 2) fail(attrs, "weight must be [out, in], got " + to_string(weight.shape));
  if (x.shape.rank() < 1 || x.shape[x.shape.rank() - 1] != weight.shape[1])
    fail(attrs,
         "inner dimensions differ: " + to_string(x.shape) + " x " + to_string(weight.shape) + " transposed");
  if (operands.size() == 3 && operands[2].shape != Shape{weight.shape[0]})
    fail(attrs,
         "bias must be " + to_string(Shape{weight.shape[0]}) + ", got " + to_string(operands[2].shape));
  TensorType result = x;
  result.shape[x.shape.rank() - 1] = weight.shape[0];
  return {result};
}

constexpr OpRecord kOps[] = {{.name = "matmul", .infer = matmul, .derivative = "MmBackward0"},
                             {.name = "linear", .infer = linear, .derivative = "AddmmBackward0"}};

} // namespace

std::span<const OpRecord> contract_ops() {
  return kOps;
}

} // namespace kiln::ir
