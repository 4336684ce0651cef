// layer_norm: opens into centred moments; its derivative in closed form.
#include "Rules.h"

using namespace mlir;

namespace kiln::ir {
namespace {

SmallVector<int64_t> normalisedDims(LayerNormOp op) {
  int64_t rank = op.getX().getType().getRank();
  return llvm::to_vector(llvm::seq<int64_t>(rank - op.getDims(), rank));
}

Term meanOver(const Term& x, ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= x.shape()[dim];
  return sum(x, dims, /*keepdim=*/true) / static_cast<double>(count);
}

/// Deviations are squared after the mean is taken off, so that a large mean costs no digits. The derivative
/// builds the same ops as the forward does, for them to be shared.
struct Normalised {
  Term value, inverseDeviation;
};
Normalised normalise(LayerNormOp op, const Term& x) {
  SmallVector<int64_t> dims = normalisedDims(op);
  Term centred = x - meanOver(x, dims);
  Term inverseDeviation = rsqrt(meanOver(centred * centred, dims) + op.getEps().convertToDouble());
  return {centred * inverseDeviation, inverseDeviation};
}

} // namespace

SmallVector<Value> LayerNormOp::decompose(OpBuilder& builder) {
  Term x(builder, getLoc(), getX());
  Term value = normalise(*this, x).value;
  if (getAffine().empty()) return {value};
  return {value * x.at(getAffine()[0]) + x.at(getAffine()[1])};
}

Gradients LayerNormOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]);
  auto [value, inverseDeviation] = normalise(*this, g.at(getX()));
  Gradients gradients(1);
  Term flow = g;
  if (!getAffine().empty()) {
    Term weight = g.at(getAffine()[0]);
    gradients.push_back(sumTo(g * value, weight.shape()));
    gradients.push_back(sumTo(g, weight.shape()));
    flow = g * weight;
  }
  SmallVector<int64_t> dims = normalisedDims(*this);
  gradients[0] = inverseDeviation * (flow - meanOver(flow, dims) - value * meanOver(flow * value, dims));
  return gradients;
}

} // namespace kiln::ir
