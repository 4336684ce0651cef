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

template <typename InverseOp, typename OpTy> Gradients copyGradient(OpTy op, OpBuilder& builder, Value grad) {
  if (!grad) return noGradients(op);
  Term g(builder, op.getLoc(), grad), update = g.at(op.getUpdate());
  std::vector<NamedAttr> dim = {{"dim", static_cast<int64_t>(op.getDim())}};
  return {g.make<OpTy>(ValueRange{g, op.getIndices(), update.zeros()}, dim), Value(),
          g.make<InverseOp>(ValueRange{g, op.getIndices()}, dim)};
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

// What is replaced keeps no gradient; with several updates of one place ATen too gives each the gradient
// there.
Gradients IndexCopyOp::vjp(OpBuilder& builder, ValueRange grads) {
  return copyGradient<TakeOp>(*this, builder, grads[0]);
}
Gradients ScatterOp::vjp(OpBuilder& builder, ValueRange grads) {
  return copyGradient<GatherOp>(*this, builder, grads[0]);
}

#define KILN_INDEXED_UPDATE(OP, BY_ELEMENT, REPLACES)                                                        \
  int64_t OP::updatedDim() {                                                                                 \
    return getDim();                                                                                         \
  }                                                                                                          \
  bool OP::byElement() {                                                                                     \
    return BY_ELEMENT;                                                                                       \
  }                                                                                                          \
  bool OP::replaces() {                                                                                      \
    return REPLACES;                                                                                         \
  }
KILN_INDEXED_UPDATE(IndexAddOp, false, false)
KILN_INDEXED_UPDATE(ScatterAddOp, true, false)
KILN_INDEXED_UPDATE(IndexCopyOp, false, true)
KILN_INDEXED_UPDATE(ScatterOp, true, true)
#undef KILN_INDEXED_UPDATE

} // namespace kiln::ir
