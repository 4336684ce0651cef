// See Math.h.
#include "cpu/Math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

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

/// 2^n for whole n in [-150, 128], times x: by the exponent's bits, in two halves so that denormals and
/// infinity work.
Value scale(Floats& f, Value x, Value n) {
  Value whole = arith::FPToSIOp::create(f.builder, f.loc, f.integer(), n);
  Value half = arith::ShRSIOp::create(f.builder, f.loc, whole, f.bits(1));
  Value other = arith::SubIOp::create(f.builder, f.loc, whole, half);
  for (Value part : {half, other}) {
    Value exponent = arith::AddIOp::create(f.builder, f.loc, part, f.bits(127));
    Value power = arith::ShLIOp::create(f.builder, f.loc, exponent, f.bits(23));
    x = f.mul(x, arith::BitcastOp::create(f.builder, f.loc, f.type, power));
  }
  return x;
}

/// The same in one AVX-512 instruction.
Value scaleByInstruction(Floats& f, Value x, Value n) {
  Value all =
      arith::ConstantOp::create(f.builder, f.loc, f.builder.getIntegerAttr(f.builder.getIntegerType(16), -1));
  constexpr int kCurrentRounding = 4;
  Value rounding = LLVM::ConstantOp::create(f.builder, f.loc, f.builder.getI32Type(),
                                            f.builder.getI32IntegerAttr(kCurrentRounding));
  auto call = LLVM::CallIntrinsicOp::create(f.builder, f.loc, f.type,
                                            f.builder.getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
                                            ValueRange{x, n, x, all, rounding});
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

/// exp(x) = 2^n * exp(r), n = round(x / ln 2), with Cephes' polynomial for exp(r).
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
    Value n = math::RoundEvenOp::create(rewriter, op.getLoc(), f.mul(x, f.number(std::numbers::log2e)));
    Value r = f.fma(n, f.number(-0.693359375), x); // ln 2 in two parts; n * the first is exact
    r = f.fma(n, f.number(2.12194440e-4), r);
    Value p = f.number(1.9875691500e-4);
    for (double c : {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1})
      p = f.fma(p, r, f.number(c));
    p = f.add(f.fma(p, f.mul(r, r), r), f.number(1));
    auto vector = dyn_cast<VectorType>(op.getType());
    bool whole = target.vectorBits == 512 && vector && vector.getRank() == 1 && vector.getDimSize(0) == 16;
    rewriter.replaceOp(op, whole ? scaleByInstruction(f, p, n) : scale(f, p, n));
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

} // namespace

void populateMathExpansions(RewritePatternSet& patterns, const Target& target) {
  patterns.add<ExpandExp>(patterns.getContext(), target);
  patterns.add<ScaleLog, ExpandErf, WidenPow>(patterns.getContext());
}

} // namespace kiln::codegen::cpu
