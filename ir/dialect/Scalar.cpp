// Arithmetic on elements: the float and the integer form of each operation, and conversions between them.
#include "Scalar.h"

#include <limits>

using namespace mlir;

namespace kiln::ir {

Value Scalars::number(Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attr;
  if (isa<FloatType>(element))
    attr = builder.getFloatAttr(element, value);
  else
    attr = builder.getIntegerAttr(element, static_cast<int64_t>(value));
  if (auto vector = dyn_cast<VectorType>(type)) attr = DenseElementsAttr::get(vector, Attribute(attr));
  return make<arith::ConstantOp>(attr);
}

Value Scalars::bits(Type type, uint64_t value) {
  auto element = mlir::cast<IntegerType>(getElementTypeOrSelf(type)); // not our member of that name
  TypedAttr attr = IntegerAttr::get(element, APInt(element.getWidth(), value, /*isSigned=*/false,
                                                   /*implicitTrunc=*/true));
  if (auto vector = dyn_cast<VectorType>(type)) attr = DenseElementsAttr::get(vector, Attribute(attr));
  return make<arith::ConstantOp>(attr);
}

Type Scalars::shapedLike(Value like, Type element) {
  auto vector = dyn_cast<VectorType>(like.getType());
  return vector ? Type(VectorType::get(vector.getShape(), element, vector.getScalableDims())) : element;
}

Value Scalars::spread(Value scalar, Value like) {
  Type type = shapedLike(like, scalar.getType());
  return type == scalar.getType() ? scalar : make<vector::BroadcastOp>(type, scalar);
}

// The hardware traps on x / 0 and on min / -1; a tensor program must not.
Value Scalars::div(Value a, Value b) {
  if (isFloat(a)) return make<arith::DivFOp>(a, b);
  Value zero = number(b, 0), one = number(b, 1);
  Value byZero = compare(Order::Eq, b, zero);
  if (isUnsigned) return select(byZero, zero, make<arith::DivUIOp>(a, select(byZero, one, b)));
  Value byMinusOne = compare(Order::Eq, b, ones(b));
  Value safe = select(make<arith::OrIOp>(byZero, byMinusOne), one, b);
  return select(byZero, zero, select(byMinusOne, neg(a), make<arith::DivSIOp>(a, safe)));
}

Value Scalars::pow(Value a, Value b) {
  if (isFloat(a)) return make<math::PowFOp>(a, b);
  // By squares. From 64 on, all powers of a base but 0, 1 and -1 have overflowed, and those repeat.
  Value zero = number(b, 0), one = number(a, 1), most = number(b, 64);
  Value odd = make<arith::AndIOp>(b, one), isOdd = compare(Order::Ne, odd, zero);
  Value exponent = select(compare(Order::Gt, b, most), add(most, odd), b);
  Value result = one, square = a;
  for (int bit = 1; bit <= 64; bit *= 2) {
    Value isSet = compare(Order::Ne, make<arith::AndIOp>(exponent, number(b, bit)), zero);
    result = select(isSet, mul(result, square), result);
    if (bit < 64) square = mul(square, square);
  }
  if (isUnsigned) return result;
  Value sign = select(isOdd, a, one); // of a = -1
  Value inverse =
      select(compare(Order::Eq, a, one), one, select(compare(Order::Eq, a, ones(a)), sign, number(a, 0)));
  return select(compare(Order::Lt, b, zero), inverse, result);
}

// a - trunc(a / b) * b, whose rounding is at most one b off: the quotient is corrected by the sign and size
// of the rest.
Value Scalars::fmod(Value a, Value b) {
  if (!isFloat(a)) return sub(a, mul(div(a, b), b));
  Value size = abs(b), step = make<math::CopySignOp>(size, a);
  Value rest = make<math::FmaOp>(neg(make<math::TruncOp>(div(a, b))), b, a);
  rest = select(compare(Order::Lt, mul(rest, step), number(a, 0)), add(rest, step), rest);
  rest = select(compare(Order::Ge, abs(rest), size), sub(rest, step), rest);
  Value infinity = number(a, std::numeric_limits<double>::infinity());
  rest = select(make<arith::AndIOp>(compare(Order::Eq, size, infinity), compare(Order::Lt, abs(a), infinity)),
                a, rest);
  return make<math::CopySignOp>(rest, a);
}

Value Scalars::maximum(Value a, Value b) {
  return isFloat(a)   ? make<arith::MaximumFOp>(a, b)
         : isUnsigned ? make<arith::MaxUIOp>(a, b)
                      : make<arith::MaxSIOp>(a, b);
}

Value Scalars::minimum(Value a, Value b) {
  return isFloat(a)   ? make<arith::MinimumFOp>(a, b)
         : isUnsigned ? make<arith::MinUIOp>(a, b)
                      : make<arith::MinSIOp>(a, b);
}

Value Scalars::neg(Value x) {
  return isFloat(x) ? make<arith::NegFOp>(x) : sub(number(x, 0), x);
}

Value Scalars::abs(Value x) {
  if (isUnsigned) return x;
  return isFloat(x) ? make<math::AbsFOp>(x) : make<math::AbsIOp>(x);
}

Value Scalars::sign(Value x) { // 0 for NaN, as ATen
  Value zero = number(x, 0);
  Value negative = isUnsigned ? zero : select(compare(Order::Lt, x, zero), number(x, -1), zero);
  return select(compare(Order::Gt, x, zero), number(x, 1), negative);
}

// x < 0 is false for NaN, so NaN stays.
Value Scalars::relu(Value x) {
  return select(compare(Order::Lt, x, number(x, 0)), number(x, 0), x);
}

// exp(-x) may overflow to infinity: then the result is 0, as it should be.
Value Scalars::sigmoid(Value x) {
  Value one = number(x, 1);
  return div(one, add(one, make<math::ExpOp>(neg(x))));
}

Value Scalars::compare(Order order, Value a, Value b) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  struct Row {
    F floating;
    I isSigned, isUnsigned;
  };
  static constexpr Row table[] = {{F::OEQ, I::eq, I::eq},   {F::UNE, I::ne, I::ne},
                                  {F::OLT, I::slt, I::ult}, {F::OLE, I::sle, I::ule},
                                  {F::OGT, I::sgt, I::ugt}, {F::OGE, I::sge, I::uge}};
  const Row& row = table[static_cast<int>(order)];
  if (isFloat(a)) return make<arith::CmpFOp>(row.floating, a, b);
  return make<arith::CmpIOp>(isUnsigned ? row.isUnsigned : row.isSigned, a, b);
}

