// Reductions: how elements combine, derivatives, and the composites built of one (mean, argmax, softmax).
#include "Rules.h"
#include "Scalar.h"

using namespace mlir;

namespace kiln::ir {
namespace {

/// A reduced value as a broadcastable partner of what it was reduced from.
template <typename OpTy> Term besideOperand(OpTy op, const Term& reduced) {
  return restoreDims(reduced, op.getX().getType().getShape(), op.getDims());
}

/// Shared evenly between the equal elements that were picked.
template <typename OpTy> Gradients extremumGradient(OpTy op, OpBuilder& builder, Value grad) {
  if (!grad) return noGradients(op);
  Term g(builder, op.getLoc(), grad), x = g.at(op.getX());
  Term picked = eq(x, besideOperand(op, g.at(op.getResult())));
  Term count = sum(cast(picked, x.dtype()), op.getDims(), /*keepdim=*/true);
  return {where(picked, besideOperand(op, g) / count, 0)};
}

/// Index of the first extreme element; of the first NaN when there is one.
template <typename OpTy>
Value firstIndexOf(OpTy op, OpBuilder& builder, Term (*extremum)(const Term&, ArrayRef<int64_t>, bool)) {
  Term x(builder, op.getLoc(), op.getX());
  int64_t dim = op.getDim();
  Term hit = eq(x, extremum(x, dim, /*keepdim=*/true));
  if (is_floating(x.dtype())) hit = logicalOr(hit, ne(x, x));
  Term candidates = where(hit, iota(x, DType::Int32, x.shape(), dim), static_cast<int>(x.shape()[dim]));
  return cast(min(candidates, dim, op.getKeepdim()), DType::Int64);
}

/// How many elements lie in the dimensions before and behind one.
std::pair<int64_t, int64_t> around(ArrayRef<int64_t> shape, int64_t dim) {
  return {numel(shape.take_front(dim)), numel(shape.drop_front(dim + 1))};
}

Term cumsum(const Term& x, int64_t dim, bool reverse) {
  return x.make<CumsumOp>(ValueRange{x}, {{"dim", dim}, {"reverse", reverse}});
}

/// x: [outer, n, inner]; its elements [start, stop) along n.
Term part(const Term& x, int64_t start, int64_t stop) {
  return x.make<SliceOp>(ValueRange{x}, {{"starts", std::vector<int64_t>{0, start, 0}},
                                         {"steps", std::vector<int64_t>{1, 1, 1}},
                                         {"stops", std::vector<int64_t>{x.shape()[0], stop, x.shape()[2]}}});
}
/// [outer, n, inner] and [outer, m, inner] as [outer, n + m, inner].
Term joined(const Term& a, const Term& b) {
  return a.make<ConcatOp>(ValueRange{a, b}, {{"dim", int64_t(1)}});
}

/// x: [outer, n, inner]; element i is the sum of elements 0 to i (i to n-1).
Term runningSum(const Term& x, bool reverse) {
  int64_t outer = x.shape()[0], n = x.shape()[1], inner = x.shape()[2];
  Term from = iota(x, DType::Int32, {1, 1, n, 1}, 2), to = iota(x, DType::Int32, {1, n, 1, 1}, 1);
  Term counts = reverse ? ge(from, to) : le(from, to);
  return sum(where(counts, reshape(x, {outer, 1, n, inner}), 0), {2});
}

TypedAttr extremeAttr(Type type, bool smallest) {
  Builder builder(type.getContext());
  if (auto floating = dyn_cast<FloatType>(type))
    return builder.getFloatAttr(type, APFloat::getInf(floating.getFloatSemantics(), /*Negative=*/smallest));
  unsigned width = type.getIntOrFloatBitWidth();
  if (type.isUnsignedInteger()) {
    Type signless = builder.getIntegerType(width);
    return IntegerAttr::get(signless, smallest ? APInt::getMinValue(width) : APInt::getMaxValue(width));
  }
  return IntegerAttr::get(type, smallest ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width));
}

Type elementOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

/// exp(x - max) and its sum along dim.
struct ShiftedExp {
  Term shifted, exponentials, total;
};
ShiftedExp shiftedExp(const Term& x, int64_t dim) {
  Term shifted = x - max(x, dim, /*keepdim=*/true);
  Term exponentials = exp(shifted);
  return {shifted, exponentials, sum(exponentials, dim, /*keepdim=*/true)};
}

} // namespace

ArrayRef<int64_t> SumOp::reducedDims() {
  return getDims();
}
TypedAttr SumOp::neutral() {
  Type type = elementOf(getX());
  Builder builder(type.getContext());
  if (type.isUnsignedInteger()) type = builder.getIntegerType(type.getIntOrFloatBitWidth());
  return builder.getZeroAttr(type);
}
Value SumOp::combine(OpBuilder& builder, Value a, Value b) {
  return Scalars(builder, getLoc()).add(a, b);
}

ArrayRef<int64_t> ProdOp::reducedDims() {
  return getDims();
}
TypedAttr ProdOp::neutral() {
  Type type = elementOf(getX());
  Builder builder(type.getContext());
  if (type.isUnsignedInteger()) type = builder.getIntegerType(type.getIntOrFloatBitWidth());
  return builder.getOneAttr(type);
}
Value ProdOp::combine(OpBuilder& builder, Value a, Value b) {
  return Scalars(builder, getLoc()).mul(a, b);
}

