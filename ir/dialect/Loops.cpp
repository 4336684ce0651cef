// See Loops.h.
#include "Loops.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/SetVector.h"

#include <map>

using namespace mlir;

namespace kiln::ir {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The shape that a result is computed in: its own but for reshapes at the end and dimensions of size 1.
SmallVector<int64_t> loopShape(Value yielded) {
  while (auto reshape = yielded.getDefiningOp<ReshapeOp>())
    yielded = reshape.getX();
  SmallVector<int64_t> shape(typeOf(yielded).getShape());
  llvm::erase(shape, 1);
  return shape;
}

/// Whether each loop makes the value for itself at no cost.
bool isFree(Operation* op) {
  if (op->getNumOperands() == 0) return true;
  return isa<BroadcastOp>(op) &&
         typeOf(op->getOperand(0)).getNumElements() < typeOf(op->getResult(0)).getNumElements();
}

/// Ops that compute `yielded` element by element.
llvm::SetVector<Operation*> opsOfItsSize(Value yielded) {
  llvm::SetVector<Operation*> ops;
  auto visit = [&](Value value) {
    Operation* op = value.getDefiningOp();
    if (op && typeOf(value).getNumElements() == typeOf(yielded).getNumElements() && !isFree(op))
      ops.insert(op);
  };
  visit(yielded);
  for (std::size_t i = 0; i < ops.size(); ++i) // grows while walked
    llvm::for_each(ops[i]->getOperands(), visit);
  return ops;
}

} // namespace

SmallVector<SmallVector<int>> loopsOf(FusionOp fusion) {
  auto yields = fusion.getBody().front().getTerminator()->getOperands();
  int count = static_cast<int>(yields.size());
  if (fusion.getKind() != FusionKind::Multi) return {llvm::to_vector(llvm::seq<int>(0, count))};
  llvm::EquivalenceClasses<int> classes;
  llvm::DenseMap<Operation*, int> firstUser;
  for (int i = 0; i < count; ++i) {
    classes.insert(i);
    for (Operation* op : opsOfItsSize(yields[i])) {
      auto [place, isNew] = firstUser.try_emplace(op, i);
      if (!isNew && loopShape(yields[place->second]) == loopShape(yields[i]))
        classes.unionSets(place->second, i);
    }
  }
  std::map<int, SmallVector<int>> loops; // by any one result: all of it are met in order
  for (int i = 0; i < count; ++i)
    loops[classes.getLeaderValue(i)].push_back(i);
  SmallVector<SmallVector<int>> result;
  for (auto& [leader, members] : loops)
    result.push_back(std::move(members));
  llvm::sort(result, [](const auto& a, const auto& b) { return a.front() < b.front(); });
  return result;
}

} // namespace kiln::ir
