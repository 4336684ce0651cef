// Registers the dialect; conversions between MLIR's types and attributes and the records'; the verifier that
// all ops share.
#include "KilnDialect.h"

#include "KilnOps.h"
#include "kiln/ir/infer.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "kiln/dialect/KilnDialect.cpp.inc"
#include "kiln/dialect/KilnEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "kiln/dialect/KilnAttrs.cpp.inc"
#include "kiln/dialect/KilnInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "kiln/dialect/KilnOps.cpp.inc"

using namespace mlir;

namespace kiln::ir {

void KilnDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "kiln/dialect/KilnOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "kiln/dialect/KilnAttrs.cpp.inc"
      >();
}

Type elementType(MLIRContext* context, DType dtype) {
  switch (dtype) {
  case DType::Float32:
    return Float32Type::get(context);
  case DType::Float64:
    return Float64Type::get(context);
  case DType::BFloat16:
    return BFloat16Type::get(context);
  case DType::Float16:
    return Float16Type::get(context);
  case DType::Int64:
    return IntegerType::get(context, 64);
  case DType::Int32:
    return IntegerType::get(context, 32);
  case DType::Int8:
    return IntegerType::get(context, 8);
  case DType::UInt8:
    return IntegerType::get(context, 8, IntegerType::Unsigned);
  case DType::Bool:
    return IntegerType::get(context, 1);
  }
  llvm_unreachable("no such element type");
}

std::optional<DType> dtypeOf(Type type) {
  for (int i = 0; i <= static_cast<int>(DType::Bool); ++i)
    if (elementType(type.getContext(), static_cast<DType>(i)) == type) return static_cast<DType>(i);
  return std::nullopt;
}

RankedTensorType toMLIR(MLIRContext* context, const TensorType& type) {
  SmallVector<int64_t> dims;
  for (int64_t dim : type.shape.dims())
    dims.push_back(dim == Shape::kDynamic ? ShapedType::kDynamic : dim);
  return RankedTensorType::get(dims, elementType(context, type.dtype));
}

TensorType toRecord(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  TensorType result{*dtypeOf(tensor.getElementType()), {}};
  for (int64_t dim : tensor.getShape())
    result.shape.push_back(ShapedType::isDynamic(dim) ? Shape::kDynamic : dim);
  return result;
}

Attribute toMLIR(MLIRContext* context, const Attr& attr) {
  Builder builder(context);
  struct Visitor {
    Builder& builder;
    Attribute operator()(bool value) const { return builder.getBoolAttr(value); }
    Attribute operator()(int64_t value) const { return builder.getI64IntegerAttr(value); }
    Attribute operator()(double value) const { return builder.getF64FloatAttr(value); }
    Attribute operator()(const std::string& value) const { return builder.getStringAttr(value); }
    Attribute operator()(const std::vector<int64_t>& value) const {
      return builder.getDenseI64ArrayAttr(value);
    }
  };
  return std::visit(Visitor{builder}, attr);
}

std::optional<Attr> toRecord(Attribute attr) {
  using Result = std::optional<Attr>;
  return llvm::TypeSwitch<Attribute, Result>(attr)
      .Case([](BoolAttr a) { return Result(a.getValue()); })
      .Case([](IntegerAttr a) { return Result(a.getInt()); })
      .Case([](FloatAttr a) { return Result(a.getValueAsDouble()); })
      .Case([](StringAttr a) { return Result(a.getValue().str()); })
      .Case([](DenseI64ArrayAttr a) { return Result(std::vector<int64_t>(a.asArrayRef())); })
      .Default([](Attribute) { return Result(); });
}

std::vector<NamedAttr> recordAttrs(Operation* op) {
  std::vector<NamedAttr> attrs;
  for (NamedAttribute attr : op->getAttrDictionary())
    if (std::optional<Attr> value = toRecord(attr.getValue()))
      attrs.push_back({attr.getName().str(), *value});
  return attrs;
}

LogicalResult verifyInferredTypes(Operation* op) {
  std::vector<TensorType> operands, expected;
  for (Type type : op->getOperandTypes())
    operands.push_back(toRecord(type));
  // Thrown and caught within this frame: MLIR is built without exceptions.
  try {
    expected = infer(op->getName().stripDialect(), recordAttrs(op), operands);
  } catch (const Error& error) {
    return op->emitOpError() << "does not type-check: " << error.what();
  }
  if (expected.size() != op->getNumResults())
    return op->emitOpError() << "has " << op->getNumResults() << " results, expected " << expected.size();
  for (auto [result, type] : llvm::zip(op->getResults(), expected))
    if (Type inferred = toMLIR(op->getContext(), type); result.getType() != inferred)
      return op->emitOpError() << "result has type " << result.getType() << ", expected " << inferred;
  return success();
}

} // namespace kiln::ir
