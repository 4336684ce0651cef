// log in f64, and of denormals in f32.
#include "cpu/MathParts.h"

#include <limits>
#include <numbers>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// The polynomial takes denormals for the smallest normal number; they are scaled up first.
struct ScaleLog : OpRewritePattern<math::LogOp> {
  explicit ScaleLog(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::LogOp op, PatternRewriter& rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32() || op->hasAttr(kDone)) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    Value x = op.getOperand();
    Value isSmall = f.below(x, f.number(0x1p-126));
    Value scaled = f.select(isSmall, f.mul(x, f.number(0x1p24)), x);
    auto log = math::LogOp::create(rewriter, op.getLoc(), scaled);
    log->setAttr(kDone, rewriter.getUnitAttr());
    Value shift = f.select(isSmall, f.number(-24 * std::numbers::ln2), f.number(0));
    rewriter.replaceOp(op, f.add(log, shift));
    return success();
  }
};

/// x = 2^k (1 + f): log x = k ln 2 + f - (f^2 / 2 - s (f^2 / 2 + R(s^2))), s = f / (2 + f), with the
/// coefficients and the order of additions of fdlibm's log, whose error is below one unit in the last place.
struct ExpandLogF64 : OpRewritePattern<math::LogOp> {
  explicit ExpandLogF64(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::LogOp op, PatternRewriter& rewriter) const override {
    if (!isExpandableF64(op.getType())) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    Value x = op.getOperand();
    auto [k, m] = f.splitAny(x);
    Value part = f.sub(m, f.number(1));
    Value s = f.div(part, f.add(part, f.number(2))), z = f.mul(s, s);
    Value rest = f.mul(
        z, f.polynomial(z, {1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
                            2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
                            6.666666666666735130e-01}));
    Value half = f.mul(f.mul(part, part), f.number(0.5));
    Value low = f.fma(k, f.number(1.90821492927058770002e-10), f.mul(s, f.add(half, rest)));
    Value log = f.fma(k, f.number(6.93147180369123816490e-01), f.sub(part, f.sub(half, low)));
    Value zero = f.number(0);
    Value special =
        f.select(f.equal(x, zero), f.number(-kInfinity), f.number(std::numeric_limits<double>::quiet_NaN()));
    special = f.select(f.equal(x, f.number(kInfinity)), x, special);
    Value isOrdinary = f.make<arith::AndIOp>(f.below(zero, x), f.below(x, f.number(kInfinity)));
    rewriter.replaceOp(op, f.select(isOrdinary, log, special));
    return success();
  }
};

} // namespace

void populateLogarithms(RewritePatternSet& patterns) {
  patterns.add<ScaleLog, ExpandLogF64>(patterns.getContext());
}

} // namespace kiln::codegen::cpu
