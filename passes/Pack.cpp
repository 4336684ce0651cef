// Chooses, for each contraction, which operands its kernel copies into panels first ("packing"), and the
// register tile.
//   %0 = kiln.matmul %a, %b   ->   %0 = kiln.matmul %a, %b {packing = {columns, pack_lhs, pack_rhs, rows}}
// Packing costs a pass over the operand and pays when the operand is read many times in an order that its
// rows do not have: a transposed operand walks a column of memory with each step of K.
#include "Passes.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_PACK
#include "kiln/passes/Passes.h.inc"

namespace {

struct Sizes {
  int64_t batch, m, n, k;
};

Sizes sizesOf(ir::MatmulOp op) {
  ArrayRef<int64_t> result = shapeOf(op), lhs = shapeOf(op.getLhs());
  int64_t rank = result.size();
  return {numel(result.drop_back(2)), result[rank - 2], result[rank - 1],
          lhs[op.getTransposeLhs() ? rank - 2 : rank - 1]};
}

/// Rows of the register tile: of the heights that leave registers for one row of the right operand, the one
/// that wastes fewest rows at the end, the tallest of equals.
int64_t tileRows(int64_t m, int64_t tallest) {
  int64_t best = 1, bestWaste = INT64_MAX;
  for (int64_t rows = std::min(tallest, m); rows >= std::min<int64_t>(m, tallest / 2 + 1); --rows)
    if (int64_t waste = llvm::divideCeil(m, rows) * rows - m; waste < bestWaste) {
      best = rows;
      bestWaste = waste;
    }
  return best;
}

void choose(ir::MatmulOp op) {
  // 32 vector registers: 14 rows of two vectors accumulate, two hold the right operand.
  constexpr int64_t kTileRows = 14, kTileColumns = 32;
  // Rows of the left operand are broadcast element by element; down a column each comes from another cache
  // line.
  constexpr int64_t kWorthPackingUses = 4;
  // A panel of the right operand that fits the second cache level is read from there by every row tile.
  constexpr int64_t kCacheBytes = 512 << 10;
  Sizes size = sizesOf(op);
  int64_t element = typeOf(op).getElementTypeBitWidth() / 8;
  int64_t rows = tileRows(size.m, kTileRows);
  int64_t rowTiles = llvm::divideCeil(size.m, rows), columnTiles = llvm::divideCeil(size.n, kTileColumns);
  bool packLhs = op.getTransposeLhs() && columnTiles >= kWorthPackingUses;
  // Rows of a wide right operand lie a page apart; in panels they are consecutive.
  bool packRhs = rowTiles >= 2 && (op.getTransposeRhs() || size.n * size.k * element > kCacheBytes);
  packRhs |= op.getTransposeRhs();
  Builder builder(op.getContext());
  op.setPackingAttr(
      builder.getDictionaryAttr({builder.getNamedAttr("columns", builder.getI64IntegerAttr(kTileColumns)),
                                 builder.getNamedAttr("pack_lhs", builder.getBoolAttr(packLhs)),
                                 builder.getNamedAttr("pack_rhs", builder.getBoolAttr(packRhs)),
                                 builder.getNamedAttr("rows", builder.getI64IntegerAttr(rows))}));
}

struct Pack : impl::PackBase<Pack> {
  using PackBase::PackBase;
  void runOnOperation() override {
    for (auto matmul : getOperation().getOps<ir::MatmulOp>())
      choose(matmul);
  }
};

} // namespace
} // namespace kiln::passes
