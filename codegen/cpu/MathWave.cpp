// sin and cos. The angle is brought to within pi / 4 of a multiple of pi / 2. In f64 that multiple is taken
// away in three parts, of which the first two are exact, and the rest kept as two floats; the polynomials are
// fdlibm's. Angles beyond 2^20 pi / 2 would need more of pi: a vector with such a lane goes through libm. In
// f32 four parts serve up to 800, and beyond the f64 function does.
#include "cpu/MathParts.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numbers>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

// pi / 2 in 33, 33 and 53 bits: products of the first two with up to 20 bits are exact.
constexpr double kFirst = 0x1.921fb544p+0, kSecond = 0x1.0b4611a6p-34, kThird = 0x1.3198a2e037073p-69;

/// x = quarters * pi / 2 + high + low; the number of quarters is in the last bits of `quarters`. Of f32 the
/// low part is null.
struct Angle {
  Value quarters, high, low;
};

/// Whether any lane's size is beyond `limit`; NaN is not.
Value isAnyBeyond(Floats& f, Value x, double limit) {
  Value beyond = f.below(f.number(limit), f.abs(x));
  return isa<VectorType>(f.type) ? f.make<vector::ReductionOp>(vector::CombiningKind::OR, beyond) : beyond;
}

/// pi / 2 in 15, 15, 15 and 24 bits, for up to 9 bits of quarters.
Angle reduceF32(Floats& f, Value x) {
  Value rounder = f.number(0x1.8p23);
  Value shifted = f.fma(x, f.number(2 / std::numbers::pi), rounder), n = f.sub(shifted, rounder), rest = x;
  for (double part : {0x1.921cp+0, 0x1.daap-15, 0x1.10b4p-30, 0x1.8469898cc517p-48})
    rest = f.fma(n, f.number(-part), rest);
  return {f.toBits(shifted), rest, {}};
}

Angle reduceF64(Floats& f, Value x) {
  Value rounder = f.number(0x1.8p52);
  Value shifted = f.fma(x, f.number(2 / std::numbers::pi), rounder), n = f.sub(shifted, rounder);
  Value first = f.fma(n, f.number(-kFirst), x);
  Value second = f.mul(n, f.number(kSecond));
  Value rest = f.sub(first, second);
  Value lost = f.sub(f.sub(first, rest), second);
  Value tail = f.fma(n, f.number(-kThird), lost);
  Value high = f.add(rest, tail);
  return {f.toBits(shifted), high, f.add(f.sub(rest, high), tail)};
}

/// sin(high + low); of f32 with a fit of relative error 1e-8.
Value sinOfReduced(Floats& f, const Angle& angle, Value square) {
  Value cube = f.mul(square, angle.high);
  if (!f.isWide()) {
    Value p = f.polynomial(square, {-0.000195877615, 0.00833274767, -0.166666647});
    return f.fma(cube, p, angle.high);
  }
  Value p = f.polynomial(square,
                         {1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
                          -1.98412698298579493134e-04, 8.33333333332248946124e-03});
  Value inner = f.sub(f.mul(angle.low, f.number(0.5)), f.mul(cube, p));
  Value tail = f.fma(cube, f.number(-1.66666666666666324348e-01), f.sub(angle.low, f.mul(square, inner)));
  return f.add(angle.high, tail);
}

/// cos(high + low); of f32 with a fit of relative error 1e-9.
Value cosOfReduced(Floats& f, const Angle& angle, Value square) {
  if (!f.isWide()) {
    Value p = f.polynomial(square, {2.45478124e-05, -0.00138883024, 0.0416666647});
    Value tail = f.fma(f.mul(square, square), p, f.mul(square, f.number(-0.5)));
    return f.add(f.number(1), tail);
  }
  Value p = f.polynomial(square, {-1.13596475577881948265e-11, 2.08757232129817482790e-09,
                                  -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                                  -1.38888888888741095749e-03, 4.16666666666666019037e-02});
  Value half = f.mul(square, f.number(0.5)), whole = f.sub(f.number(1), half);
  Value lost = f.sub(f.sub(f.number(1), whole), half);
  Value tail = f.fma(f.mul(square, square), p, f.sub(lost, f.mul(angle.high, angle.low)));
  return f.add(whole, tail);
}

