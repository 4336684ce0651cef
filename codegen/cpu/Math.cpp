// See Math.h.
#include "cpu/Math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>
#include <numbers>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

constexpr int kPreferred = 10; // above the polynomial patterns' benefit
constexpr llvm::StringLiteral kDone = "kiln.done";

/// arith and math on values shaped like one f32 value (a scalar or a vector).
struct Floats {
  OpBuilder& builder;
  Location loc;
  Type type;

  Type integer() const {
    Type i32 = builder.getI32Type();
    if (auto vector = dyn_cast<VectorType>(type)) return VectorType::get(vector.getShape(), i32);
    return i32;
  }
  Value number(double value) {
    TypedAttr attr = builder.getF32FloatAttr(static_cast<float>(value));
    if (auto vector = dyn_cast<VectorType>(type)) attr = DenseElementsAttr::get(vector, Attribute(attr));
    return arith::ConstantOp::create(builder, loc, attr);
  }
  Value bits(std::int32_t value) {
    TypedAttr attr = builder.getI32IntegerAttr(value);
    if (auto vector = dyn_cast<VectorType>(integer())) attr = DenseElementsAttr::get(vector, Attribute(attr));
    return arith::ConstantOp::create(builder, loc, attr);
  }
  Value add(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(builder, loc, a, b, c); }
  Value below(Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  }
  Value select(Value condition, Value a, Value b) {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  }
};

/// A float of this size holds a whole number in its last bits: adding it rounds to whole numbers. What is
/// added with it, twice the bias of an exponent, is of use to `scale`.
constexpr double kRounder = 0x1.8p23 + 254;

/// 2^n * p for whole n in [-150, 128], given n + kRounder and a value of n's sign or zero: by the exponent's
/// bits, and in two factors, 2^(n - k) and 2^k with k = +-64, so that denormals and infinity work.
Value scale(Floats& f, Value p, Value shifted, Value sign) {
  Value negative =
      arith::CmpIOp::create(f.builder, f.loc, arith::CmpIPredicate::slt,
                            arith::BitcastOp::create(f.builder, f.loc, f.integer(), sign), f.bits(0));
  Value outer = f.select(negative, f.number(0x1p-64), f.number(0x1p64));
  Value exponent = arith::ShLIOp::create(
      f.builder, f.loc, arith::BitcastOp::create(f.builder, f.loc, f.integer(), shifted), f.bits(23));
  Value inner = arith::SubIOp::create(f.builder, f.loc, exponent,
                                      arith::BitcastOp::create(f.builder, f.loc, f.integer(), outer));
  return f.mul(f.mul(p, arith::BitcastOp::create(f.builder, f.loc, f.type, inner)), outer);
}

/// 2^n * p in one AVX-512 instruction.
Value scaleByInstruction(Floats& f, Value p, Value n) {
  Value all =
      arith::ConstantOp::create(f.builder, f.loc, f.builder.getIntegerAttr(f.builder.getIntegerType(16), -1));
  constexpr int kCurrentRounding = 4;
  Value rounding = LLVM::ConstantOp::create(f.builder, f.loc, f.builder.getI32Type(),
                                            f.builder.getI32IntegerAttr(kCurrentRounding));
  auto call = LLVM::CallIntrinsicOp::create(f.builder, f.loc, f.type,
                                            f.builder.getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
                                            ValueRange{p, n, p, all, rounding});
  return call.getResult(0);
}

/// a^b loses a digit for each digit of b log a: float32 powers are computed in float64, by libm. Polynomials
/// of enough accuracy would need log and exp in double-float arithmetic.
struct WidenPow : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter& rewriter) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32()) return failure();
    auto vector = dyn_cast<VectorType>(type);
    Type wide = vector ? Type(vector.clone(rewriter.getF64Type())) : Type(rewriter.getF64Type());
    Location loc = op.getLoc();
    Value a = arith::ExtFOp::create(rewriter, loc, wide, op.getLhs());
    Value b = arith::ExtFOp::create(rewriter, loc, wide, op.getRhs());
    Value power = math::PowFOp::create(rewriter, loc, a, b);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type, power);
    return success();
  }
};

