// exp and expm1 in f32 and f64, and f64's tanh. All begin with x = n ln 2 + r, |r| <= ln 2 / 2.
#include "cpu/MathParts.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <numbers>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

bool isExpandable(Type type) {
  return getElementTypeOrSelf(type).isF32() || isExpandableF64(type);
}

/// 2^n * p in one AVX-512 instruction.
Value scaleByInstruction(Floats& f, Value p, Value n) {
  OpBuilder& builder = f.builder;
  std::string name = std::string("llvm.x86.avx512.mask.scalef.") + (f.isWide() ? "pd" : "ps") + ".512";
  Value all = arith::ConstantOp::create(
      builder, f.loc, builder.getIntegerAttr(builder.getIntegerType(f.isWide() ? 8 : 16), -1));
  constexpr int kCurrentRounding = 4;
  Value rounding = LLVM::ConstantOp::create(builder, f.loc, builder.getI32Type(),
                                            builder.getI32IntegerAttr(kCurrentRounding));
  auto call = LLVM::CallIntrinsicOp::create(builder, f.loc, f.type, builder.getStringAttr(name),
                                            ValueRange{p, n, p, all, rounding});
  return call.getResult(0);
}

/// n, as such and on top of Floats::rounder(), and r + rest.
struct Reduced {
  Value shifted, n, r, rest;
};
Reduced reduce(Floats& f, Value x) {
  Value shifted = f.fma(x, f.number(std::numbers::log2e), f.number(f.rounder()));
  Value n = f.sub(shifted, f.number(f.rounder()));
  Value high = f.fma(n, f.number(f.isWide() ? -kLn2High : -0.693359375), x);
  Value low = f.mul(n, f.number(f.isWide() ? kLn2Low : -2.12194440e-4));
  Value r = f.sub(high, low);
  return {shifted, n, r, f.sub(f.sub(high, r), low)};
}

/// exp(r) - 1.
Value expm1OfReduced(Floats& f, const Reduced& reduced) {
  Value r = reduced.r, q = expTail(f, r);
  return f.add(r, f.fma(f.mul(r, r), q, reduced.rest));
}

/// exp(x) = 2^n * exp(r). In f32 the polynomial's relative error is 3e-9; the result's, over all float32, is
/// below 0.9 units in the last place, 1.2 without fused multiply-add.
struct ExpandExp : OpRewritePattern<math::ExpOp> {
  ExpandExp(MLIRContext* context, const Target& target)
      : OpRewritePattern(context, kPreferred), target(target) {}

  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter& rewriter) const override {
    if (!isExpandable(op.getType())) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    // Beyond these bounds the result is 0 or infinity anyway.
    Value x = f.isWide() ? f.clamp(op.getOperand(), -746, 710) : f.clamp(op.getOperand(), -104, 89);
    auto [p, n, shifted] = f.isWide() ? expInF64(f, x) : expInF32(f, x);
    auto vector = dyn_cast<VectorType>(op.getType());
    bool whole = target.vectorBits == 512 && vector && vector.getRank() == 1 &&
                 vector.getDimSize(0) == (f.isWide() ? 8 : 16);
    rewriter.replaceOp(op, whole ? scaleByInstruction(f, p, n) : f.scale(p, shifted, x));
    return success();
  }

private:
  struct Parts {
    Value p, n, shifted;
  };
  static Parts expInF64(Floats& f, Value x) {
    Reduced reduced = reduce(f, x);
    return {f.add(expm1OfReduced(f, reduced), f.number(1)), reduced.n, reduced.shifted};
  }
  static Parts expInF32(Floats& f, Value x) {
    Value shifted = f.fma(x, f.number(std::numbers::log2e), f.number(f.rounder()));
    Value n = f.add(shifted, f.number(-f.rounder()));
    Value r = f.fma(n, f.number(-0.693359375), x); // ln 2 in two parts; n * the first is exact
    r = f.fma(n, f.number(2.12194440e-4), r);
    Value p = f.polynomial(
        r, {1.381454003e-3, 8.368745113e-3, 4.166839079e-2, 1.66665204e-1, 4.999999343e-1, 1.0, 1.0});
    return {p, n, shifted};
  }
  const Target& target;
};

/// 2^n (exp(r) - 1) + (2^n - 1), halved until the end so that 2^n is finite where the result is.
Value expm1(Floats& f, Value operand) {
  Value x = f.isWide() ? f.clamp(operand, -40, 710) : f.clamp(operand, -20, 89);
  Reduced reduced = reduce(f, x);
  Value exponent = f.make<arith::ShLIOp>(f.toBits(reduced.shifted), f.bits(f.mantissaBits()));
  Value power =
      f.fromBits(f.make<arith::SubIOp>(exponent, f.bits((f.bias() + 1) << f.mantissaBits()))); // 2^(n - 1)
  Value half = f.fma(power, expm1OfReduced(f, reduced), f.sub(power, f.number(0.5)));
  // Of the smallest numbers a half may not exist; they are their own results, and so are zeros.
  Value tiny = f.below(f.abs(operand), f.number(f.isWide() ? 0x1p-54 : 0x1p-25));
  return f.select(tiny, operand, f.add(half, half));
}

struct ExpandExpM1 : OpRewritePattern<math::ExpM1Op> {
  explicit ExpandExpM1(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::ExpM1Op op, PatternRewriter& rewriter) const override {
    if (!isExpandable(op.getType())) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    rewriter.replaceOp(op, expm1(f, op.getOperand()));
    return success();
  }
};

/// tanh |x| = E / (E + 2) = 1 - 2 / (E + 2), E = exp(2 |x|) - 1: the first for small, the second for large x.
struct ExpandTanh : OpRewritePattern<math::TanhOp> {
  explicit ExpandTanh(MLIRContext* context) : OpRewritePattern(context, kPreferred) {}

  LogicalResult matchAndRewrite(math::TanhOp op, PatternRewriter& rewriter) const override {
    if (!isExpandableF64(op.getType())) return failure();
    Floats f{rewriter, op.getLoc(), op.getType()};
    Value size = f.abs(op.getOperand()), two = f.number(2), one = f.number(1);
    Value e = expm1(f, f.add(size, size));
    Value isLarge = f.below(f.number(0.55), size);
    Value quotient = f.div(f.select(isLarge, two, e), f.add(e, two));
    Value tanh = f.select(isLarge, f.sub(one, quotient), quotient);
    rewriter.replaceOp(op, f.withSignOf(tanh, op.getOperand()));
    return success();
  }
};

} // namespace

Value expTail(Floats& f, Value r) {
  return f.isWide() ? f.polynomial(r, {0x1.1f730349868cep-29, 0x1.af4de97ca4194p-26, 0x1.27e4db646b17ep-22,
                                       0x1.71de0231960ebp-19, 0x1.a01a01a6d889cp-16, 0x1.a01a01abe7fe1p-13,
                                       0x1.6c16c16c162d4p-10, 0x1.11111111100dcp-7, 0x1.5555555555556p-5,
                                       0x1.5555555555557p-3, 0.5})
                    : f.polynomial(r, {0x1.a124f19fe89acp-13, 0x1.6d43246b523b4p-10, 0x1.1110e0f238322p-7,
                                       0x1.5554e9063586ep-5, 0x1.5555555a78ed4p-3, 0.5});
}

void populateExponentials(RewritePatternSet& patterns, const Target& target) {
  patterns.add<ExpandExp>(patterns.getContext(), target);
  patterns.add<ExpandExpM1, ExpandTanh>(patterns.getContext());
}

} // namespace kiln::codegen::cpu
