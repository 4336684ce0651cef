// Movement ops: absorbed by constants, generators and reductions, dropped where nothing moves. Two of a kind
// are one by the ops' own folds (ir/dialect/Shape.cpp).
#include "Simplify.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
namespace {

/// Any movement of a constant is that constant in another shape.
struct MoveConstant : OpTraitRewritePattern<ir::DataMovement> {
  using OpTraitRewritePattern::OpTraitRewritePattern;
  LogicalResult matchAndRewrite(Operation* op, PatternRewriter& rewriter) const override {
    auto source = op->getNumOperands() == 1 ? op->getOperand(0).getDefiningOp<ir::ConstantOp>() : nullptr;
    if (!source) return failure();
    rewriter.replaceOp(
        op, constant(rewriter, op->getLoc(), typeOf(op->getResult(0)), source.getValue().convertToDouble()));
    return success();
  }
};

LogicalResult narrowBroadcast(ir::BroadcastOp op, PatternRewriter& rewriter) {
  // Leading dimensions of size 1 are what broadcast adds anyway: x [C] -> [1, C] -> [N, C].
  if (auto inner = op.getX().getDefiningOp<ir::ReshapeOp>()) {
    ArrayRef<int64_t> shape = shapeOf(inner), source = shapeOf(inner.getX());
    while (!shape.empty() && shape.front() == 1 && shape != source)
      shape = shape.drop_front();
    if (shape == source) {
      rewriter.replaceOpWithNewOp<ir::BroadcastOp>(op, op.getType(), inner.getX(), shapeOf(op));
      return success();
    }
  }
  if (squeezed(shapeOf(op)) == squeezed(shapeOf(op.getX()))) {
    rewriter.replaceOp(op, reshape(rewriter, op.getLoc(), op.getX(), shapeOf(op)));
    return success();
  }
  return failure();
}

/// Nothing moves when the dimensions longer than 1 keep their order.
LogicalResult dropTranspose(ir::TransposeOp op, PatternRewriter& rewriter) {
  int64_t last = -1;
  for (int64_t dim : op.getPermutation()) {
    if (shapeOf(op.getX())[dim] == 1) continue;
    if (dim < last) return failure();
    last = dim;
  }
  rewriter.replaceOp(op, reshape(rewriter, op.getLoc(), op.getX(), shapeOf(op)));
  return success();
}

/// A random draw depends on an element's row-major number alone.
LogicalResult reshapeUniform(ir::ReshapeOp op, PatternRewriter& rewriter) {
  auto draw = op.getX().getDefiningOp<ir::UniformOp>();
  if (!draw || !draw->hasOneUse()) return failure();
  rewriter.replaceOpWithNewOp<ir::UniformOp>(op, op.getType(), draw.getState(), draw.getOffsetAttr(),
                                             draw.getDtypeAttr(), op.getShapeAttr());
  return success();
}

/// Reductions drop what they reduce, so that two spellings of one reduction are equal ops.
struct DropKeptDims : OpInterfaceRewritePattern<ir::Reduction> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(ir::Reduction reduction, PatternRewriter& rewriter) const override {
    auto keepdim = reduction->getAttrOfType<BoolAttr>("keepdim");
    if (!keepdim || !keepdim.getValue()) return failure();
    Value result = reduction->getResult(0);
    SmallVector<int64_t> shape;
    for (auto [dim, size] : llvm::enumerate(shapeOf(result)))
      if (!llvm::is_contained(reduction.reducedDims(), static_cast<int64_t>(dim))) shape.push_back(size);
    Operation* copy = reduction->clone();
    copy->setAttr("keepdim", rewriter.getBoolAttr(false));
    copy->getResult(0).setType(typeOf(result).clone(shape));
    rewriter.insert(copy);
    rewriter.replaceOp(reduction, reshape(rewriter, reduction.getLoc(), copy->getResult(0), shapeOf(result)));
    return success();
  }
};

/// A reduction over dimensions of size 1 alone, or none, only reshapes.
struct DropTrivialReduction : OpInterfaceRewritePattern<ir::Reduction> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(ir::Reduction reduction, PatternRewriter& rewriter) const override {
    Value x = reduction->getOperand(0);
    if (llvm::any_of(reduction.reducedDims(), [&](int64_t dim) { return shapeOf(x)[dim] != 1; }))
      return failure();
    rewriter.replaceOp(reduction, reshape(rewriter, reduction.getLoc(), x, shapeOf(reduction->getResult(0))));
    return success();
  }
};

/// Sum over a dimension that a broadcast made -> a product with its size.
LogicalResult sumOfBroadcast(ir::SumOp op, PatternRewriter& rewriter) {
  auto source = op.getX().getDefiningOp<ir::BroadcastOp>();
  if (!source || op.getKeepdim()) return failure();
  ArrayRef<int64_t> wide = shapeOf(source), narrow = shapeOf(source.getX());
  int64_t added = wide.size() - narrow.size();
  double count = 1;
  SmallVector<int64_t> left, kept;
  for (int64_t dim = 0; dim < static_cast<int64_t>(wide.size()); ++dim) {
    bool repeated = dim < added || narrow[dim - added] != wide[dim];
    if (llvm::is_contained(op.getDims(), dim)) {
      if (!repeated && wide[dim] != 1)
        left.push_back(dim - added);
      else
        count *= wide[dim];
    } else if (dim >= added) {
      kept.push_back(narrow[dim - added]);
    }
  }
  if (count == 1) return failure();
  Value sum = source.getX();
  // Dimensions of size 1 that go with a repeated one are dropped by the reshape inside `broadcast`'s operand.
  SmallVector<int64_t> afterSum;
  for (auto [dim, size] : llvm::enumerate(narrow))
    if (!llvm::is_contained(left, static_cast<int64_t>(dim))) afterSum.push_back(size);
  if (!left.empty())
    sum = ir::SumOp::create(rewriter, op.getLoc(), typeOf(op).clone(afterSum), sum, left, /*keepdim=*/false);
  sum = reshape(rewriter, op.getLoc(), sum, kept);
  Value product = ir::MulOp::create(rewriter, op.getLoc(), sum.getType(), sum,
                                    constant(rewriter, op.getLoc(), typeOf(sum), count));
  rewriter.replaceOp(op, broadcast(rewriter, op.getLoc(), product, shapeOf(op)));
  return success();
}

} // namespace

void populateMovementPatterns(RewritePatternSet& patterns) {
  patterns.add<MoveConstant, DropKeptDims, DropTrivialReduction>(patterns.getContext());
  patterns.add(narrowBroadcast);
  patterns.add(dropTranspose);
  patterns.add(reshapeUniform);
  patterns.add(sumOfBroadcast);
}

} // namespace kiln::passes
