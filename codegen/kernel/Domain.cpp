// See Domain.h.
#include "kernel/Domain.h"

#include "KilnOps.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace kiln::codegen {
namespace {

Shape withoutUnits(ArrayRef<std::int64_t> shape) {
  Shape result;
  llvm::copy_if(shape, std::back_inserter(result), [](std::int64_t size) { return size != 1; });
  return result;
}

/// Boundaries between dimensions, as products of the sizes to their right: a finer shape has a superset of a
/// coarser's.
llvm::SmallVector<std::int64_t> boundaries(ArrayRef<std::int64_t> shape) {
  llvm::SmallVector<std::int64_t> result{1};
  for (std::int64_t size : llvm::reverse(shape))
    if (size != 1) result.push_back(result.back() * size);
  return result;
}

bool refines(ArrayRef<std::int64_t> fine, ArrayRef<std::int64_t> coarse) {
  auto all = boundaries(fine);
  return llvm::all_of(boundaries(coarse), [&](std::int64_t b) { return llvm::is_contained(all, b); });
}

} // namespace

llvm::SmallVector<Dim> domainOf(ArrayRef<std::int64_t> shape, ArrayRef<std::int64_t> reduced,
                                bool keepUnits) {
  llvm::SmallVector<Dim> dims;
  bool allUnits = llvm::all_of(reduced, [&](std::int64_t d) { return shape[d] == 1; });
  for (auto [d, size] : llvm::enumerate(shape)) {
    bool isReduced = llvm::is_contained(reduced, static_cast<std::int64_t>(d));
    bool isKeptUnit = isReduced && allUnits && static_cast<std::int64_t>(d) == reduced.back();
    if (size != 1 || keepUnits || isKeptUnit) dims.push_back({size, isReduced});
  }
  return dims;
}

Operation* mainReduction(ArrayRef<Value> yields) {
  llvm::SetVector<Operation*> ops;
  for (Value yield : yields)
    if (Operation* op = yield.getDefiningOp()) ops.insert(op);
  Operation* main = nullptr;
  auto numel = [](Operation* op) { return product(shapeOf(op->getOperand(0))); };
  for (std::size_t i = 0; i < ops.size(); ++i) { // grows while walked
    if (isa<ir::Reduction>(ops[i]) && (!main || numel(ops[i]) > numel(main))) main = ops[i];
    for (Value operand : ops[i]->getOperands())
      if (Operation* producer = operand.getDefiningOp()) ops.insert(producer);
  }
  return main;
}

Shape loopShape(Block& block, ArrayRef<Value> yields) {
  Shape best;
  auto better = [&](ArrayRef<std::int64_t> shape) {
    return withoutUnits(shape).size() > withoutUnits(best).size() && refines(shape, best);
  };
  for (Value yield : yields) {
    while (auto reshape = yield.getDefiningOp<ir::ReshapeOp>())
      yield = reshape.getX();
    Shape shape = shapeOf(yield);
    if (best.empty() || product(shape) > product(best) || (product(shape) == product(best) && better(shape)))
      best = shape;
  }
  if (llvm::any_of(best, ShapedType::isDynamic)) return best;
  for (Operation& op : block.without_terminator())
    for (Value value : op.getResults())
      if (product(shapeOf(value)) == product(best) && better(shapeOf(value))) best = shapeOf(value);
  return best;
}

} // namespace kiln::codegen