/// exp(x) = 2^n * exp(r), n = round(x / ln 2). The polynomial's relative error is 3e-9 for |r| up to ln 2 /
/// 2; the result's, over all float32, is below 0.9 units in the last place, 1.2 without fused multiply-add.
struct ExpandExp : OpRewritePattern<math::ExpOp> {
  ExpandExp(MLIRContext* context, const Target& target)
      : OpRewritePattern(context, kPreferred), target(target) {}

  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter& rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32()) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    // A NaN passes both comparisons. Beyond these bounds the result is 0 or infinity anyway.
    Value x = op.getOperand(), low = f.number(-104), high = f.number(89);
    x = f.select(f.below(x, low), low, x);
    x = f.select(f.below(high, x), high, x);
    Value shifted = f.fma(x, f.number(std::numbers::log2e), f.number(kRounder));
    Value n = f.add(shifted, f.number(-kRounder));
    Value r = f.fma(n, f.number(-0.693359375), x); // ln 2 in two parts; n * the first is exact
    r = f.fma(n, f.number(2.12194440e-4), r);
    Value p = f.number(1.381454003e-3);
    for (double c : {8.368745113e-3, 4.166839079e-2, 1.66665204e-1, 4.999999343e-1, 1.0, 1.0})
      p = f.fma(p, r, f.number(c));
    auto vector = dyn_cast<VectorType>(op.getType());
    bool whole = target.vectorBits == 512 && vector && vector.getRank() == 1 && vector.getDimSize(0) == 16;
    rewriter.replaceOp(op, whole ? scaleByInstruction(f, p, n) : scale(f, p, shifted, x));
    return success();
  }
  const Target& target;
};

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

/// erf(x) = x * P(x^2) / Q(x^2), a fit of relative error 2e-8 up to 3.95, beyond which erf is 1 in float32.
/// All coefficients are positive, so that nothing cancels: 4e-7 with rounding, at a third of the operations
/// of the piecewise pattern, which also loses the sign of -0.
struct ExpandErf : OpRewritePattern<math::ErfOp> {
  explicit ExpandErf(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::ErfOp op, PatternRewriter& rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32()) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    Value x = op.getOperand(), square = f.mul(x, x);
    Value p = f.number(2.025919828031659e-6), q = f.number(3.7831152832979885e-5);
    for (double c : {2.84673192729966e-4, 3.8077323151018644e-3, 5.2874125792640328e-2, 1.9154101777327882e-1,
                     1.128379143977153})
      p = f.fma(p, square, f.number(c));
    for (double c :
         {1.1706120963081167e-3, 1.5054241279722986e-2, 1.1455569793463874e-1, 5.0308148597480516e-1, 1.0})
      q = f.fma(q, square, f.number(c));
    Value inside = arith::DivFOp::create(rewriter, op.getLoc(), f.mul(x, p), q);
    Value size = math::AbsFOp::create(rewriter, op.getLoc(), x);
    Value outside = math::CopySignOp::create(rewriter, op.getLoc(), f.number(1), x);
    // A NaN is not beyond, and stays one.
    rewriter.replaceOp(op, f.select(f.below(f.number(3.92), size), outside, inside));
    return success();
  }
};

/// The pattern divides, and 0 / 0 and inf / inf are NaN. atan2 of two zeros is that of the first and +-1, of
/// two infinities that of +-1 and +-1.
struct DefineAtan2 : OpRewritePattern<math::Atan2Op> {
  explicit DefineAtan2(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::Atan2Op op, PatternRewriter& rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32() || op->hasAttr(kDone)) return failure();
    Location loc = op.getLoc();
    Floats f{rewriter, loc, op.getType()};
    Value y = op.getLhs(), x = op.getRhs();
    auto both = [&](double size) {
      auto is = [&](Value v) {
        return arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OEQ,
                                     math::AbsFOp::create(rewriter, loc, v), f.number(size));
      };
      return arith::AndIOp::create(rewriter, loc, is(x), is(y));
    };
    auto unit = [&](Value v) { return math::CopySignOp::create(rewriter, loc, f.number(1), v); };
    Value zeros = both(0), infinities = both(std::numeric_limits<double>::infinity());
    x = f.select(arith::OrIOp::create(rewriter, loc, zeros, infinities), unit(x), x);
    y = f.select(infinities, unit(y), y);
    auto angle = math::Atan2Op::create(rewriter, loc, y, x);
    angle->setAttr(kDone, rewriter.getUnitAttr());
    rewriter.replaceOp(op, math::CopySignOp::create(rewriter, loc, angle, y)); // -pi beside -0, too
    return success();
  }
};

} // namespace

void populateMathExpansions(RewritePatternSet& patterns, const Target& target) {
  patterns.add<ExpandExp>(patterns.getContext(), target);
  patterns.add<ScaleLog, ExpandErf, DefineAtan2, WidenPow>(patterns.getContext());
}

} // namespace kiln::codegen::cpu
