// Contractions: their gradients are contractions too, with transposed flags and no transpose op.
#include "Rules.h"

using namespace mlir;

namespace kiln::ir {
namespace {

/// [..., n] as [rows, n].
Term asMatrix(const Term& x) {
  int64_t columns = x.shape().back();
  return reshape(x, {numel(x.shape().drop_back()), columns});
}

} // namespace

// With C = op(A) op(B): dA = G op(B)^T, dB = op(A)^T G, each as it is or transposed, as the flag says.
Gradients MatmulOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]), a = g.at(getLhs()), b = g.at(getRhs());
  bool ta = getTransposeLhs(), tb = getTransposeRhs();
  return {ta ? matmul(b, g, tb, true) : matmul(g, b, false, !tb),
          tb ? matmul(g, a, true, ta) : matmul(a, g, !ta, false)};
}

SmallVector<Value> LinearOp::decompose(OpBuilder& builder) {
  Term x(builder, getLoc(), getX());
  Term y = matmul(asMatrix(x), x.at(getWeight()), false, true);
  if (!getBias().empty()) y = y + x.at(getBias()[0]);
  return {reshape(y, getType().getShape())};
}

Gradients LinearOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g = asMatrix(Term(builder, getLoc(), grads[0]));
  Term x = g.at(getX());
  Gradients gradients = {reshape(matmul(g, g.at(getWeight()), false, false), x.shape()),
                         matmul(g, asMatrix(x), true, false)};
  if (!getBias().empty()) gradients.push_back(sum(g, {0}));
  return gradients;
}

} // namespace kiln::ir
