// See Floats.h.
#include "cpu/Floats.h"

#include <cmath>

using namespace mlir;

namespace kiln::codegen::cpu {

Type Floats::shaped(Type element) const {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(VectorType::get(vector.getShape(), element)) : element;
}

Value Floats::number(double value) {
  TypedAttr attr =
      builder.getFloatAttr(getElementTypeOrSelf(type), isWide() ? value : static_cast<float>(value));
  if (auto vector = dyn_cast<VectorType>(type)) attr = DenseElementsAttr::get(vector, Attribute(attr));
  return make<arith::ConstantOp>(attr);
}

Value Floats::bits(std::int64_t value) {
  TypedAttr attr = builder.getIntegerAttr(getElementTypeOrSelf(integer()), value);
  if (auto vector = dyn_cast<VectorType>(integer())) attr = DenseElementsAttr::get(vector, Attribute(attr));
  return make<arith::ConstantOp>(attr);
}

Value Floats::toBits(Value x) {
  return make<arith::BitcastOp>(integer(), x);
}
Value Floats::fromBits(Value x) {
  return make<arith::BitcastOp>(type, x);
}

Value Floats::clamp(Value x, double low, double high) {
  Value least = number(low), most = number(high);
  x = select(below(x, least), least, x);
  return select(below(most, x), most, x);
}

Value Floats::polynomial(Value sum, Value x, ArrayRef<double> coefficients) {
  for (double c : coefficients)
    sum = fma(sum, x, number(c));
  return sum;
}

// By the exponent's bits, and in two factors, 2^(n - k) and 2^k with k = +-64 (f64: 512), so that denormals
// and infinity work.
Value Floats::scale(Value p, Value shifted, Value sign) {
  Value negative = make<arith::CmpIOp>(arith::CmpIPredicate::slt, toBits(sign), bits(0));
  Value outer = isWide() ? select(negative, number(0x1p-512), number(0x1p512))
                         : select(negative, number(0x1p-64), number(0x1p64));
  Value exponent = make<arith::ShLIOp>(toBits(shifted), bits(mantissaBits()));
  Value inner = make<arith::SubIOp>(exponent, toBits(outer));
  return mul(mul(p, fromBits(inner)), outer);
}

// x's bits with sqrt(1/2)'s taken away have the exponent of m = 1 where m is to lie.
Floats::Split Floats::split(Value x) {
  int shift = mantissaBits();
  std::int64_t one = bias() << shift, root = isWide() ? 0x3FE6A09E667F3BCD : 0x3F3504F3;
  Value before = toBits(x);
  Value above = make<arith::AddIOp>(before, bits(one - root));
  Value biased = make<arith::ShRUIOp>(above, bits(shift));
  Value m = make<arith::SubIOp>(before, make<arith::ShLIOp>(biased, bits(shift)));
  m = fromBits(make<arith::AddIOp>(m, bits(one)));
  // No i64 becomes a float in one instruction of AVX2: its bits go below those of 2^52.
  double holder = isWide() ? 0x1p52 : 0x1p23;
  std::int64_t holderBits = (bias() + shift) << shift;
  Value held = fromBits(make<arith::OrIOp>(biased, bits(holderBits)));
  return {sub(held, number(holder + static_cast<double>(bias()))), m};
}

// Denormals are scaled up first.
Floats::Split Floats::splitAny(Value x) {
  int up = mantissaBits() + 2;
  Value isDenormal = below(x, number(std::ldexp(1.0, 1 - static_cast<int>(bias()))));
  auto [exponent, m] = split(select(isDenormal, mul(x, number(std::ldexp(1.0, up))), x));
  return {sub(exponent, select(isDenormal, number(up), number(0))), m};
}

} // namespace kiln::codegen::cpu
