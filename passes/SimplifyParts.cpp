// Tensors made of parts. The gradient of a slice is its part padded with zeros, and where a tensor was cut up
// these are added; they become one tensor in which each part is written once.
//   %1 = kiln.slice_update %zeros, %a {rows 0 to 8}        ->   %4 = kiln.concat %a, %b {dim = 0}
//   %2 = kiln.slice_update %zeros, %b {rows 8 to 16}
//   %3 = kiln.add %1, %2
#include "Simplify.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
namespace {

/// Whether no element is in the window of both. Steps are not looked at.
bool areDisjoint(ir::SliceUpdateOp a, ir::SliceUpdateOp b) {
  for (auto [start, stop, otherStart, otherStop] :
       llvm::zip(a.getStarts(), a.getStops(), b.getStarts(), b.getStops()))
    if (stop <= otherStart || otherStop <= start) return true;
  return false;
}

/// Whether `value` is zeros, but for parts beside the window of `part`.
bool isZeroWithin(ir::SliceUpdateOp part, Value value) {
  while (auto other = value.getDefiningOp<ir::SliceUpdateOp>()) {
    if (!areDisjoint(part, other)) return false;
    value = other.getX();
  }
  return isSplat(value, 0);
}

/// x + (part padded with zeros) -> x with the part in its place, where x is zero.
LogicalResult addOfPadded(ir::AddOp op, PatternRewriter& rewriter) {
  for (auto [x, padded] : {std::pair{op.getLhs(), op.getRhs()}, std::pair{op.getRhs(), op.getLhs()}}) {
    auto part = padded.getDefiningOp<ir::SliceUpdateOp>();
    if (!part || !isSplat(part.getX(), 0) || !isZeroWithin(part, x)) continue;
    rewriter.replaceOpWithNewOp<ir::SliceUpdateOp>(op, op.getType(), x, part.getUpdate(), part.getStarts(),
                                                   part.getStops(), part.getSteps());
    return success();
  }
  return failure();
}

/// The only dimension that the window does not span; -1 when there are several or the window has holes.
int64_t partDimension(ir::SliceUpdateOp op) {
  int64_t found = -1;
  for (auto [dim, size] : llvm::enumerate(shapeOf(op))) {
    if (op.getSteps()[dim] != 1) return -1;
    if (op.getStarts()[dim] == 0 && op.getStops()[dim] == size) continue;
    if (found >= 0) return -1;
    found = static_cast<int64_t>(dim);
  }
  return found;
}

/// Parts that fill a tensor side by side -> their concatenation.
LogicalResult concatOfParts(ir::SliceUpdateOp op, PatternRewriter& rewriter) {
  int64_t dim = partDimension(op), filled = 0;
  if (dim < 0) return failure();
  SmallVector<ir::SliceUpdateOp> parts;
  for (auto part = op; part && partDimension(part) == dim && filled < shapeOf(op)[dim];
       part = part.getX().getDefiningOp<ir::SliceUpdateOp>()) {
    if (llvm::any_of(parts, [&](ir::SliceUpdateOp later) { return !areDisjoint(part, later); }))
      return failure();
    parts.push_back(part);
    filled += part.getStops()[dim] - part.getStarts()[dim];
  }
  if (filled != shapeOf(op)[dim]) return failure();
  llvm::sort(parts, [&](ir::SliceUpdateOp a, ir::SliceUpdateOp b) {
    return a.getStarts()[dim] < b.getStarts()[dim];
  });
  SmallVector<Value> inputs;
  for (ir::SliceUpdateOp part : parts)
    if (numel(part.getUpdate())) inputs.push_back(part.getUpdate());
  rewriter.replaceOpWithNewOp<ir::ConcatOp>(op, op.getType(), inputs, dim);
  return success();
}

/// A padded part, with `update` for what it was: the window [start, stop) of `dim`, all else as it is.
void replaceByPadded(Operation* op, ir::SliceUpdateOp padded, Value update, int64_t dim, int64_t start,
                     int64_t stop, PatternRewriter& rewriter) {
  RankedTensorType type = typeOf(op->getResult(0));
  SmallVector<int64_t> starts(type.getRank(), 0), stops(type.getShape()), steps(type.getRank(), 1);
  starts[dim] = start;
  stops[dim] = stop;
  Value background = constant(rewriter, op->getLoc(), type, *splatOf(padded.getX()));
  rewriter.replaceOpWithNewOp<ir::SliceUpdateOp>(op, type, background, update, starts, stops, steps);
}

/// transpose(part padded) -> (transpose(part)) padded: where a tensor was transposed before it was cut up,
/// the parts meet in its own order.
LogicalResult transposeOfPadded(ir::TransposeOp op, PatternRewriter& rewriter) {
  auto padded = op.getX().getDefiningOp<ir::SliceUpdateOp>();
  int64_t dim = padded && splatOf(padded.getX()) ? partDimension(padded) : -1;
  if (dim < 0) return failure();
  int64_t moved = llvm::find(op.getPermutation(), dim) - op.getPermutation().begin();
  Value part = transpose(rewriter, op.getLoc(), padded.getUpdate(), op.getPermutation());
  replaceByPadded(op, padded, part, moved, padded.getStarts()[dim], padded.getStops()[dim], rewriter);
  return success();
}

/// reshape(part padded) -> (reshape(part)) padded, where the window is one of a dimension of the result too.
LogicalResult reshapeOfPadded(ir::ReshapeOp op, PatternRewriter& rewriter) {
  auto padded = op.getX().getDefiningOp<ir::SliceUpdateOp>();
  int64_t dim = padded && splatOf(padded.getX()) ? partDimension(padded) : -1;
  if (dim < 0 || !typeOf(op).hasStaticShape() || !typeOf(padded).hasStaticShape()) return failure();
  // In elements: of each `period`, the window takes those from `start` to `stop`.
  int64_t inner = numel(shapeOf(padded).drop_front(dim + 1)), period = shapeOf(padded)[dim] * inner;
  int64_t start = padded.getStarts()[dim] * inner, stop = padded.getStops()[dim] * inner;
  for (auto [found, size] : llvm::enumerate(shapeOf(op))) {
    int64_t ownInner = numel(shapeOf(op).drop_front(found + 1));
    if (size * ownInner != period || start % ownInner || stop % ownInner) continue;
    SmallVector<int64_t> shape(shapeOf(op));
    shape[found] = (stop - start) / ownInner;
    Value part = reshape(rewriter, op.getLoc(), padded.getUpdate(), shape);
    replaceByPadded(op, padded, part, found, start / ownInner, stop / ownInner, rewriter);
    return success();
  }
  return failure();
}

} // namespace

void populatePartPatterns(RewritePatternSet& patterns) {
  patterns.add(transposeOfPadded);
  patterns.add(reshapeOfPadded);
  patterns.add(addOfPadded);
  patterns.add(concatOfParts);
}

} // namespace kiln::passes
