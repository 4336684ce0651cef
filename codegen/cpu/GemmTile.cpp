// The strip: the innermost loops of every matrix product. For each register tile of a row of them, each step
// of k loads tileVectors vectors of the right operand and broadcasts tileRows elements of the left one; the
// tile's sums never leave the registers, and what all tiles read on their left stays in the nearest cache. A
// function of its own, so that it is compiled once and the register allocator sees nothing else.
#include "cpu/GemmParts.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// Steps of k in one round of the tile's loop, all of which are whole rounds (a block of K is K or 256
/// steps): counting and jumping should cost little beside the multiply-adds.
std::int64_t stepsPerRound(const GemmPlan& plan, std::int64_t depth) {
  constexpr std::int64_t kMultiplyAdds = 32;
  std::int64_t steps = 4;
  while (steps > 1 && (steps * plan.tileRows * plan.tileVectors > kMultiplyAdds || depth % steps != 0))
    steps /= 2;
  return steps;
}

/// Sums of one register tile over `depth` steps of k, added to `start`.
SmallVector<Value> emitTile(const Index& index, const GemmPlan& plan, const StripStrides& strides,
                            VectorType vectorType, Value lhs, Value lhsOffset, Value rhs, Value rhsOffset,
                            Value depth, ValueRange start, std::int64_t steps) {
  auto round = [&](OpBuilder& body, Location loc, Value k, ValueRange before) {
    Index inner(body, loc);
    Value rhsFrom = inner.add(rhsOffset, inner.mul(k, strides.rhsDepth));
    Value lhsFrom = inner.add(lhsOffset, inner.mul(k, strides.lhsDepth));
    SmallVector<Value> after(before);
    for (std::int64_t step = 0; step < steps; ++step) {
      Value rhsAt = inner.add(rhsFrom, step * strides.rhsDepth);
      Value lhsAt = inner.add(lhsFrom, step * strides.lhsDepth);
      SmallVector<Value> right;
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
    }
    scf::YieldOp::create(body, loc, after);
  };
  auto loop = scf::ForOp::create(index.builder, index.loc, index.constant(0), depth, index.constant(steps),
                                 start, round);
  return loop.getResults();
}

/// Asks for tile number `tile`'s part of the next strip's left operand. Spread over the tiles this is hidden
/// behind their sums; all at once would wait for memory, which answers to some twenty lines at a time.
void prefetchAhead(const Index& index, const GemmPlan& plan, const StripStrides& strides,
                   std::int64_t allDepth, Value ahead, Value offset, Value depth, Value tile) {
  std::int64_t line = lineElements(ahead), tiles = plan.blockColumns / plan.tileColumns();
  std::int64_t part = llvm::alignTo(llvm::divideCeil(std::min(plan.blockDepth, allDepth), tiles), line);
  Value first = index.mul(tile, part), count = index.min(index.sub(depth, first), part);
  for (std::int64_t i = 0; i < plan.tileRows; ++i)
    prefetch(index, ahead, index.add(index.add(offset, first), i * strides.aheadRow), count);
}

} // namespace

func::FuncOp createStrip(ModuleOp module, Location loc, const GemmPlan& plan, const StripStrides& strides,
                         FloatType element, MemRefType lhsType, MemRefType rhsType, MemRefType sumsType,
                         MemRefType aheadType, bool accumulate, std::int64_t allDepth) {
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToStart(module.getBody());
  Type indexType = builder.getIndexType();
  auto type = builder.getFunctionType({lhsType, indexType, rhsType, indexType, sumsType, indexType, indexType,
                                       indexType, aheadType, indexType},
                                      {});
  auto function = func::FuncOp::create(builder, loc, "strip", type);
  function.setPrivate();
  Block* block = function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  builder.setInsertionPoint(func::ReturnOp::create(builder, loc));
  Index index(builder, loc);
  Value lhs = block->getArgument(0), lhsOffset = block->getArgument(1);
  Value rhs = block->getArgument(2), rhsOffset = block->getArgument(3);
  Value sums = block->getArgument(4), sumsOffset = block->getArgument(5);
  Value depth = block->getArgument(6), columns = block->getArgument(7);
  Value ahead = block->getArgument(8), aheadOffset = block->getArgument(9);

  auto vectorType = VectorType::get({plan.lanes}, element);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(vectorType));
  index.loop(index.ceilDiv(columns, plan.tileColumns()), 1, [&](Value tile) {
    Value rhsFrom = index.add(rhsOffset, index.mul(tile, strides.rhsTile));
    Value sumsFrom = index.add(sumsOffset, index.mul(tile, plan.tileColumns()));
    auto sumAt = [&](std::int64_t i, std::int64_t j) {
      return index.add(sumsFrom, i * strides.sumsRow + j * plan.lanes);
    };
    if (strides.aheadRow) prefetchAhead(index, plan, strides, allDepth, ahead, aheadOffset, depth, tile);
    SmallVector<Value> start;
    for (std::int64_t i = 0; i < plan.tileRows; ++i)
      for (std::int64_t j = 0; j < plan.tileVectors; ++j)
        start.push_back(accumulate
                            ? vector::LoadOp::create(builder, loc, vectorType, sums, sumAt(i, j)).getResult()
                            : zero);
    auto done = emitTile(index, plan, strides, vectorType, lhs, lhsOffset, rhs, rhsFrom, depth, start,
                         stepsPerRound(plan, allDepth));
    for (std::int64_t i = 0; i < plan.tileRows; ++i)
      for (std::int64_t j = 0; j < plan.tileVectors; ++j)
        vector::StoreOp::create(builder, loc, done[i * plan.tileVectors + j], sums, sumAt(i, j));
  });
  return function;
}

} // namespace kiln::codegen::cpu