/// sin x, or cos x, a quarter ahead of it.
Value wave(Floats& f, Value x, bool isCos) {
  Angle angle = f.isWide() ? reduceF64(f, x) : reduceF32(f, x);
  int top = f.isWide() ? 63 : 31;
  Value square = f.mul(angle.high, angle.high);
  Value sin = sinOfReduced(f, angle, square), cos = cosOfReduced(f, angle, square);
  Value quarters = isCos ? f.make<arith::AddIOp>(angle.quarters, f.bits(1)) : angle.quarters;
  Value isOdd = f.make<arith::CmpIOp>(arith::CmpIPredicate::slt, f.make<arith::ShLIOp>(quarters, f.bits(top)),
                                      f.bits(0));
  Value sign = f.make<arith::AndIOp>(f.make<arith::ShLIOp>(quarters, f.bits(top - 1)),
                                     f.bits(f.isWide() ? INT64_MIN : INT32_MIN));
  Value wave = f.fromBits(f.make<arith::XOrIOp>(f.toBits(f.select(isOdd, cos, sin)), sign));
  return isCos ? wave : f.select(f.equal(x, f.number(0)), x, wave); // the sign of zero
}

/// The op on each lane, to become library calls.
template <typename OpTy> Value laneByLane(OpBuilder& builder, Location loc, Value x) {
  auto one = [&](OpBuilder& at, Value lane) -> Value {
    auto op = OpTy::create(at, loc, lane);
    op->setAttr(kDone, at.getUnitAttr());
    return op;
  };
  auto type = dyn_cast<VectorType>(x.getType());
  if (!type) return one(builder, x);
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value lanes = arith::ConstantIndexOp::create(builder, loc, type.getDimSize(0));
  Value step = arith::ConstantIndexOp::create(builder, loc, 1);
  auto loop = scf::ForOp::create(builder, loc, zero, lanes, step, ValueRange{x},
                                 [&](OpBuilder& inside, Location, Value lane, ValueRange carried) {
                                   Value each = vector::ExtractOp::create(inside, loc, x, OpFoldResult(lane));
                                   Value next = vector::InsertOp::create(inside, loc, one(inside, each),
                                                                         carried[0], OpFoldResult(lane));
                                   scf::YieldOp::create(inside, loc, next);
                                 });
  return loop.getResult(0);
}

template <typename OpTy> struct ExpandWave : OpRewritePattern<OpTy> {
  explicit ExpandWave(MLIRContext* context) : OpRewritePattern<OpTy>(context, kPreferred) {}

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter& rewriter) const override {
    auto vector = dyn_cast<VectorType>(op.getType());
    Type element = getElementTypeOrSelf(op.getType());
    if ((vector && vector.getRank() != 1) || !(element.isF32() || element.isF64()) || op->hasAttr(kDone))
      return failure();
    Location loc = op.getLoc();
    Value x = op.getOperand();
    Floats f{rewriter, loc, op.getType()};
    double limit = f.isWide() ? 0x1p20 * std::numbers::pi / 2 - 1 : 800;
    auto branch = scf::IfOp::create(
        rewriter, loc, isAnyBeyond(f, x, limit),
        [&](OpBuilder& inside, Location) {
          Floats g{inside, loc, op.getType()};
          Value result = f.isWide() ? laneByLane<OpTy>(inside, loc, x) : inF64(g, x);
          scf::YieldOp::create(inside, loc, result);
        },
        [&](OpBuilder& inside, Location) {
          Floats g{inside, loc, op.getType()};
          scf::YieldOp::create(inside, loc, wave(g, x, std::is_same_v<OpTy, math::CosOp>));
        });
    rewriter.replaceOp(op, branch.getResult(0));
    return success();
  }

private:
  static Value inF64(Floats& f, Value x) {
    Value wide = f.make<arith::ExtFOp>(f.shaped(f.builder.getF64Type()), x);
    return f.make<arith::TruncFOp>(f.type, f.make<OpTy>(wide));
  }
};

} // namespace

void populateWaves(RewritePatternSet& patterns) {
  patterns.add<ExpandWave<math::SinOp>, ExpandWave<math::CosOp>>(patterns.getContext());
}

} // namespace kiln::codegen::cpu
