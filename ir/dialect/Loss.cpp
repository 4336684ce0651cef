// nll_loss and cross_entropy. The target's element is picked by comparing with iota rather than by gather, so
// that forward and derivative are row kernels over [N, C]. Targets equal to ignore_index count for nothing.
#include "Rules.h"

using namespace mlir;

namespace kiln::ir {
namespace {

/// Where row i of [N, C] has its target. i32 suits the vector width of f32; classes and ignore_index fit.
template <typename OpTy> Term targetHits(OpTy op, const Term& x) {
  int64_t rows = x.shape()[0];
  Term target = reshape(cast(x.at(op.getTarget()), DType::Int32), {rows, 1});
  return eq(iota(x, DType::Int32, x.shape(), 1), target);
}

template <typename OpTy> Term counted(OpTy op, const Term& place) {
  return ne(
      place.at(op.getTarget()),
      place.at(op.getTarget()).constant(static_cast<double>(static_cast<int64_t>(op.getIgnoreIndex()))));
}

template <typename OpTy> Term countedNumber(OpTy op, const Term& x) {
  return sum(cast(counted(op, x), x.dtype()), {0});
}

/// Loss of each row to the result that the reduction asks for.
template <typename OpTy> Value reduceLoss(OpTy op, const Term& x, const Term& rows) {
  Term losses = where(counted(op, x), rows, 0);
  if (op.getReduction() == "none") return losses;
  Term total = sum(losses, {0});
  return op.getReduction() == "sum" ? total : total / countedNumber(op, x);
}

/// Gradient of each row's loss, as [N, 1].
template <typename OpTy> Term rowGradient(OpTy op, const Term& g, const Term& x) {
  Term row = op.getReduction() == "mean" ? g / countedNumber(op, x) : g;
  return reshape(where(counted(op, x), row, 0), {x.shape()[0], 1});
}

/// log(sum(exp(x - max))) and the parts that the derivative shares with it.
struct LogSum {
  Term shifted, exponentials, total;
};
LogSum logSum(const Term& x) {
  Term shifted = x - max(x, {1}, /*keepdim=*/true);
  Term exponentials = exp(shifted);
  return {shifted, exponentials, sum(exponentials, {1}, /*keepdim=*/true)};
}

} // namespace

SmallVector<Value> NllLossOp::decompose(OpBuilder& builder) {
  Term x(builder, getLoc(), getX());
  return {reduceLoss(*this, x, -sum(where(targetHits(*this, x), x, 0), {1}))};
}

Gradients NllLossOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]), x = g.at(getX());
  return {where(targetHits(*this, x), -rowGradient(*this, g, x), 0), Value()};
}

SmallVector<Value> CrossEntropyOp::decompose(OpBuilder& builder) {
  Term x(builder, getLoc(), getX());
  LogSum parts = logSum(x);
  Term picked = sum(where(targetHits(*this, x), parts.shifted, 0), {1});
  return {reduceLoss(*this, x, reshape(log(parts.total), {x.shape()[0]}) - picked)};
}

// (softmax(x) - onehot(target)) * gradient of the row.
Gradients CrossEntropyOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]), x = g.at(getX());
  LogSum parts = logSum(x);
  Term softmax = parts.exponentials / parts.total;
  return {where(targetHits(*this, x), softmax - 1.0, softmax) * rowGradient(*this, g, x), Value()};
}

} // namespace kiln::ir
