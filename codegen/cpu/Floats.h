// Arithmetic on f32 and f64 values, scalars or vectors, as the expansions of math functions write it.
#pragma once

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace kiln::codegen::cpu {

/// Marks an op that its own expansion has made.
constexpr llvm::StringLiteral kDone = "kiln.done";

/// arith and math on values shaped like one float value.
struct Floats {
  mlir::OpBuilder& builder;
  mlir::Location loc;
  mlir::Type type; ///< f32 or f64, or a vector of these

  bool isWide() const { return getElementTypeOrSelf(type).isF64(); }
  int mantissaBits() const { return isWide() ? 52 : 23; }
  std::int64_t bias() const { return isWide() ? 1023 : 127; }
  mlir::Type shaped(mlir::Type element) const;
  mlir::Type integer() const { return shaped(builder.getIntegerType(isWide() ? 64 : 32)); }

  mlir::Value number(double value);
  mlir::Value bits(std::int64_t value);
  mlir::Value toBits(mlir::Value x);
  mlir::Value fromBits(mlir::Value x);

  mlir::Value add(mlir::Value a, mlir::Value b) { return make<mlir::arith::AddFOp>(a, b); }
  mlir::Value sub(mlir::Value a, mlir::Value b) { return make<mlir::arith::SubFOp>(a, b); }
  mlir::Value mul(mlir::Value a, mlir::Value b) { return make<mlir::arith::MulFOp>(a, b); }
  mlir::Value div(mlir::Value a, mlir::Value b) { return make<mlir::arith::DivFOp>(a, b); }
  /// Rounded once where the target has the instruction, else twice.
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c) { return make<mlir::math::FmaOp>(a, b, c); }
  mlir::Value neg(mlir::Value a) { return make<mlir::arith::NegFOp>(a); }
  mlir::Value abs(mlir::Value a) { return make<mlir::math::AbsFOp>(a); }
  mlir::Value withSignOf(mlir::Value a, mlir::Value sign) { return make<mlir::math::CopySignOp>(a, sign); }
  mlir::Value below(mlir::Value a, mlir::Value b) { ///< false for NaN
    return make<mlir::arith::CmpFOp>(mlir::arith::CmpFPredicate::OLT, a, b);
  }
  mlir::Value equal(mlir::Value a, mlir::Value b) { ///< false for NaN
    return make<mlir::arith::CmpFOp>(mlir::arith::CmpFPredicate::OEQ, a, b);
  }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b) {
    return make<mlir::arith::SelectOp>(condition, a, b);
  }
  mlir::Value clamp(mlir::Value x, double low, double high); ///< NaN stays
  /// Horner's rule on top of `sum`; coefficients of falling powers.
  mlir::Value polynomial(mlir::Value sum, mlir::Value x, llvm::ArrayRef<double> coefficients);
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients) {
    return polynomial(number(coefficients.front()), x, coefficients.drop_front());
  }

  /// A float of this size holds a whole number in its last bits: adding it rounds to whole numbers. What is
  /// added with it, twice the bias of an exponent, is of use to `scale`.
  double rounder() const { return (isWide() ? 0x1.8p52 : 0x1.8p23) + 2.0 * static_cast<double>(bias()); }
  /// 2^n * p for whole n between the exponents of the smallest denormal and of infinity, given n + rounder()
  /// and a value of n's sign or zero.
  mlir::Value scale(mlir::Value p, mlir::Value shifted, mlir::Value sign);

  /// Finite x > 0, not denormal, as 2^exponent * m with m from sqrt(1/2) to sqrt(2).
  struct Split {
    mlir::Value exponent, m;
  };
  Split split(mlir::Value x);
  Split splitAny(mlir::Value x); ///< denormals too

  template <typename OpTy, typename... Args> mlir::Value make(Args... args) {
    return OpTy::create(builder, loc, args...);
  }
};

} // namespace kiln::codegen::cpu
