// Nodes of the fusion graph, and which sets of them are one kernel.
#include "FusionGraph.h"

#include "View.h"

using namespace mlir;

namespace kiln::passes {

int64_t KernelShape::keptPoints() const {
  int64_t count = 1;
  for (auto [size, isReduced] : llvm::zip(domain, reduced))
    if (!isReduced) count *= ShapedType::isDynamic(size) ? kAssumedDynamic : size;
  return count;
}

bool FusionGraph::isUnitReshape(Operation* op) {
  return isa<ir::ReshapeOp>(op) &&
         squeezed(shapeOf(op->getOperand(0))) == squeezed(shapeOf(op->getResult(0)));
}

bool FusionGraph::isFree(Operation* op) {
  bool isGenerator = op->getNumOperands() == 0 && op->hasTrait<ir::Recomputable>();
  return isGenerator || isa<ir::BroadcastOp>(op) || isUnitReshape(op);
}

bool FusionGraph::readsFromMemory(Operation* op, unsigned operand) {
  return op->hasTrait<ir::ContractionTrait>() || op->hasTrait<ir::FilledInParts>() ||
         (op->hasTrait<ir::IndirectRead>() && operand == 0) || op->hasTrait<OpTrait::IsTerminator>();
}

Value FusionGraph::sourceOf(OpOperand& operand) {
  bool looksThrough = operand.getOwner()->hasTrait<ir::ContractionTrait>();
  return looksThrough ? viewedFrom(operand.get()) : operand.get();
}

/// Ops between a contraction's operand and what it is seen in, unless something else reads them.
void FusionGraph::findViews(Block& block) {
  for (Operation& op : llvm::reverse(block)) {
    if (op.hasTrait<ir::ContractionTrait>()) {
      for (OpOperand& operand : op.getOpOperands())
        for (Value source = sourceOf(operand), view = operand.get(); view != source;
             view = view.getDefiningOp()->getOperand(0))
          onlyViewed.insert(view.getDefiningOp());
    } else if (onlyViewed.contains(&op)) {
      bool isRead = llvm::any_of(op.getUses(), [&](OpOperand& use) {
        Operation* user = use.getOwner();
        return user->hasTrait<ir::ContractionTrait>() ? sourceOf(use) == use.get()
                                                      : !onlyViewed.contains(user);
      });
      if (isRead) onlyViewed.erase(&op);
    }
  }
}

FusionGraph::FusionGraph(Block& block) {
  findViews(block);
  // A free op whose result must be in memory is a node (a unit reshape is an alias even then).
  llvm::SmallPtrSet<Operation*, 8> inMemory;
  auto demand = [&](Value value) {
    Operation* op = value.getDefiningOp();
    while (op && isa<ir::ReshapeOp>(op))
      op = op->getOperand(0).getDefiningOp();
    if (op) inMemory.insert(op);
  };
  for (Operation& op : block) {
    for (OpOperand& operand : op.getOpOperands())
      if (readsFromMemory(&op, operand.getOperandNumber())) demand(sourceOf(operand));
    if (isa<ir::ReshapeOp>(op) && !isUnitReshape(&op) && !onlyViewed.contains(&op)) demand(op.getOperand(0));
  }
  for (Operation& op : block) {
    if (op.hasTrait<OpTrait::IsTerminator>() || isa<ir::ReshapeOp>(op) || onlyViewed.contains(&op) ||
        (isFree(&op) && !inMemory.contains(&op)))
      continue;
    numberOf[&op] = nodes.size();
    Node& node = nodes.emplace_back();
    node.op = &op;
    node.isAgain = op.hasAttr(kAgain);
    node.isPinned = inMemory.contains(&op);
    addReads(node);
  }
  auto func = cast<func::FuncOp>(block.getParentOp());
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    if (auto donated = func.getArgAttrOfType<IntegerAttr>(i, kDonated))
      if (Operation* op = block.getTerminator()->getOperand(donated.getInt()).getDefiningOp();
          op && nodeOf(op) >= 0)
        nodes[nodeOf(op)].isUpdate = true;
  for (int i = 0; i < size(); ++i) {
    for (int read : nodes[i].reads)
      nodes[read].users.push_back(i);
    for (Value value : nodes[i].memory)
      memoryUsers[value].push_back(i);
  }
}

ArrayRef<int> FusionGraph::usersOf(Value memory) const {
  auto found = memoryUsers.find(memory);
  return found == memoryUsers.end() ? ArrayRef<int>() : ArrayRef<int>(found->second);
}

void FusionGraph::addReads(Node& node) {
  SmallVector<std::pair<Value, bool>> pending;
  for (OpOperand& operand : node.op->getOpOperands())
    pending.push_back({sourceOf(operand), false});
  while (!pending.empty()) {
    auto [value, isAlias] = pending.pop_back_val();
    Operation* op = value.getDefiningOp();
    if (op && !numberOf.contains(op)) {
      isAlias |= isa<ir::ReshapeOp>(op) && !isUnitReshape(op);
      for (Value operand : op->getOperands())
        pending.push_back({operand, isAlias});
      continue;
    }
    if (op && isAlias && !llvm::is_contained(node.aliased, numberOf[op]))
      node.aliased.push_back(numberOf[op]);
    if (!op) {
      if (!llvm::is_contained(node.memory, value)) node.memory.push_back(value);
    } else if (int read = numberOf[op]; !llvm::is_contained(node.reads, read)) {
      node.reads.push_back(read);
    }
  }
}

/// Whether the part of `use` that depends on `tainted` nodes is found at the domain's own place: element i of
/// a value of the domain's shape, or the row of i for a reduced value.
bool FusionGraph::followsDomain(Value use, const llvm::BitVector& tainted, const KernelShape& shape) const {
  // For each dimension of `use`: the dimension of the value at the chain's end, or -1 where it is repeated.
  SmallVector<int, 4> source(typeOf(use).getRank());
  for (int dim = 0; dim < static_cast<int>(source.size()); ++dim)
    source[dim] = dim;
  ArrayRef<int64_t> useShape = shapeOf(use);
  Value value = use;
  Operation* op = value.getDefiningOp();
  while (op && !numberOf.contains(op)) {
    if (op->getNumOperands() == 0) return true;
    Value from = op->getOperand(0);
    if (isa<ir::BroadcastOp>(op)) {
      int added = typeOf(value).getRank() - typeOf(from).getRank();
      for (int& dim : source)
        if (dim >= 0)
          dim = dim < added || shapeOf(from)[dim - added] != shapeOf(value)[dim] ? -1 : dim - added;
    } else if (isUnitReshape(op)) {
      SmallVector<int, 4> longer;
      for (int dim = 0; dim < typeOf(from).getRank(); ++dim)
        if (shapeOf(from)[dim] != 1) longer.push_back(dim);
      SmallVector<int, 4> origin(typeOf(value).getRank(), -1);
      for (int dim = 0, next = 0; dim < typeOf(value).getRank(); ++dim)
        if (shapeOf(value)[dim] != 1) origin[dim] = longer[next++];
      for (int& dim : source)
        dim = dim >= 0 ? origin[dim] : -1;
    } else {
      return true; // a reshape between kernels: what lies beyond is in memory
    }
    value = from;
    op = value.getDefiningOp();
  }
  if (!op || !tainted.test(numberOf.lookup(op))) return true;
  // The dimensions of the value must come in order, each where the domain has it.
  SmallVector<int, 4> longer;
  for (int dim = 0; dim < typeOf(value).getRank(); ++dim)
    if (shapeOf(value)[dim] != 1) longer.push_back(dim);
  bool isWhole = squeezed(shapeOf(value)) == shape.domain;
  SmallVector<int, 4> expected;
  unsigned next = 0;
  bool useIsReduced = squeezed(useShape) != shape.domain;
  for (unsigned dim = 0; dim < shape.domain.size(); ++dim) {
    bool kept = !shape.reduced[dim] || isWhole;
    if (useIsReduced && shape.reduced[dim]) continue;
    expected.push_back(!kept ? -1 : next < longer.size() ? longer[next++] : -2);
  }
  SmallVector<int, 4> found;
  for (auto [dim, size] : llvm::enumerate(useShape))
    if (size != 1) found.push_back(source[dim]);
  return next == longer.size() && found == expected;
}

/// Whether a contraction's kernel can store its rows in the order that `op` gives them.
static bool reordersRows(Operation* op) {
  auto transpose = dyn_cast<ir::TransposeOp>(op);
  return transpose && movesWholeRows(transpose);
}

/// Whether every value that depends on the anchor (a contraction or the reductions) stays at the domain's
/// place, unless it is stored elsewhere and nothing here reads it.
bool FusionGraph::isAligned(const llvm::BitVector& set, const KernelShape& shape, int anchor) const {
  llvm::BitVector tainted(size());
  SmallVector<int64_t, 4> kept;
  for (auto [dim, isReduced] : llvm::zip(shape.domain, shape.reduced))
    if (!isReduced) kept.push_back(dim);
  for (int i : set.set_bits()) {
    const Node& node = nodes[i];
    bool isReduction = isa<ir::Reduction>(node.op);
    bool depends = llvm::any_of(node.reads, [&](int read) { return tainted.test(read); });
    if (depends) {
      bool isMoved = anchor >= 0 && reordersRows(node.op) &&
                     llvm::none_of(node.users, [&](int user) { return set.test(user); });
      if (i == anchor || !(isElementwise(node.op) || isReduction || isMoved)) return false;
      SmallVector<int64_t, 4> own = squeezed(shapeOf(node.op->getOperand(0)));
      if (own != shape.domain && own != kept) return false;
      for (Value operand : node.op->getOperands())
        if (!followsDomain(operand, tainted, shape)) return false;
    }
    if (depends || isReduction || i == anchor) tainted.set(i);
  }
  return true;
}

std::optional<KernelShape> FusionGraph::classify(const llvm::BitVector& set, ArrayRef<int> stored) const {
  KernelShape shape;
  int anchor = -1, reductions = 0;
  for (int i : set.set_bits()) {
    Operation* op = nodes[i].op;
    if (op->hasTrait<ir::FilledInParts>()) {
      if (set.count() != 1) return std::nullopt;
      shape.kind = ir::FusionKind::Scatter;
      shape.domain = squeezed(shapeOf(op->getResult(0)));
    } else if (op->hasTrait<ir::ContractionTrait>()) {
      if (anchor >= 0) return std::nullopt;
      anchor = i;
    } else if (auto reduction = dyn_cast<ir::Reduction>(op)) {
      SmallVector<int64_t, 4> domain;
      SmallVector<bool, 4> reduced;
      for (auto [dim, size] : llvm::enumerate(shapeOf(op->getOperand(0)))) {
        if (size == 1) continue;
        domain.push_back(size);
        reduced.push_back(llvm::is_contained(reduction.reducedDims(), static_cast<int64_t>(dim)));
      }
      if (reductions++ && (domain != shape.domain || reduced != shape.reduced)) return std::nullopt;
      shape.domain = domain;
      shape.reduced = reduced;
    }
  }
  if (shape.kind == ir::FusionKind::Scatter) {
    shape.reduced.assign(shape.domain.size(), false);
    return shape;
  }
  if (anchor >= 0) {
    if (reductions) return std::nullopt;
    // A contraction reads its operands from memory.
    for (int read : nodes[anchor].reads)
      if (set.test(read)) return std::nullopt;
    shape.kind = ir::FusionKind::Contraction;
    shape.domain = squeezed(shapeOf(nodes[anchor].op->getResult(0)));
  } else if (!reductions) {
    shape.domain = squeezed(shapeOf(nodes[stored.front()].op->getResult(0)));
  } else {
    bool lastIsKept = !shape.reduced.empty() && !shape.reduced.back();
    shape.kind = lastIsKept ? ir::FusionKind::ColumnReduce : ir::FusionKind::RowReduce;
  }
  if (!reductions) shape.reduced.assign(shape.domain.size(), false);

  SmallVector<int64_t, 4> kept;
  for (auto [dim, isReduced] : llvm::zip(shape.domain, shape.reduced))
    if (!isReduced) kept.push_back(dim);
  bool isColumn = shape.kind == ir::FusionKind::ColumnReduce;
  for (int i : stored) {
    Operation* op = nodes[i].op;
    Value computed = anchor >= 0 && reordersRows(op) ? op->getOperand(0) : op->getResult(0);
    SmallVector<int64_t, 4> own = squeezed(shapeOf(computed));
    if (isColumn ? !isa<ir::Reduction>(op) : (own != shape.domain && own != kept)) return std::nullopt;
  }
  for (int i : set.set_bits()) {
    if (llvm::any_of(nodes[i].aliased, [&](int read) { return set.test(read); })) return std::nullopt;
    // take and gather read a whole tensor: nothing of this kernel.
    if (nodes[i].op->hasTrait<ir::IndirectRead>()) {
      Operation* source = nodes[i].op->getOperand(0).getDefiningOp();
      while (source && isa<ir::ReshapeOp>(source))
        source = source->getOperand(0).getDefiningOp();
      if (int read = source ? nodeOf(source) : -1; read >= 0 && set.test(read)) return std::nullopt;
    }
    // One pass over columns: no reduction waits for another.
    if (isColumn && isa<ir::Reduction>(nodes[i].op))
      for (int user : nodes[i].users)
        if (set.test(user)) return std::nullopt;
  }
  if ((anchor >= 0 || reductions) && !isAligned(set, shape, anchor)) return std::nullopt;
  return shape;
}

} // namespace kiln::passes
