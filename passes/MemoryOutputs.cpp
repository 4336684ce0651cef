// Where outputs are made: in their own buffer, over a donated argument, or elsewhere and then copied.
#include "MemoryPlan.h"

#include "Loops.h"

using namespace mlir;

namespace kiln::passes {

Value rootOf(Value value) {
  while (auto alias = value.getDefiningOp<ir::ReshapeOp>())
    value = alias.getX();
  return value;
}

/// Whether element i of the operands, row by row, is needed for element i of the result alone.
static bool keepsPlaces(Operation* op) {
  return isElementwise(op) || isa<ir::ReshapeOp>(op);
}

/// Result numbers that depend on `argument`; nullopt when some op reads it elsewhere than at its own place.
static std::optional<llvm::SmallDenseSet<unsigned>> reachedInPlace(ir::FusionOp fusion,
                                                                   BlockArgument argument) {
  llvm::SmallDenseSet<unsigned> reached;
  llvm::SmallPtrSet<Operation*, 16> seen;
  SmallVector<Operation*> pending;
  for (OpOperand& use : argument.getUses()) {
    Operation* op = use.getOwner();
    bool isTarget = op->hasTrait<ir::StartsAsFirst>() && use.getOperandNumber() == 0;
    if (!isTarget && !keepsPlaces(op) && !isa<ir::YieldOp>(op)) return std::nullopt;
  }
  auto visit = [&](Value value) {
    for (OpOperand& use : value.getUses())
      if (isa<ir::YieldOp>(use.getOwner()))
        reached.insert(use.getOperandNumber());
      else if (seen.insert(use.getOwner()).second)
        pending.push_back(use.getOwner());
  };
  visit(argument);
  while (!pending.empty()) {
    Operation* op = pending.pop_back_val();
    // A value of it that moves, or is combined with others, is needed at other places than its own.
    if (!keepsPlaces(op) && !op->hasTrait<ir::FilledInParts>()) return std::nullopt;
    visit(op->getResult(0));
  }
  return reached;
}

/// Whether `fusion` may write a result over `argument`, which has its type: it reads the argument at most at
/// the place it writes. `loop`: the results that are computed in one loop with it, itself among them.
static bool mayWriteInPlace(ir::FusionOp fusion, ArrayRef<int> loop, Value argument) {
  // A reduction's kernel stores some results before it reads what others are made of.
  bool walksOnce =
      fusion.getKind() != ir::FusionKind::RowReduce && fusion.getKind() != ir::FusionKind::ColumnReduce;
  for (auto [input, inner] : llvm::zip(fusion.getInputs(), fusion.getBody().getArguments())) {
    if (rootOf(input) != argument) continue;
    if (!walksOnce) return false;
    auto reached = reachedInPlace(fusion, inner);
    if (!reached || !llvm::all_of(*reached, [&](unsigned other) { return llvm::is_contained(loop, other); }))
      return false;
  }
  return true;
}

/// A kernel that only copies.
static Value copyOf(OpBuilder& builder, Value value) {
  auto kind = ir::FusionKindAttr::get(builder.getContext(), ir::FusionKind::Loop);
  auto fusion = ir::FusionOp::create(builder, value.getLoc(), TypeRange(value.getType()), ValueRange(value),
                                     kind, builder.getStringAttr("copy"), DenseI64ArrayAttr());
  Block& body = fusion.getBody().emplaceBlock();
  body.addArgument(value.getType(), value.getLoc());
  OpBuilder inner(builder.getContext());
  inner.setInsertionPointToEnd(&body);
  ir::YieldOp::create(inner, value.getLoc(), ValueRange(body.getArguments()));
  return fusion.getResult(0);
}

/// Per kernel: those that overwrite what it reads, and so come after it.
using Overwriters = llvm::DenseMap<Operation*, SmallVector<Operation*, 2>>;

/// Whether a chain of kernels leads from one to the other, each after the one before because it reads its
/// result or overwrites what it reads.
static bool reaches(Operation* from, Operation* to, const Overwriters& overwriters) {
  llvm::SmallPtrSet<Operation*, 32> seen;
  SmallVector<Operation*> pending{from};
  while (!pending.empty()) {
    Operation* op = pending.pop_back_val();
    SmallVector<Operation*> later(op->getUsers());
    llvm::append_range(later, overwriters.lookup(op));
    for (Operation* next : later) {
      if (next == to) return true;
      if (seen.insert(next).second) pending.push_back(next);
    }
  }
  return false;
}

/// Kernels that read the argument, whatever shape they see it in.
static SmallVector<Operation*> readersOf(Value argument) {
  SmallVector<Operation*> readers, pending(argument.getUsers());
  while (!pending.empty()) {
    Operation* user = pending.pop_back_val();
    if (isa<ir::ReshapeOp>(user))
      llvm::append_range(pending, user->getUsers());
    else if (isa<ir::FusionOp>(user) && !llvm::is_contained(readers, user))
      readers.push_back(user);
  }
  return readers;
}

Donations settleOutputs(func::FuncOp func) {
  Block& block = func.getBody().front();
  Operation* terminator = block.getTerminator();
  Donations donations(terminator->getNumOperands(), -1);
  llvm::SmallDenseSet<Value> overwritten;
  for (BlockArgument argument : func.getArguments())
    if (auto donated = func.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), kDonated)) {
      donations[donated.getInt()] = argument.getArgNumber();
      if (rootOf(terminator->getOperand(donated.getInt())) != argument) overwritten.insert(argument);
    }

  OpBuilder first = OpBuilder::atBlockBegin(&block), last(terminator);
  llvm::DenseMap<Value, Value> saved;
  llvm::SmallDenseSet<Value> taken;
  Overwriters overwriters;
  llvm::DenseMap<Operation*, SmallVector<SmallVector<int>>> loops;
  auto loopOf = [&](OpResult result) -> ArrayRef<int> {
    auto [place, isNew] = loops.try_emplace(result.getOwner());
    if (isNew) place->second = ir::loopsOf(cast<ir::FusionOp>(result.getOwner()));
    int number = static_cast<int>(result.getResultNumber());
    return *llvm::find_if(place->second,
                          [&](ArrayRef<int> loop) { return llvm::is_contained(loop, number); });
  };
  for (auto [output, target] : llvm::enumerate(donations)) {
    Value value = terminator->getOperand(output), root = rootOf(value);
    if (target >= 0 && root == func.getArgument(target)) continue; // state that did not change
    if (isa<BlockArgument>(root)) {
      // The old value of an argument that is itself overwritten must be put aside first.
      if (overwritten.contains(root)) {
        Value& copy = saved[root];
        if (!copy) copy = copyOf(first, root);
        root = copy;
      }
      terminator->setOperand(output, copyOf(last, reshape(last, value.getLoc(), root, shapeOf(value))));
      continue;
    }
    auto fusion = root.getDefiningOp<ir::FusionOp>();
    bool inPlace = taken.insert(root).second;
    if (inPlace && target >= 0) {
      Value argument = func.getArgument(target);
      inPlace = mayWriteInPlace(fusion, loopOf(cast<OpResult>(root)), argument);
      SmallVector<Operation*> readers = readersOf(argument);
      llvm::erase(readers, fusion.getOperation());
      inPlace &=
          llvm::none_of(readers, [&](Operation* reader) { return reaches(fusion, reader, overwriters); });
      if (inPlace)
        for (Operation* reader : readers)
          overwriters[reader].push_back(fusion);
    }
    if (!inPlace) terminator->setOperand(output, copyOf(last, value));
  }
  return donations;
}

} // namespace kiln::passes
