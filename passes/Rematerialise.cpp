// Chooses what the backward pass reads of the forward pass and what it computes again, by a minimum cut: the
// price of a value is the bytes to write, hold and read it; of computing it again, its operations. Reductions
// and contractions are always kept. What the forward pass stores anyway (arguments, operands of contractions,
// results) is free.
//   %e = kiln.erf %a (forward)             %e = kiln.erf %a
//   ...                              ->    ...
//   %g = kiln.mul %d, %e (backward)        %e2 = kiln.erf %a {kiln.again, kiln.backward}
//                                          %g = kiln.mul %d, %e2
// Nothing may share equal ops after this pass: it would undo it.
#include "MinCut.h"
#include "Passes.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_REMATERIALISE
#include "kiln/passes/Passes.h.inc"

namespace {

class Rematerialiser {
public:
  explicit Rematerialiser(func::FuncOp func);
  void run();

private:
  bool isForward(Value value) const;
  bool isStored(Value value) const;
  bool isRecomputable(Operation* op) const;
  int64_t priceOfKeeping(Value value) const;
  int64_t priceOfComputing(Operation* op) const;
  Value copyOf(Value value, OpBuilder& builder);

  func::FuncOp func;
  Block& block;
  int64_t forwardInputs;
  Operation* turn = nullptr;              ///< the first backward op
  llvm::DenseMap<Operation*, int> number; ///< of the forward ops that a later forward contraction waits for
  llvm::SmallPtrSet<Operation*, 32> backward;
  llvm::DenseMap<Value, Value> copies;
  llvm::DenseSet<Value> computedAgain;
};

Rematerialiser::Rematerialiser(func::FuncOp func) : func(func), block(func.getBody().front()) {
  auto joint = func->getAttrOfType<IntegerAttr>(kForwardInputs);
  auto outputs = func->getAttrOfType<IntegerAttr>(kForwardOutputs);
  forwardInputs = joint ? joint.getInt() : func.getNumArguments();
  llvm::SmallPtrSet<Operation*, 32> results; // what a joint program's forward outputs need is forward's
  if (outputs) {
    SmallVector<Value> pending(block.getTerminator()->getOperands().take_front(outputs.getInt()));
    while (!pending.empty())
      if (Operation* op = pending.pop_back_val().getDefiningOp(); op && results.insert(op).second)
        llvm::append_range(pending, op->getOperands());
  }
  SmallVector<Operation*> forward;
  for (Operation& op : block.without_terminator()) {
    bool late = llvm::any_of(op.getOperands(), [&](Value v) { return !isForward(v); });
    if (late || (op.hasAttr(kBackward) && !results.contains(&op) && op.getNumOperands())) {
      backward.insert(&op);
      if (!turn) turn = &op;
    } else if (!turn) {
      forward.push_back(&op);
    }
  }
  // In one program the last values of the forward pass (the loss) are still at hand when backward begins; of
  // two, none.
  llvm::SmallPtrSet<Operation*, 32> waitedFor;
  for (Operation* op : llvm::reverse(forward))
    if (joint || op->hasTrait<ir::ContractionTrait>() ||
        llvm::any_of(op->getUsers(), [&](Operation* user) { return waitedFor.contains(user); }))
      waitedFor.insert(op);
  for (Operation* op : forward)
    if (waitedFor.contains(op)) {
      int next = number.size();
      number[op] = next;
    }
}

bool Rematerialiser::isForward(Value value) const {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return static_cast<int64_t>(argument.getArgNumber()) < forwardInputs;
  return !backward.contains(value.getDefiningOp());
}

/// Whether the forward pass has the value in memory whatever backward asks for.
bool Rematerialiser::isStored(Value value) const {
  if (isa<BlockArgument>(value)) return true;
  return llvm::any_of(value.getUsers(), [&](Operation* user) {
    if (isa<ir::ReshapeOp>(user)) return isStored(user->getResult(0));
    return (number.contains(user) && user->hasTrait<ir::ContractionTrait>()) ||
           user->hasTrait<OpTrait::IsTerminator>();
  });
}

bool Rematerialiser::isRecomputable(Operation* op) const {
  return op->hasTrait<ir::Recomputable>() || isa<ir::ReshapeOp>(op);
}

int64_t Rematerialiser::priceOfKeeping(Value value) const {
  // Written, held until it is read (it adds to the peak, and pushes something else out of a cache), and read.
  // What is stored anyway costs nothing: computing it again would read as much.
  constexpr int64_t kWriteHoldRead = 8;
  return isStored(value) ? 1 : bytesOf(value) * kWriteHoldRead;
}

int64_t Rematerialiser::priceOfComputing(Operation* op) const {
  // A core moves about as many bytes as it does simple operations on f32; Philox costs twenty.
  constexpr int64_t kGenerate = 20;
  if (auto expandable = dyn_cast<ir::ScalarExpandable>(op))
    return expandable.flopsPerElement() * numel(op->getResult(0));
  return isa<ir::IndexExpandable>(op) ? kGenerate * numel(op->getResult(0)) : 0;
}

/// `value` computed again for the backward pass.
Value Rematerialiser::copyOf(Value value, OpBuilder& builder) {
  if (!computedAgain.contains(value)) return value;
  if (Value known = copies.lookup(value)) return known;
  Operation* op = value.getDefiningOp();
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(copyOf(operand, builder));
  Operation* copy = builder.clone(*op);
  copy->setOperands(operands);
  copy->setAttr(kBackward, builder.getUnitAttr());
  copy->setAttr(kAgain, builder.getUnitAttr());
  return copies[value] = copy->getResult(0);
}

void Rematerialiser::run() {
  if (!turn || number.empty()) return;
  // Node 2i: op i is computed in backward; 2i + 1: its value is needed in backward.
  int source = 2 * number.size(), sink = source + 1;
  MinCut cut(sink + 1);
  llvm::DenseMap<Value, bool> needed;
  for (auto [op, i] : number) {
    Value result = op->getResult(0);
    cut.addEdge(source, 2 * i, isRecomputable(op) ? priceOfComputing(op) : MinCut::kInfinite);
    cut.addEdge(2 * i, 2 * i + 1, priceOfKeeping(result));
    for (Value operand : op->getOperands()) {
      Operation* producer = operand.getDefiningOp();
      if (!producer) continue;
      if (auto found = number.find(producer); found != number.end())
        cut.addEdge(2 * found->second + 1, 2 * i, MinCut::kInfinite);
    }
    if (llvm::any_of(result.getUsers(), [&](Operation* user) { return backward.contains(user); }))
      cut.addEdge(2 * i + 1, sink, MinCut::kInfinite);
  }
  std::vector<bool> late = cut.sinkSide(source, sink);
  for (auto [op, i] : number)
    if (late[2 * i]) computedAgain.insert(op->getResult(0));
  if (computedAgain.empty()) return;
  OpBuilder builder(turn);
  SmallVector<Operation*> readers;
  for (Operation& op : block)
    if (backward.contains(&op)) readers.push_back(&op);
  for (Operation* op : readers)
    for (OpOperand& operand : op->getOpOperands())
      if (operand.get().getDefiningOp() && number.contains(operand.get().getDefiningOp()))
        operand.set(copyOf(operand.get(), builder));
  eraseDead(block);
}

struct Rematerialise : impl::RematerialiseBase<Rematerialise> {
  void runOnOperation() override { Rematerialiser(getOperation()).run(); }
};

} // namespace
} // namespace kiln::passes
