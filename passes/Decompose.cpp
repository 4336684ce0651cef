// Opens composites into simpler ops until none is left, drops detach (its work is done once gradients are
// expanded), and gives elementwise ops operands of exactly their result's shape.
//   %1 = kiln.linear %x, %w, %b   ->   %0 = kiln.matmul %x, %w {transpose_rhs}
//                                      %c = kiln.broadcast %b {shape}
//                                      %1 = kiln.add %0, %c
#include "Passes.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_DECOMPOSE
#include "kiln/passes/Passes.h.inc"

namespace {

/// What `composite` opens into. Nothing is computed for a result without elements: the maximum that softmax
/// takes off does not exist where the dimension is empty.
SmallVector<Value> parts(ir::Composite composite, OpBuilder& builder) {
  if (composite->getNumResults() != 1 || numel(composite->getResult(0)) != 0)
    return composite.decompose(builder);
  return {constant(builder, composite->getLoc(), typeOf(composite->getResult(0)), 0)};
}

/// Replaces `op` and returns the op to go on with: the first that it opened into.
Operation* open(ir::Composite composite) {
  Operation* op = composite;
  OpBuilder builder(op);
  auto origin = op->getAttrOfType<StringAttr>(kOrigin);
  MarkInserted mark(builder, op->hasAttr(kBackward),
                    origin ? origin : builder.getStringAttr(op->getName().stripDialect()));
  SmallVector<Value> results = parts(composite, builder);
  op->replaceAllUsesWith(results);
  Operation* next = mark.first() ? mark.first() : op->getNextNode();
  op->erase();
  return next;
}

void broadcastOperands(Operation* op) {
  OpBuilder builder(op);
  MarkInserted mark(builder, op->hasAttr(kBackward), op->getAttrOfType<StringAttr>(kOrigin));
  for (OpOperand& operand : op->getOpOperands())
    operand.set(broadcast(builder, op->getLoc(), operand.get(), shapeOf(op->getResult(0))));
}

struct Decompose : impl::DecomposeBase<Decompose> {
  void runOnOperation() override {
    Block& block = getOperation().getBody().front();
    for (Operation* op = &block.front(); op;) {
      if (auto composite = dyn_cast<ir::Composite>(op)) {
        op = open(composite);
        continue;
      }
      Operation* next = op->getNextNode();
      if (auto detach = dyn_cast<ir::DetachOp>(op))
        detach.replaceAllUsesWith(detach.getX());
      else if (isElementwise(op))
        broadcastOperands(op);
      op = next;
    }
    eraseDead(block);
  }
};

} // namespace
} // namespace kiln::passes