Value Scalars::sortsBefore(Value a, Value b, bool descending) {
  Value before = compare(descending ? Order::Gt : Order::Lt, a, b);
  if (!isFloat(a)) return before;
  Value first = descending ? a : b, second = descending ? b : a; // the NaN, and what is none
  return make<arith::OrIOp>(
      before, make<arith::AndIOp>(make<arith::CmpFOp>(arith::CmpFPredicate::UNO, first, first),
                                  make<arith::CmpFOp>(arith::CmpFPredicate::ORD, second, second)));
}

Value Scalars::cast(Value x, Type element, bool toUnsigned) {
  Type from = getElementTypeOrSelf(x), to = shapedLike(x, element);
  if (from == element) return x;
  if (element.isInteger(1)) return compare(Order::Ne, x, number(x, 0));
  unsigned width = element.getIntOrFloatBitWidth(), fromWidth = from.getIntOrFloatBitWidth();
  // Halves become and are made from f32 alone, as in PyTorch: the two have no common narrower form, and few
  // CPUs convert others.
  auto isHalf = [](Type type) { return isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32; };
  if ((isHalf(element) && !from.isF32()) || (isHalf(from) && !element.isF32()))
    return cast(cast(x, builder.getF32Type(), false), element, toUnsigned);
  if (isFloat(x)) {
    if (isa<FloatType>(element))
      return width > fromWidth ? make<arith::ExtFOp>(to, x) : make<arith::TruncFOp>(to, x);
    return toUnsigned ? make<arith::FPToUIOp>(to, x) : make<arith::FPToSIOp>(to, x);
  }
  if (isa<FloatType>(element))
    return isUnsigned ? make<arith::UIToFPOp>(to, x) : make<arith::SIToFPOp>(to, x);
  if (width == fromWidth) return x;
  if (width < fromWidth) return make<arith::TruncIOp>(to, x);
  return isUnsigned ? make<arith::ExtUIOp>(to, x) : make<arith::ExtSIOp>(to, x);
}

} // namespace kiln::ir
