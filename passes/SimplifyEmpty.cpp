// Tensors without elements: what computes one is a constant, and what joins one to others does without it. No
// kernel but a constant's then has an empty domain, and code generation may divide by sizes.
#include "Simplify.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
namespace {

bool isEmpty(Value value) {
  return numel(value) == 0;
}

struct FoldEmptyResult : RewritePattern {
  explicit FoldEmptyResult(MLIRContext* context)
      : RewritePattern(MatchAnyOpTypeTag(), PatternBenefit(10), context) {}
  LogicalResult matchAndRewrite(Operation* op, PatternRewriter& rewriter) const override {
    if (!isa<ir::KilnDialect>(op->getDialect()) || isa<ir::ConstantOp, ir::FusionOp>(op) ||
        op->getNumResults() != 1 || !isEmpty(op->getResult(0)))
      return failure();
    rewriter.replaceOp(op, constant(rewriter, op->getLoc(), typeOf(op->getResult(0)), 0));
    return success();
  }
};

/// A reduction of nothing is its neutral element.
struct FoldEmptyReduction : OpInterfaceRewritePattern<ir::Reduction> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(ir::Reduction reduction, PatternRewriter& rewriter) const override {
    if (!isEmpty(reduction->getOperand(0))) return failure();
    TypedAttr neutral = reduction.neutral();
    auto floating = dyn_cast<FloatAttr>(neutral);
    double number = floating ? floating.getValueAsDouble()
                             : static_cast<double>(cast<IntegerAttr>(neutral).getValue().getSExtValue());
    rewriter.replaceOp(reduction,
                       constant(rewriter, reduction.getLoc(), typeOf(reduction->getResult(0)), number));
    return success();
  }
};

/// A product over an empty K is a sum of no terms.
LogicalResult foldEmptyProduct(ir::MatmulOp op, PatternRewriter& rewriter) {
  if (!isEmpty(op.getLhs()) && !isEmpty(op.getRhs())) return failure();
  rewriter.replaceOp(op, constant(rewriter, op.getLoc(), typeOf(op), 0));
  return success();
}

LogicalResult dropEmptyParts(ir::ConcatOp op, PatternRewriter& rewriter) {
  SmallVector<Value> parts(
      llvm::make_filter_range(op.getInputs(), [](Value part) { return !isEmpty(part); }));
  if (parts.size() == op.getInputs().size() || parts.empty()) return failure();
  if (parts.size() == 1)
    rewriter.replaceOp(op, parts.front());
  else
    rewriter.replaceOpWithNewOp<ir::ConcatOp>(op, op.getType(), parts, op.getDim());
  return success();
}

LogicalResult dropEmptyWindow(ir::SliceUpdateOp op, PatternRewriter& rewriter) {
  if (!isEmpty(op.getUpdate())) return failure();
  rewriter.replaceOp(op, op.getX());
  return success();
}

struct DropEmptyUpdate : OpInterfaceRewritePattern<ir::IndexedUpdate> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(ir::IndexedUpdate op, PatternRewriter& rewriter) const override {
    if (!isEmpty(op->getOperand(2))) return failure();
    rewriter.replaceOp(op, op->getOperand(0));
    return success();
  }
};

} // namespace

void populateEmptyPatterns(RewritePatternSet& patterns) {
  patterns.add<FoldEmptyResult, FoldEmptyReduction, DropEmptyUpdate>(patterns.getContext());
  patterns.add(foldEmptyProduct);
  patterns.add(dropEmptyParts);
  patterns.add(dropEmptyWindow);
}

} // namespace kiln::passes
