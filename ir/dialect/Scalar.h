// One element of a tensor in arith and math: floats, integers (signed unless said) and i1, as scalars or
// vectors.
#pragma once

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace kiln::ir {

/// Builds arithmetic on elements of one type; the type of the operands picks the float or the integer op.
class Scalars {
public:
  Scalars(mlir::OpBuilder& builder, mlir::Location loc, bool isUnsigned = false)
      : builder(builder), loc(loc), isUnsigned(isUnsigned) {}

  mlir::Value number(mlir::Type type, double value); ///< scalar, or every lane of a vector type
  mlir::Value bits(mlir::Type type, uint64_t value);
  mlir::Value number(mlir::Value like, double value) { return number(like.getType(), value); }
  mlir::Value ones(mlir::Value like) { return bits(like.getType(), ~uint64_t{0}); }
  /// The scalar in every lane when `like` is a vector.
  mlir::Value spread(mlir::Value scalar, mlir::Value like);
  /// `like`'s rank and lanes with another element type.
  static mlir::Type shapedLike(mlir::Value like, mlir::Type element);

  mlir::Value add(mlir::Value a, mlir::Value b) {
    return pick<mlir::arith::AddFOp, mlir::arith::AddIOp>(a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return pick<mlir::arith::SubFOp, mlir::arith::SubIOp>(a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return pick<mlir::arith::MulFOp, mlir::arith::MulIOp>(a, b);
  }
  mlir::Value div(mlir::Value a, mlir::Value b); ///< integers: towards zero, x / 0 = 0
  /// Integers: wraps around, and is 0 where 1 / a^-b is no whole number.
  mlir::Value pow(mlir::Value a, mlir::Value b);
  mlir::Value fmod(mlir::Value a, mlir::Value b);    ///< with a's sign; integers: a for b = 0
  mlir::Value maximum(mlir::Value a, mlir::Value b); ///< NaN when either is
  mlir::Value minimum(mlir::Value a, mlir::Value b);
  /// Whether a comes strictly before b in sorted order; NaN counts as the largest.
  mlir::Value sortsBefore(mlir::Value a, mlir::Value b, bool descending);
  mlir::Value neg(mlir::Value x);
  mlir::Value abs(mlir::Value x);
  mlir::Value sign(mlir::Value x);
  mlir::Value relu(mlir::Value x);
  mlir::Value sigmoid(mlir::Value x);
  mlir::Value cast(mlir::Value x, mlir::Type to, bool toUnsigned);

  enum class Order { Eq, Ne, Lt, Le, Gt, Ge };
  mlir::Value compare(Order order, mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b) {
    return make<mlir::arith::SelectOp>(condition, a, b);
  }

  template <typename OpTy, typename... Args> mlir::Value make(Args... args) {
    return OpTy::create(builder, loc, args...);
  }

private:
  template <typename FloatOp, typename IntOp> mlir::Value pick(mlir::Value a, mlir::Value b) {
    return isFloat(a) ? make<FloatOp>(a, b) : make<IntOp>(a, b);
  }
  static bool isFloat(mlir::Value x) { return mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(x)); }

  mlir::OpBuilder& builder;
  mlir::Location loc;
  bool isUnsigned;
};

/// Whether a tensor's elements are unsigned (u8; bool counts too: true is 1).
inline bool isUnsignedTensor(mlir::Value tensor) {
  mlir::Type element = mlir::getElementTypeOrSelf(tensor);
  return element.isUnsignedInteger() || element.isInteger(1);
}

} // namespace kiln::ir