ArrayRef<int64_t> MaxOp::reducedDims() {
  return getDims();
}
TypedAttr MaxOp::neutral() {
  return extremeAttr(elementOf(getX()), /*smallest=*/true);
}
Value MaxOp::combine(OpBuilder& builder, Value a, Value b) {
  return Scalars(builder, getLoc(), isUnsignedTensor(getX())).maximum(a, b);
}

ArrayRef<int64_t> MinOp::reducedDims() {
  return getDims();
}
TypedAttr MinOp::neutral() {
  return extremeAttr(elementOf(getX()), /*smallest=*/false);
}
Value MinOp::combine(OpBuilder& builder, Value a, Value b) {
  return Scalars(builder, getLoc(), isUnsignedTensor(getX())).minimum(a, b);
}

KILN_UNARY_VJP(SumOp, broadcast(besideOperand(*this, g), x.shape()))
// The product of the others: y / x, unless there are zeros. With one, only its own place has a slope; with
// more, none.
Gradients ProdOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]), x = g.at(getX());
  Term isZero = eq(x, 0), filled = where(isZero, 1, x);
  Term zeros = sum(cast(isZero, x.dtype()), getDims(), /*keepdim=*/true);
  Term others = prod(filled, getDims(), /*keepdim=*/true);
  Term slope = where(isZero, where(eq(zeros, 1), others, 0), where(eq(zeros, 0), others / filled, 0));
  return {slope * besideOperand(*this, g)};
}
Gradients MaxOp::vjp(OpBuilder& builder, ValueRange grads) {
  return extremumGradient(*this, builder, grads[0]);
}
Gradients MinOp::vjp(OpBuilder& builder, ValueRange grads) {
  return extremumGradient(*this, builder, grads[0]);
}

static double reducedCount(MeanOp op) {
  double count = 1;
  for (int64_t dim : op.getDims())
    count *= op.getX().getType().getShape()[dim];
  return count;
}
KILN_UNARY_VJP(MeanOp, broadcast(besideOperand(*this, g) / reducedCount(*this), x.shape()))
SmallVector<Value> MeanOp::decompose(OpBuilder& builder) {
  return {sum(Term(builder, getLoc(), getX()), getDims(), getKeepdim()) / reducedCount(*this)};
}

KILN_UNARY_VJP(CumsumOp, cumsum(g, getDim(), !getReverse()))

// A long dimension is cut in pieces: sums within each, and what comes before it added. Within a piece every
// sum is a masked reduction, which costs its length per element but is one parallel kernel and lets
// infinities stay in place.
SmallVector<Value> CumsumOp::decompose(OpBuilder& builder) {
  constexpr int64_t kPiece = 64;
  Term x(builder, getLoc(), getX());
  auto [outer, inner] = around(x.shape(), getDim());
  int64_t size = x.shape()[getDim()];
  if (size <= 2 * kPiece)
    return {reshape(runningSum(reshape(x, {outer, size, inner}), getReverse()), x.shape())};
  int64_t pieces = (size + kPiece - 1) / kPiece, missing = pieces * kPiece - size;
  Term padded = reshape(x, {outer, size, inner});
  if (missing) padded = joined(padded, x.constant(0, {outer, missing, inner}));
  padded = reshape(padded, {outer * pieces, kPiece, inner});
  Term within = reshape(runningSum(padded, getReverse()), {outer, pieces, kPiece, inner});
  // What lies before each piece: the totals moved on by one, then summed. (Their running sum less a piece's
  // own total would be no number where that is infinite, and without digits where it is large.)
  Term totals = reshape(sum(padded, {1}), {outer, pieces, inner}), none = x.constant(0, {outer, 1, inner});
  Term moved =
      getReverse() ? joined(part(totals, 1, pieces), none) : joined(none, part(totals, 0, pieces - 1));
  Term before = cumsum(moved, 1, getReverse());
  Term all = reshape(within + reshape(before, {outer, pieces, 1, inner}), {outer, pieces * kPiece, inner});
  if (missing) all = part(all, 0, size);
  return {reshape(all, x.shape())};
}

SmallVector<Value> ArgmaxOp::decompose(OpBuilder& builder) {
  return {firstIndexOf(*this, builder, max)};
}
SmallVector<Value> ArgminOp::decompose(OpBuilder& builder) {
  return {firstIndexOf(*this, builder, min)};
}

KILN_UNARY_VJP(SoftmaxOp, y*(g - sum(g * y, getDim(), /*keepdim=*/true)))
SmallVector<Value> SoftmaxOp::decompose(OpBuilder& builder) {
  ShiftedExp parts = shiftedExp(Term(builder, getLoc(), getX()), getDim());
  return {parts.exponentials / parts.total};
}

KILN_UNARY_VJP(LogSoftmaxOp, g - exp(y) * sum(g, getDim(), /*keepdim=*/true))
SmallVector<Value> LogSoftmaxOp::decompose(OpBuilder& builder) {
  ShiftedExp parts = shiftedExp(Term(builder, getLoc(), getX()), getDim());
  return {parts.shifted - log(parts.total)};
}

} // namespace kiln::ir
