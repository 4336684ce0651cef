// Rewrites the program to the smallest that computes the same: patterns (Simplify*.cpp), equal ops shared,
// dead ones gone.
//   %1 = kiln.transpose %w        ->   %2 = kiln.matmul %x, %w {transpose_rhs = true}
//   %2 = kiln.matmul %x, %1
#include "Simplify.h"
#include "Passes.h"
#include "Util.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_SIMPLIFY
#include "kiln/passes/Passes.h.inc"

namespace {

/// Gives what a pattern inserts the marks of the op that it matched.
struct InheritMarks : RewriterBase::Listener {
  void notifyPatternBegin(const Pattern&, Operation* op) override {
    backward = op->getAttr(kBackward);
    origin = op->getAttr(kOrigin);
  }
  void notifyPatternEnd(const Pattern&, LogicalResult) override { backward = origin = {}; }
  void notifyOperationInserted(Operation* op, OpBuilder::InsertPoint) override {
    if (backward && !op->hasAttr(kBackward)) op->setAttr(kBackward, backward);
    if (origin && !op->hasAttr(kOrigin)) op->setAttr(kOrigin, origin);
  }
  Attribute backward, origin;
};

struct Simplify : impl::SimplifyBase<Simplify> {
  LogicalResult initialize(MLIRContext* context) override {
    RewritePatternSet set(context);
    populateAlgebraPatterns(set);
    populateMovementPatterns(set);
    populateReshapePatterns(set);
    populateContractionPatterns(set);
    populateEmptyPatterns(set);
    populatePartPatterns(set);
    patterns = std::make_shared<FrozenRewritePatternSet>(std::move(set));
    return success();
  }

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    Block& block = func.getBody().front();
    InheritMarks marks;
    GreedyRewriteConfig config;
    config.setListener(&marks);
    config.setUseTopDownTraversal(true);
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    config.enableConstantCSE(false);
    // Sharing equal ops makes values have one user more or less, which patterns ask; two or three rounds
    // reach the end.
    constexpr int kMostRounds = 6;
    shareEqualOps(block);
    for (int round = 0; round < kMostRounds; ++round) {
      bool changed = false;
      if (failed(applyPatternsGreedily(func, *patterns, config, &changed))) {
        func.emitError("simplify: the patterns do not settle");
        return signalPassFailure();
      }
      if (!shareEqualOps(block)) break;
    }
    eraseDead(block);
  }

  std::shared_ptr<FrozenRewritePatternSet> patterns;
};

} // namespace
} // namespace kiln::passes
