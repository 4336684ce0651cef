// Ops that move elements: derivatives, and folding of what moves nothing or moves twice.
#include "Rules.h"

using namespace mlir;

namespace kiln::ir {
namespace {

/// starts, stops and steps of an op, as a record has them.
template <typename OpTy> std::vector<NamedAttr> window(OpTy op) {
  return {{"starts", op.getStarts().vec()}, {"steps", op.getSteps().vec()}, {"stops", op.getStops().vec()}};
}

SmallVector<int64_t> inverse(ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> result(permutation.size());
  for (auto [i, dim] : llvm::enumerate(permutation))
    result[dim] = static_cast<int64_t>(i);
  return result;
}

} // namespace

KILN_UNARY_VJP(ReshapeOp, reshape(g, x.shape()))
KILN_UNARY_VJP(TransposeOp, transpose(g, inverse(getPermutation())))
KILN_UNARY_VJP(BroadcastOp, sumTo(g, x.shape()))
KILN_UNARY_VJP(SliceOp, g.make<SliceUpdateOp>(ValueRange{g.constant(0, x.shape()), g}, window(*this)))

Gradients SliceUpdateOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]), update = g.at(getUpdate());
  return {g.make<SliceUpdateOp>(ValueRange{g, update.zeros()}, window(*this)),
          g.make<SliceOp>(ValueRange{g}, window(*this))};
}

Gradients ConcatOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]);
  std::vector<int64_t> starts(g.rank(), 0), stops = g.shape().vec(), steps(g.rank(), 1);
  int64_t dim = getDim();
  stops[dim] = 0;
  Gradients gradients;
  for (Value input : getInputs()) {
    starts[dim] = stops[dim];
    stops[dim] += cast<RankedTensorType>(input.getType()).getShape()[dim];
    gradients.push_back(
        g.make<SliceOp>(ValueRange{g}, {{"starts", starts}, {"steps", steps}, {"stops", stops}}));
  }
  return gradients;
}

// reshape(x) of the same shape is x; reshape(reshape(x)) is one reshape.
OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getX().getType() == getType()) return getX();
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    if (inner.getX().getType() == getType()) return inner.getX();
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

// transpose by the identity is x; transpose(transpose(x)) is one transpose.
OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size()))) return getX();
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> both =
        llvm::map_to_vector(permutation, [&](int64_t dim) { return inner.getPermutation()[dim]; });
    getXMutable().assign(inner.getX());
    setPermutation(both);
    return getResult();
  }
  return {};
}

// broadcast to the same shape is x; broadcast(broadcast(x)) is one broadcast.
OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  if (getX().getType() == getType()) return getX();
  if (auto inner = getX().getDefiningOp<BroadcastOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

// slice of everything is x.
OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? getX() : OpFoldResult();
}

} // namespace kiln::ir
