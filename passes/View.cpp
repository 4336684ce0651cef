// A contraction's kernel finds element (batch…, row, column) of an operand at a sum of strides times indices,
// so whatever only changes strides need not be computed. It wants one of the last two strides to be 1: panels
// are then copied or transposed by whole vectors.
#include "View.h"

using namespace mlir;

namespace kiln::passes {

using Strides = SmallVector<int64_t, 4>;

static Strides rowMajor(ArrayRef<int64_t> shape) {
  Strides strides(shape.size());
  int64_t next = 1;
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 1; dim >= 0; --dim) {
    strides[dim] = next;
    next *= shape[dim];
  }
  return strides;
}

/// Strides when each dimension of `from` is split in a run of dimensions of `to`; nullopt when it is not.
static std::optional<Strides> split(const Strides& strides, ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  Strides result(to.size(), 0);
  size_t end = to.size();
  for (size_t dim = from.size(); dim-- > 0;) {
    int64_t inner = 1;
    while (inner != from[dim]) {
      if (end == 0 || from[dim] % (inner * to[end - 1]) != 0) return std::nullopt;
      --end;
      result[end] = strides[dim] * inner;
      inner *= to[end];
    }
  }
  for (int64_t size : to.take_front(end))
    if (size != 1) return std::nullopt;
  return result;
}

/// Strides of a shape op's result, given those of its operand; nullopt when it is no view of it.
static std::optional<Strides> through(Operation* op, const Strides& strides) {
  ArrayRef<int64_t> from = shapeOf(op->getOperand(0)), to = shapeOf(op->getResult(0));
  if (auto transpose = dyn_cast<ir::TransposeOp>(op))
    return llvm::to_vector<4>(
        llvm::map_range(transpose.getPermutation(), [&](int64_t dim) { return strides[dim]; }));
  if (auto slice = dyn_cast<ir::SliceOp>(op)) {
    Strides result = strides;
    for (auto [stride, step] : llvm::zip(result, slice.getSteps()))
      stride *= step;
    return result;
  }
  if (isa<ir::BroadcastOp>(op)) {
    Strides result(to.size(), 0);
    size_t added = to.size() - from.size();
    for (size_t dim = 0; dim < from.size(); ++dim)
      if (from[dim] == to[added + dim]) result[added + dim] = strides[dim];
    return result;
  }
  return isa<ir::ReshapeOp>(op) ? split(strides, from, to) : std::nullopt;
}

Value viewedFrom(Value operand) {
  // The chain from the operand outwards, then strides along it from each candidate inwards.
  SmallVector<Operation*> chain;
  for (Operation* op = operand.getDefiningOp();
       op && op->hasTrait<ir::DataMovement>() && op->getNumOperands() == 1 && numel(op->getResult(0)) != 0;
       op = op->getOperand(0).getDefiningOp())
    chain.push_back(op);
  if (!typeOf(operand).hasStaticShape()) return operand;
  for (size_t length = chain.size(); length > 0; --length) {
    Value root = chain[length - 1]->getOperand(0);
    std::optional<Strides> strides = rowMajor(shapeOf(root));
    for (size_t i = length; strides && i-- > 0;)
      strides = through(chain[i], *strides);
    if (strides && (strides->back() == 1 || (*strides)[strides->size() - 2] == 1)) return root;
  }
  return operand;
}

bool movesWholeRows(ir::TransposeOp op) {
  ArrayRef<int64_t> sizes = shapeOf(op.getX());
  for (int64_t dim : llvm::reverse(op.getPermutation()))
    if (sizes[dim] != 1)
      return llvm::all_of(sizes.drop_front(dim + 1), [](int64_t size) { return size == 1; });
  return true;
}

} // namespace kiln::passes
