// Reading and adding at positions held in a tensor: each is the other's derivative.
#include "Rules.h"

using namespace mlir;

namespace kiln::ir {
namespace {

template <typename InverseOp, typename OpTy> Gradients readGradient(OpTy op, OpBuilder& builder, Value grad) {
  if (!grad) return noGradients(op);
  Term g(builder, op.getLoc(), grad);
  Term zeros = g.constant(0, op.getX().getType().getShape());
  return {
      g.make<InverseOp>(ValueRange{zeros, op.getIndices(), g}, {{"dim", static_cast<int64_t>(op.getDim())}}),
      Value()};
}

template <typename InverseOp, typename OpTy> Gradients addGradient(OpTy op, OpBuilder& builder, Value grad) {
  if (!grad) return noGradients(op);
  Term g(builder, op.getLoc(), grad);
  return {grad, Value(),
          g.make<InverseOp>(ValueRange{g, op.getIndices()}, {{"dim", static_cast<int64_t>(op.getDim())}})};
}

} // namespace

Gradients TakeOp::vjp(OpBuilder& builder, ValueRange grads) {
  return readGradient<IndexAddOp>(*this, builder, grads[0]);
}
Gradients GatherOp::vjp(OpBuilder& builder, ValueRange grads) {
  return readGradient<ScatterAddOp>(*this, builder, grads[0]);
}
Gradients IndexAddOp::vjp(OpBuilder& builder, ValueRange grads) {
  return addGradient<TakeOp>(*this, builder, grads[0]);
}
Gradients ScatterAddOp::vjp(OpBuilder& builder, ValueRange grads) {
  return addGradient<GatherOp>(*this, builder, grads[0]);
}

} // namespace kiln::ir
