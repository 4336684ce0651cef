// pow. a^b = exp(b log |a|) loses a digit for each digit of b log |a|: f32 powers are computed in f64, f64
// ones with a logarithm of two floats, the second what the first has lost.
#include "cpu/MathParts.h"

#include <limits>
#include <numbers>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// log2 of x >= 0 in f64, of relative error 1e-13.
Value log2(Floats& f, Value x) {
  auto [exponent, m] = f.split(x);
  Value one = f.number(1), s = f.div(f.sub(m, one), f.add(m, one)), z = f.mul(s, s);
  Value p = f.polynomial(z, {0x1.21ad2d776d25ap-2, 0x1.47959c992a71fp-2, 0x1.a61a2cf9f9e38p-2,
                             0x1.2776c295ae0c7p-1, 0x1.ec709dc53a1cap-1, 0x1.71547652b8252p+1});
  Value log = f.fma(s, p, exponent);
  log = f.select(f.below(x, f.number(kInfinity)), log, x); // infinity and NaN are their own
  return f.select(f.equal(x, f.number(0)), f.number(-kInfinity), log);
}

/// 2^t in f64, of relative error 4e-11; float32's infinity where that is the result.
Value exp2(Floats& f, Value t) {
  t = f.clamp(t, -200, 200);
  Value rounder = f.number(0x1.8p52), shifted = f.add(t, rounder), r = f.sub(t, f.sub(shifted, rounder));
  Value p = f.polynomial(r, {0x1.00c0e4e15189cp-16, 0x1.446c79efd4834p-13, 0x1.5d877598350dep-10,
                             0x1.3b29d8bb0b97ep-7, 0x1.c6b08da70cce3p-5, 0x1.ebfbe0aa03df0p-3,
                             0x1.62e42fef9cc69p-1, 0x1.ffffffffa7135p-1});
  Value exponent = f.make<arith::ShLIOp>(f.toBits(shifted), f.bits(f.mantissaBits()));
  return f.fromBits(f.make<arith::AddIOp>(f.toBits(p), exponent)); // p is near 1 and n far from the limits
}

/// A sum of two floats, of which the second is below half a unit of the first's last place.
struct Double {
  Value high, low;
};
Double quickSum(Floats& f, Value large, Value small) {
  Value sum = f.add(large, small);
  return {sum, f.add(f.sub(large, sum), small)};
}
/// a * b and what rounding took.
Double product(Floats& f, Value a, Value b) {
  Value high = f.mul(a, b);
  return {high, f.fma(a, b, f.neg(high))};
}

/// log x = k ln 2 + 2 s (1 + z / 3 + z^2 P(z)), s = (m - 1) / (m + 1), z = s^2, of relative error 2^-63: only
/// the part with P is small enough for one float. For finite x > 0.
Double logInTwo(Floats& f, Value x) {
  auto [k, m] = f.splitAny(x);
  Value one = f.number(1);
  Value above = f.sub(m, one), below = f.add(m, one), belowRest = f.sub(m, f.sub(below, one));
  Value s = f.div(above, below);
  Value rest = f.fma(f.neg(s), belowRest, f.fma(f.neg(s), below, above));
  Value sLow = f.div(rest, below);
  Double z = product(f, s, s);
  z.low = f.fma(f.add(s, s), sLow, z.low);
  Value p = f.polynomial(z.high, {0x1.e02e6fff27908p-5, 0x1.df7cc8e5fa539p-5, 0x1.1118c7e4b0917p-4,
                                  0x1.3b1395d2190c1p-4, 0x1.745d177a96056p-4, 0x1.c71c71c6eaa10p-4,
                                  0x1.2492492492521p-3, 0x1.999999999999ap-3});
  constexpr double kThird = 0x1.5555555555555p-2, kThirdLow = 0x1.5555555555555p-56;
  Double t = product(f, z.high, f.number(kThird));
  t.low = f.fma(z.high, f.number(kThirdLow), f.fma(z.low, f.number(kThird), t.low));
  t.low = f.fma(f.mul(z.high, z.high), p, t.low);
  Double w = product(f, s, t.high);
  w.low = f.fma(s, t.low, f.fma(sLow, t.high, w.low));
  Double half = quickSum(f, s, w.high);
  half.low = f.add(half.low, f.add(w.low, sLow));
  Double log = quickSum(f, f.mul(k, f.number(kLn2High)), f.add(half.high, half.high));
  log.low = f.add(log.low, f.fma(k, f.number(kLn2Low), f.add(half.low, half.low)));
  return quickSum(f, log.high, log.low);
}

