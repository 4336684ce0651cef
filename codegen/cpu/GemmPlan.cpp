// Chooses what is packed and the blocks, by where operands lie and what caches hold.
#include "cpu/GemmPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace kiln::codegen::cpu {

std::int64_t GemmShape::batches() const {
  std::int64_t count = 1;
  for (std::int64_t size : batch)
    count *= size;
  return count;
}

namespace {

void choosePacking(GemmPlan& plan, const GemmShape& shape, const Target& target) {
  bool alongDepth = shape.lhs.columnStride == 1, alongRows = shape.lhs.rowStride == 1 && !alongDepth;
  std::int64_t step = std::max(shape.lhs.rowStride, shape.lhs.columnStride) * shape.elementBytes();
  // Rows a multiple of 1 KiB apart fall into few sets of the nearest cache; a ragged last tile must not read
  // beyond the operand. Where each step of K is another line, of which a tile uses a few elements, lines
  // should stay for the tiles that use the others.
  bool hostile = step % 1024 == 0, ragged = shape.m % plan.tileRows != 0;
  constexpr std::int64_t kLine = 64;
  bool refetched = alongRows && shape.n > plan.tileColumns() && shape.k * kLine > target.l1Bytes / 4;
  plan.packLhs = (alongDepth || alongRows) && (hostile || ragged || refetched);
  if (shape.rhs.columnStride == 1) {
    bool reused = shape.m > 2 * plan.tileRows, uneven = shape.n % plan.tileColumns() != 0;
    plan.packRhs = reused || uneven ? RhsPacking::Copy : RhsPacking::None;
  } else {
    bool squares = shape.rhs.rowStride == 1 && shape.k >= plan.lanes;
    plan.packRhs = squares ? RhsPacking::Transpose : RhsPacking::Gather;
  }
}

/// Largest multiple of `unit` up to `limit` that cuts `size` in equal parts as far as possible.
std::int64_t evenBlock(std::int64_t size, std::int64_t limit, std::int64_t unit) {
  std::int64_t parts = llvm::divideCeil(size, std::max(limit, unit));
  return llvm::alignTo(llvm::divideCeil(size, parts), unit);
}

} // namespace

GemmPlan planGemm(const GemmShape& shape, std::int64_t tileRows, std::int64_t tileColumns,
                  const Target& target, int threads) {
  GemmPlan plan;
  plan.lanes = target.lanes(shape.elementBytes());
  plan.tileRows = tileRows;
  plan.tileVectors = tileColumns / plan.lanes;
  choosePacking(plan, shape, target);
  // A left operand without unit stride is read in place, so its rows must come out even.
  if (!plan.packLhs && shape.m % plan.tileRows != 0)
    while (shape.m % plan.tileRows != 0)
      --plan.tileRows;

  plan.blockDepth = shape.k <= 512 ? llvm::alignTo(shape.k, plan.lanes) : 256;
  // What is walked at a time of the right operand's packed block takes half of the second cache, and a packed
  // chunk of the left one an eighth or so.
  std::int64_t columnBytes =
      std::max<std::int64_t>(std::min(plan.blockDepth, shape.k), 1) * shape.elementBytes();
  std::int64_t fits = target.l2Bytes / 2 / columnBytes;
  std::int64_t columns = std::clamp<std::int64_t>(fits, plan.tileColumns(), 128);
  plan.blockColumns = evenBlock(shape.n, columns, plan.tileColumns());
  plan.chunkRows = evenBlock(shape.m, 64, plan.tileRows);
  // Whole tiles, each finished at once.
  plan.storeSums = shape.result && shape.result->columnStride == 1 && shape.m % plan.tileRows == 0 &&
                   shape.n % plan.tileColumns() == 0 && shape.k <= plan.blockDepth;

  std::int64_t chunks = llvm::divideCeil(shape.m, plan.chunkRows);
  std::int64_t items = chunks * shape.batches() * llvm::divideCeil(shape.n, plan.blockColumns);
  // Threads share items, not blocks. Where a share begins within a block, that block is packed once more:
  // less than what a thread would wait for another whole block.
  plan.grain = threads <= 1 || shape.flops() < 2e6 ? items : 1;
  return plan;
}

} // namespace kiln::codegen::cpu
