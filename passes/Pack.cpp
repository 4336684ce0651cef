// Chooses the register tile of each contraction: how many rows and columns of its result a kernel holds in
// registers while it walks K, and so how wide the panels are that operands are copied into ("packed").
//   %0 = kiln.matmul %a, %b   ->   %0 = kiln.matmul %a, %b {packing = array<i64: rows, columns>}
// Which operands are copied is decided where the kernel is made: by then fuse has folded views into their
// strides.
#include "Passes.h"
#include "Util.h"

#include <limits>

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_PACK
#include "kiln/passes/Passes.h.inc"

namespace {

/// Cycles that a tile takes for one k. Each cycle starts a multiply-add, or loads a whole vector, or two
/// elements for broadcasting; fewer than eight sums in flight wait for each other.
double tileCycles(int64_t rows, int64_t vectors) {
  double multiply = std::max<double>(rows * vectors, 8);
  double load = vectors + 0.5 * rows;
  return std::max(multiply, load) + 0.1 * load;
}

struct Pack : impl::PackBase<Pack> {
  using PackBase::PackBase;

  void runOnOperation() override {
    getOperation().walk([&](ir::MatmulOp op) { op.setPacking(chooseTile(op)); });
  }

private:
  /// Tile that covers M x N in the fewest cycles: it should divide both well and have many sums in registers.
  std::array<int64_t, 2> chooseTile(ir::MatmulOp op) const {
    int64_t m = shapeOf(op).end()[-2], n = shapeOf(op).end()[-1];
    int64_t lanes = vectorBits / typeOf(op).getElementTypeBitWidth();
    // Besides the sums, registers hold the right operand's vectors, one broadcast and, where there are many,
    // a few more.
    int64_t spare = vectorRegisters == 32 ? 3 : 1;
    std::array<int64_t, 2> best{1, lanes};
    double bestCycles = std::numeric_limits<double>::max();
    for (int64_t vectors = 1; vectors <= 4; ++vectors)
      for (int64_t rows = 1; rows <= std::min<int64_t>(16, m); ++rows) {
        if (rows * vectors + vectors + spare > vectorRegisters) break;
        double tiles = double(llvm::divideCeil(m, rows)) * llvm::divideCeil(n, vectors * lanes);
        // Of equals, the one with the smaller code.
        if (double cycles = tiles * tileCycles(rows, vectors); cycles < bestCycles * 0.99) {
          bestCycles = cycles;
          best = {rows, vectors * lanes};
        }
      }
    return best;
  }
};

} // namespace
} // namespace kiln::passes
