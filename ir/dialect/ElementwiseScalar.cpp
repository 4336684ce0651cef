// Elementwise ops on one element: a table from each op to its scalar form and its cost in floating-point
// operations.
#include "Scalar.h"

using namespace mlir;

#define EXPAND(OP, ...)                                                                                      \
  Value OP::expandScalar(OpBuilder& builder, ValueRange operands) {                                          \
    Scalars s(builder, getLoc(), isUnsignedTensor((*this)->getOperand(0)));                                  \
    [[maybe_unused]] Value a = operands.front(), b = operands.back();                                        \
    return __VA_ARGS__;                                                                                      \
  }
#define EXPAND_COSTING(OP, FLOPS, ...)                                                                       \
  int64_t OP::flopsPerElement() {                                                                            \
    return FLOPS;                                                                                            \
  }                                                                                                          \
  EXPAND(OP, __VA_ARGS__)

namespace kiln::ir {

EXPAND_COSTING(NegOp, 1, s.neg(a))
EXPAND_COSTING(AbsOp, 1, s.abs(a))
EXPAND_COSTING(ExpOp, 12, s.make<math::ExpOp>(a))
EXPAND_COSTING(Expm1Op, 20, s.make<math::ExpM1Op>(a))
EXPAND_COSTING(LogOp, 16, s.make<math::LogOp>(a))
EXPAND_COSTING(Log1pOp, 20, s.make<math::Log1pOp>(a))
EXPAND_COSTING(SqrtOp, 4, s.make<math::SqrtOp>(a))
EXPAND_COSTING(RsqrtOp, 5, s.make<math::RsqrtOp>(a))
EXPAND_COSTING(SinOp, 16, s.make<math::SinOp>(a))
EXPAND_COSTING(CosOp, 16, s.make<math::CosOp>(a))
EXPAND_COSTING(TanhOp, 16, s.make<math::TanhOp>(a))
EXPAND_COSTING(ErfOp, 20, s.make<math::ErfOp>(a))
EXPAND_COSTING(AtanOp, 24, s.make<math::AtanOp>(a))
EXPAND_COSTING(SigmoidOp, 16, s.sigmoid(a))
EXPAND_COSTING(ReluOp, 1, s.relu(a))
EXPAND(SignOp, s.sign(a))
EXPAND(FloorOp, s.make<math::FloorOp>(a))
EXPAND(CeilOp, s.make<math::CeilOp>(a))
EXPAND(RoundOp, s.make<math::RoundEvenOp>(a))
EXPAND(TruncOp, s.make<math::TruncOp>(a))
EXPAND(NotOp, s.make<arith::XOrIOp>(a, s.ones(a)))
EXPAND(DetachOp, a)

EXPAND(AddOp, s.add(a, b))
EXPAND(SubOp, s.sub(a, b))
EXPAND(MulOp, s.mul(a, b))
EXPAND(DivOp, s.div(a, b))
EXPAND(PowOp, s.pow(a, b))
EXPAND(FmodOp, s.fmod(a, b))
EXPAND(Atan2Op, s.make<math::Atan2Op>(a, b))
EXPAND(MaximumOp, s.maximum(a, b))
EXPAND(MinimumOp, s.minimum(a, b))
EXPAND(EqOp, s.compare(Scalars::Order::Eq, a, b))
EXPAND(NeOp, s.compare(Scalars::Order::Ne, a, b))
EXPAND(LtOp, s.compare(Scalars::Order::Lt, a, b))
EXPAND(LeOp, s.compare(Scalars::Order::Le, a, b))
EXPAND(GtOp, s.compare(Scalars::Order::Gt, a, b))
EXPAND(GeOp, s.compare(Scalars::Order::Ge, a, b))
EXPAND(AndOp, s.make<arith::AndIOp>(a, b))
EXPAND(OrOp, s.make<arith::OrIOp>(a, b))
EXPAND(XorOp, s.make<arith::XOrIOp>(a, b))
EXPAND(WhereOp, s.select(a, operands[1], b))

// Elements of u8 are held in i8: arith has no unsigned types.
Value CastOp::expandScalar(OpBuilder& builder, ValueRange operands) {
  Scalars s(builder, getLoc(), isUnsignedTensor(getX()));
  Type element = getType().getElementType();
  bool toUnsigned = element.isUnsignedInteger();
  if (toUnsigned) element = builder.getIntegerType(element.getIntOrFloatBitWidth());
  return s.cast(operands[0], element, toUnsigned);
}

} // namespace kiln::ir
