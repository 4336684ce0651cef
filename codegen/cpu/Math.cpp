// See Math.h. Here: erf, atan and the corners of atan2 in f32, and what adds the groups of MathParts.h.
#include "cpu/Math.h"

#include "cpu/MathParts.h"

#include <numbers>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// erf(x) = x * P(x^2) / Q(x^2), a fit of relative error 2e-8 up to 3.95, beyond which erf is 1 in float32.
/// All coefficients are positive, so that nothing cancels: 4e-7 with rounding, at a third of the operations
/// of the piecewise pattern, which also loses the sign of -0.
struct ExpandErf : OpRewritePattern<math::ErfOp> {
  explicit ExpandErf(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::ErfOp op, PatternRewriter& rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32()) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    Value x = op.getOperand(), square = f.mul(x, x);
    Value p = f.polynomial(square, {2.025919828031659e-6, 2.84673192729966e-4, 3.8077323151018644e-3,
                                    5.2874125792640328e-2, 1.9154101777327882e-1, 1.128379143977153});
    Value q = f.polynomial(square, {3.7831152832979885e-5, 1.1706120963081167e-3, 1.5054241279722986e-2,
                                    1.1455569793463874e-1, 5.0308148597480516e-1, 1.0});
    Value inside = f.div(f.mul(x, p), q);
    Value outside = f.withSignOf(f.number(1), x);
    // A NaN is not beyond, and stays one.
    rewriter.replaceOp(op, f.select(f.below(f.number(3.92), f.abs(x)), outside, inside));
    return success();
  }
};

/// atan |x| = base + atan t, t = |x|, (|x| - 1) / (|x| + 1) or -1 / |x|, so that |t| <= tan(pi / 8): a fit of
/// relative error 3e-9.
struct ExpandAtan : OpRewritePattern<math::AtanOp> {
  explicit ExpandAtan(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::AtanOp op, PatternRewriter& rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32()) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    Value x = op.getOperand(), size = f.abs(x), one = f.number(1), zero = f.number(0);
    Value isLarge = f.below(f.number(std::numbers::sqrt2 + 1), size);
    Value isMiddle = f.below(f.number(std::numbers::sqrt2 - 1), size);
    auto pick = [&](Value large, Value middle, Value small) {
      return f.select(isLarge, large, f.select(isMiddle, middle, small));
    };
    Value t = f.div(pick(f.number(-1), f.sub(size, one), size), pick(size, f.add(size, one), one));
    constexpr double kHalf = std::numbers::pi / 2, kHalfLow = kHalf - static_cast<float>(kHalf);
    Value base = pick(f.number(kHalf), f.number(kHalf / 2), zero);
    Value low = pick(f.number(kHalfLow), f.number(kHalfLow / 2), zero);
    Value square = f.mul(t, t);
    Value p = f.polynomial(square, {-0.0644983522, 0.107430997, -0.142638971, 0.199995388, -0.333333318});
    Value tail = f.fma(f.mul(t, square), p, low);
    rewriter.replaceOp(op, f.withSignOf(f.add(base, f.add(t, tail)), x));
    return success();
  }
};

/// The pattern divides, and 0 / 0 and inf / inf are NaN. atan2 of two zeros is that of the first and +-1, of
/// two infinities that of +-1 and +-1.
struct DefineAtan2 : OpRewritePattern<math::Atan2Op> {
  explicit DefineAtan2(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::Atan2Op op, PatternRewriter& rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32() || op->hasAttr(kDone)) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    Value y = op.getLhs(), x = op.getRhs();
    auto both = [&](double size) {
      Value number = f.number(size);
      return f.make<arith::AndIOp>(f.equal(f.abs(x), number), f.equal(f.abs(y), number));
    };
    Value zeros = both(0), infinities = both(kInfinity), one = f.number(1);
    x = f.select(f.make<arith::OrIOp>(zeros, infinities), f.withSignOf(one, x), x);
    y = f.select(infinities, f.withSignOf(one, y), y);
    Value angle = f.make<math::Atan2Op>(y, x);
    angle.getDefiningOp()->setAttr(kDone, rewriter.getUnitAttr());
    rewriter.replaceOp(op, f.withSignOf(angle, y)); // -pi beside -0, too
    return success();
  }
};

} // namespace

bool isExpandableF64(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return getElementTypeOrSelf(type).isF64() && (!vector || vector.getRank() == 1);
}

void populateMathExpansions(RewritePatternSet& patterns, const Target& target) {
  patterns.add<ExpandErf, ExpandAtan, DefineAtan2>(patterns.getContext());
  populateExponentials(patterns, target);
  populateLogarithms(patterns);
  populatePowers(patterns, target);
  populateWaves(patterns);
}

} // namespace kiln::codegen::cpu
