// iota on one element: the index along its dimension, from the row-major index.
#include "Scalar.h"

using namespace mlir;

namespace kiln::ir {

Value IotaOp::expandIndex(OpBuilder& builder, Value index, ValueRange) {
  Scalars s(builder, getLoc());
  ArrayRef<int64_t> shape = getType().getShape();
  size_t dim = getDim();
  uint64_t inner = ShapedType::getNumElements(shape.drop_front(dim + 1));
  uint64_t outer = ShapedType::getNumElements(shape.take_front(dim));
  Value along = index;
  if (inner != 1) along = s.make<arith::DivUIOp>(along, s.bits(index.getType(), inner));
  if (outer != 1) along = s.make<arith::RemUIOp>(along, s.bits(index.getType(), shape[dim]));
  Type element = getType().getElementType();
  if (element.isUnsignedInteger()) element = builder.getIntegerType(element.getIntOrFloatBitWidth());
  return s.cast(along, element, /*toUnsigned=*/false);
}

} // namespace kiln::ir
