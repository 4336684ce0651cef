// Small questions that every pass asks of tensors and constants, and the marks that passes leave on ops.
#include "Util.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/Hashing.h"

using namespace mlir;

namespace kiln::passes {

int64_t numel(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t dim : shape)
    count *= ShapedType::isDynamic(dim) ? kAssumedDynamic : dim;
  return count;
}

int64_t bytesOf(Value value) {
  return numel(value) * ((typeOf(value).getElementTypeBitWidth() + 7) / 8);
}

SmallVector<int64_t, 4> squeezed(ArrayRef<int64_t> shape) {
  SmallVector<int64_t, 4> result;
  llvm::copy_if(shape, std::back_inserter(result), [](int64_t dim) { return dim != 1; });
  return result;
}

std::optional<double> splatOf(Value value) {
  while (Operation* op = value.getDefiningOp()) {
    if (auto constant = dyn_cast<ir::ConstantOp>(op)) return constant.getValue().convertToDouble();
    if (!op->hasTrait<ir::DataMovement>() || op->getNumOperands() != 1) break;
    value = op->getOperand(0);
  }
  return std::nullopt;
}

static StringRef dtypeName(Type element) {
  return StringRef(name(*ir::dtypeOf(element)));
}

Value constant(OpBuilder& builder, Location loc, RankedTensorType type, double number) {
  return ir::ConstantOp::create(builder, loc, type, builder.getF64FloatAttr(number),
                                builder.getStringAttr(dtypeName(type.getElementType())),
                                builder.getDenseI64ArrayAttr(type.getShape()));
}

Value reshape(OpBuilder& builder, Location loc, Value value, ArrayRef<int64_t> shape) {
  if (shapeOf(value) == shape) return value;
  return ir::ReshapeOp::create(builder, loc, typeOf(value).clone(shape), value, shape);
}

Value broadcast(OpBuilder& builder, Location loc, Value value, ArrayRef<int64_t> shape) {
  if (shapeOf(value) == shape) return value;
  return ir::BroadcastOp::create(builder, loc, typeOf(value).clone(shape), value, shape);
}

Value transpose(OpBuilder& builder, Location loc, Value value, ArrayRef<int64_t> permutation) {
  SmallVector<int64_t, 4> shape;
  for (int64_t dim : permutation)
    shape.push_back(shapeOf(value)[dim]);
  return ir::TransposeOp::create(builder, loc, typeOf(value).clone(shape), value, permutation);
}

bool isElementwise(Operation* op) {
  return op && op->hasTrait<ir::ElementwiseTrait>();
}

Operation* cloneWithShape(OpBuilder& builder, Operation* op, ValueRange operands, ArrayRef<int64_t> shape) {
  IRMapping mapping;
  Operation* copy = op->cloneWithoutRegions(mapping);
  copy->setOperands(operands);
  for (Value result : copy->getResults())
    result.setType(typeOf(result).clone(shape));
  return builder.insert(copy);
}

void eraseDead(Block& block) {
  for (Operation& op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op)) op.erase();
}

/// Attributes that say what the op computes.
static DictionaryAttr meaning(Operation* op) {
  if (!op->getDiscardableAttrs().empty()) {
    NamedAttrList attrs(op->getAttrDictionary());
    attrs.erase(kBackward);
    attrs.erase(kOrigin);
    return attrs.getDictionary(op->getContext());
  }
  return op->getAttrDictionary();
}

int shareEqualOps(Block& block) {
  struct Entry {
    Operation* op;
    DictionaryAttr meaning;
    SmallVector<Value, 4> operands;
  };
  llvm::DenseMap<size_t, SmallVector<Entry, 1>> seen;
  int merged = 0;
  for (Operation& op : llvm::make_early_inc_range(block)) {
    if (op.hasTrait<OpTrait::IsTerminator>() || op.getNumRegions() || !isPure(&op)) continue;
    Entry entry{&op, meaning(&op), SmallVector<Value, 4>(op.getOperands())};
    if (op.hasTrait<OpTrait::IsCommutative>())
      llvm::sort(entry.operands,
                 [](Value a, Value b) { return a.getAsOpaquePointer() < b.getAsOpaquePointer(); });
    size_t key = llvm::hash_combine(op.getName().getAsOpaquePointer(), entry.meaning.getAsOpaquePointer());
    for (Value operand : entry.operands)
      key = llvm::hash_combine(key, operand.getAsOpaquePointer());
    for (Type type : op.getResultTypes())
      key = llvm::hash_combine(key, type.getAsOpaquePointer());
    // DenseMap keeps two key values for itself.
    auto& bucket = seen[key >> 1];
    auto same = llvm::find_if(bucket, [&](const Entry& other) {
      return other.op->getName() == op.getName() && other.meaning == entry.meaning &&
             other.operands == entry.operands && other.op->getResultTypes() == op.getResultTypes();
    });
    if (same == bucket.end()) {
      bucket.push_back(std::move(entry));
      continue;
    }
    op.replaceAllUsesWith(same->op->getResults());
    op.erase();
    ++merged;
  }
  return merged;
}

MarkInserted::MarkInserted(OpBuilder& builder, bool backward, StringAttr origin)
    : builder_(builder), backward_(backward), origin_(origin) {
  builder_.setListener(this);
}

MarkInserted::~MarkInserted() {
  builder_.setListener(nullptr);
}

void MarkInserted::notifyOperationInserted(Operation* op, OpBuilder::InsertPoint) {
  if (!first_) first_ = op;
  if (backward_) op->setAttr(kBackward, UnitAttr::get(op->getContext()));
  if (origin_) op->setAttr(kOrigin, origin_);
}

} // namespace kiln::passes
