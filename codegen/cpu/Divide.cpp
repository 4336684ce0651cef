// See Divide.h. A float whose mantissa holds both operands has the quotient exactly, but for the fraction:
// the nearest float to a / b lies as the true quotient does between two whole numbers, since that is at least
// 1 / b away from the upper one and the rounding is below 1 / (2 b).
#include "cpu/Divide.h"

#include "cpu/Floats.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// Whole numbers from -2^51 to 2^51 - 1 are below this float's last bits when they are added to its bits; so
/// they become floats and return, as no i64 does in one instruction of AVX2.
constexpr double kHolder = 0x1.8p52;
constexpr std::int64_t kHolderBits = 0x4338000000000000;

template <typename OpTy>
constexpr bool kIsSigned = std::is_same_v<OpTy, arith::DivSIOp> || std::is_same_v<OpTy, arith::RemSIOp>;
template <typename OpTy>
constexpr bool kIsQuotient = std::is_same_v<OpTy, arith::DivSIOp> || std::is_same_v<OpTy, arith::DivUIOp>;

template <typename OpTy> struct DivideByFloats : OpRewritePattern<OpTy> {
  DivideByFloats(MLIRContext* context, const Target& target)
      : OpRewritePattern<OpTy>(context), target(target) {}

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter& rewriter) const override {
    if (!dividesVectors(op) || op->hasAttr(kDone)) return failure();
    unsigned width = getElementTypeOrSelf(op.getType()).getIntOrFloatBitWidth();
    if (width == 64 && target.vectorBits < 256) return failure();
    Value quotient = width == 64 ? inI64(op, rewriter) : inNarrow(op, rewriter, width);
    if (!kIsQuotient<OpTy>) {
      Value product = arith::MulIOp::create(rewriter, op.getLoc(), quotient, op.getRhs());
      quotient = arith::SubIOp::create(rewriter, op.getLoc(), op.getLhs(), product);
    }
    rewriter.replaceOp(op, quotient);
    return success();
  }

private:
  using Quotient = std::conditional_t<kIsSigned<OpTy>, arith::DivSIOp, arith::DivUIOp>;

  static Value inNarrow(OpTy op, PatternRewriter& rewriter, unsigned width) {
    Type element = width > 16 ? rewriter.getF64Type() : rewriter.getF32Type();
    Floats f{rewriter, op.getLoc(), cast<VectorType>(op.getType()).clone(element)};
    using ToFloat = std::conditional_t<kIsSigned<OpTy>, arith::SIToFPOp, arith::UIToFPOp>;
    using ToInteger = std::conditional_t<kIsSigned<OpTy>, arith::FPToSIOp, arith::FPToUIOp>;
    Value quotient = f.div(f.make<ToFloat>(f.type, op.getLhs()), f.make<ToFloat>(f.type, op.getRhs()));
    return f.make<ToInteger>(op.getType(), quotient);
  }

  /// Where an operand has more than 51 bits the vector is divided lane by lane.
  static Value inI64(OpTy op, PatternRewriter& rewriter) {
    Location loc = op.getLoc();
    Value a = op.getLhs(), b = op.getRhs();
    Floats f{rewriter, loc, cast<VectorType>(op.getType()).clone(rewriter.getF64Type())};
    auto extent = [&](Value x) -> Value { // its bits from the 52nd on are zero where x is held
      return kIsSigned<OpTy> ? f.make<arith::AddIOp>(x, f.bits(std::int64_t{1} << 51)) : x;
    };
    Value high =
        f.make<arith::ShRUIOp>(f.make<arith::OrIOp>(extent(a), extent(b)), f.bits(kIsSigned<OpTy> ? 52 : 51));
    Value any = f.make<vector::ReductionOp>(vector::CombiningKind::OR, high);
    Value isLarge = f.make<arith::CmpIOp>(arith::CmpIPredicate::ne, any,
                                          arith::ConstantIntOp::create(rewriter, loc, 0, 64));
    auto branch = scf::IfOp::create(
        rewriter, loc, isLarge,
        [&](OpBuilder& inside, Location) {
          auto plain = Quotient::create(inside, loc, a, b);
          plain->setAttr(kDone, inside.getUnitAttr());
          scf::YieldOp::create(inside, loc, plain.getResult());
        },
        [&](OpBuilder& inside, Location) {
          Floats g{inside, loc, f.type};
          auto toFloat = [&](Value x) {
            Value held = g.fromBits(g.make<arith::AddIOp>(x, g.bits(kHolderBits)));
            return g.sub(held, g.number(kHolder));
          };
          Value whole = g.make<math::TruncOp>(g.div(toFloat(a), toFloat(b)));
          Value bits = g.toBits(g.add(whole, g.number(kHolder)));
          scf::YieldOp::create(inside, loc, g.make<arith::SubIOp>(bits, g.bits(kHolderBits)));
        });
    return branch.getResult(0);
  }
  const Target& target;
};

} // namespace

bool dividesVectors(Operation* op) {
  if (!isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(op)) return false;
  auto type = dyn_cast<VectorType>(op->getResult(0).getType());
  return type && type.getRank() == 1 && type.getElementType().isInteger();
}

LogicalResult expandDivisions(ModuleOp module, const Target& target) {
  RewritePatternSet patterns(module.getContext());
  patterns.add<DivideByFloats<arith::DivSIOp>, DivideByFloats<arith::DivUIOp>, DivideByFloats<arith::RemSIOp>,
               DivideByFloats<arith::RemUIOp>>(module.getContext(), target);
  return applyPatternsGreedily(module, std::move(patterns));
}

} // namespace kiln::codegen::cpu
