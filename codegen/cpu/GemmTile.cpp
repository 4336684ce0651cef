// The register tile: the innermost loop of every matrix product. Each step of k loads tileVectors vectors of
// the right operand and broadcasts tileRows elements of the left one; the sums never leave the registers.
// A function of its own, so that it is compiled once and the register allocator sees nothing else.
#include "cpu/GemmParts.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cpu {

func::FuncOp createTile(ModuleOp module, Location loc, const GemmPlan& plan, const TileStrides& strides,
                        FloatType element, MemRefType lhsType, MemRefType rhsType, MemRefType sumsType,
                        bool accumulate) {
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToStart(module.getBody());
  Type indexType = builder.getIndexType();
  auto type =
      builder.getFunctionType({lhsType, indexType, rhsType, indexType, sumsType, indexType, indexType}, {});
  auto function = func::FuncOp::create(builder, loc, "tile", type);
  function.setPrivate();
  Block* block = function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  Index index(builder, loc);
  Value lhs = block->getArgument(0), lhsOffset = block->getArgument(1);
  Value rhs = block->getArgument(2), rhsOffset = block->getArgument(3);
  Value sums = block->getArgument(4), sumsOffset = block->getArgument(5);
  Value depth = block->getArgument(6);

  auto vectorType = VectorType::get({plan.lanes}, element);
  auto sumAt = [&](std::int64_t i, std::int64_t j) {
    return index.add(sumsOffset, i * strides.sumsRow + j * plan.lanes);
  };
  SmallVector<Value> start;
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(vectorType));
  for (std::int64_t i = 0; i < plan.tileRows; ++i)
    for (std::int64_t j = 0; j < plan.tileVectors; ++j)
      start.push_back(accumulate
                          ? vector::LoadOp::create(builder, loc, vectorType, sums, sumAt(i, j)).getResult()
                          : zero);

  auto step = [&](OpBuilder& body, Location, Value k, ValueRange before) {
    Index inner(body, loc);
    Value rhsAt = inner.add(rhsOffset, inner.mul(k, strides.rhsDepth));
    Value lhsAt = inner.add(lhsOffset, inner.mul(k, strides.lhsDepth));
    SmallVector<Value> right, after(before);
    for (std::int64_t j = 0; j < plan.tileVectors; ++j)
      right.push_back(vector::LoadOp::create(body, loc, vectorType, rhs, inner.add(rhsAt, j * plan.lanes)));
    for (std::int64_t i = 0; i < plan.tileRows; ++i) {
      Value scalar = memref::LoadOp::create(body, loc, lhs, inner.add(lhsAt, i * strides.lhsRow));
      Value left = vector::BroadcastOp::create(body, loc, vectorType, scalar);
      for (std::int64_t j = 0; j < plan.tileVectors; ++j) {
        Value& sum = after[i * plan.tileVectors + j];
        sum = vector::FMAOp::create(body, loc, left, right[j], sum);
      }
    }
    scf::YieldOp::create(body, loc, after);
  };
  auto loop = scf::ForOp::create(builder, loc, index.constant(0), depth, index.constant(1), start, step);
  for (std::int64_t i = 0; i < plan.tileRows; ++i)
    for (std::int64_t j = 0; j < plan.tileVectors; ++j)
      vector::StoreOp::create(builder, loc, loop.getResult(i * plan.tileVectors + j), sums, sumAt(i, j));
  func::ReturnOp::create(builder, loc);
  return function;
}

} // namespace kiln::codegen::cpu