/// exp(t.high + t.low), t.high within +-800 or NaN.
Value expOfTwo(Floats& f, Double t) {
  Value shifted = f.fma(t.high, f.number(std::numbers::log2e), f.number(f.rounder()));
  Value n = f.sub(shifted, f.number(f.rounder()));
  Double r = quickSum(f, f.fma(n, f.number(-kLn2High), t.high), f.fma(n, f.number(-kLn2Low), t.low));
  Value p = f.add(f.number(1), f.add(r.high, f.fma(f.mul(r.high, r.high), expTail(f, r.high), r.low)));
  return f.scale(p, shifted, t.high);
}

/// |a|^b in f64 for f32 operands: its rounding to f32 is the second and the only one that counts.
Value powerOfF32(Floats& f, Value size, Value b) {
  Type wide = f.shaped(f.builder.getF64Type());
  Floats w{f.builder, f.loc, wide};
  Value x = f.make<arith::ExtFOp>(wide, size), y = f.make<arith::ExtFOp>(wide, b);
  Value t = w.mul(y, log2(w, x));
  t = w.select(w.equal(x, w.number(1)), w.number(0), t); // also for infinite and NaN exponents
  return f.make<arith::TruncFOp>(f.type, exp2(w, t));
}

Value powerOfF64(Floats& f, Value x, Value y) {
  Double log = logInTwo(f, x);
  // Zero and infinity have logarithms of no size; NaN is its own.
  Value isOrdinary = f.below(x, f.number(kInfinity)), zero = f.number(0), isZero = f.equal(x, zero);
  Value high = f.select(isZero, f.number(-kInfinity), f.select(isOrdinary, log.high, x));
  Double t = product(f, y, high);
  t.low = f.fma(y, log.low, t.low);
  // 0 and infinity are the results far beyond 709, where the parts of a product may not exist.
  t.low = f.select(f.below(f.abs(t.high), f.number(800)), t.low, zero);
  t.high = f.select(f.equal(x, f.number(1)), zero, f.clamp(t.high, -800, 800)); // of any exponent
  return expOfTwo(f, t);
}

/// The sign, and C's special cases: a^0 = 1^b = 1 even of NaN; negative a: as |a| for whole b, negative if it
/// is odd, else NaN unless a is infinite. Infinite b counts as even.
Value powerWithSign(Floats& f, Value a, Value b, Value power) {
  Value huge = f.number(f.isWide() ? 0x1p53 : 0x1p24); // from here on all are even
  Value small = f.select(f.below(huge, f.abs(b)), f.number(0), b), half = f.mul(small, f.number(0.5));
  auto isWhole = [&](Value x) { return f.equal(f.make<math::TruncOp>(x), x); };
  Value whole = isWhole(small);
  Value odd = f.make<arith::XOrIOp>(whole, f.make<arith::AndIOp>(whole, isWhole(half)));
  power = f.select(odd, f.withSignOf(power, a), power);
  Value isNegative = f.make<arith::AndIOp>(f.below(a, f.number(0)), f.below(f.number(-kInfinity), a));
  Value nan = f.number(std::numeric_limits<double>::quiet_NaN());
  power = f.select(isNegative, f.select(whole, power, nan), power);
  return f.select(f.equal(b, f.number(0)), f.number(1), power);
}

/// Without fused multiply-add a product's lost part costs too much: f64 powers are then libm's.
struct ExpandPow : OpRewritePattern<math::PowFOp> {
  ExpandPow(MLIRContext* context, const Target& target)
      : OpRewritePattern(context, kPreferred), target(target) {}

  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter& rewriter) const override {
    Type type = op.getType();
    bool isF32 = getElementTypeOrSelf(type).isF32();
    if (!isF32 && !(target.fma && isExpandableF64(type))) return failure();
    Floats f{rewriter, op.getLoc(), type};
    Value a = op.getLhs(), b = op.getRhs(), size = f.abs(a);
    Value power = isF32 ? powerOfF32(f, size, b) : powerOfF64(f, size, b);
    rewriter.replaceOp(op, powerWithSign(f, a, b, power));
    return success();
  }
  const Target& target;
};

} // namespace

void populatePowers(RewritePatternSet& patterns, const Target& target) {
  patterns.add<ExpandPow>(patterns.getContext(), target);
}

} // namespace kiln::codegen::cpu
