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

} // namespace

void populatePartPatterns(RewritePatternSet& patterns) {
  patterns.add(addOfPadded);
  patterns.add(concatOfParts);
}

} // namespace kiln::passes
