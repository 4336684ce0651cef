// Cuts a joint program (kiln.forward_inputs, kiln.forward_outputs on @main) in two functions:
//   @main       the first inputs -> the first outputs, then what backward wants to keep
//   @backward   what was kept, then the further inputs -> the further outputs
// `kiln.residuals` on the module says where each kept value is: input i of forward (i), or its output -1-i
// beyond the user's. An op is backward's when a gradient brought it in, or when it needs a further input or
// another such op.
#include "Passes.h"
#include "Util.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_SPLIT
#include "kiln/passes/Passes.h.inc"

namespace {

/// The number in `attr` of the function, -1 without it.
int64_t countOf(func::FuncOp func, StringRef attr) {
  auto count = func->getAttrOfType<IntegerAttr>(attr);
  return count ? count.getInt() : -1;
}

class Splitter {
public:
  Splitter(func::FuncOp joint)
      : joint(joint), block(joint.getBody().front()), inputs(countOf(joint, kForwardInputs)),
        outputs(countOf(joint, kForwardOutputs)) {}

  void run();

private:
  bool isLate(Value value) const;
  void findBackward();
  func::FuncOp makeFunction(StringRef name, ArrayRef<Value> arguments, ValueRange results, bool ofBackward);
  void keepArgAttrs(func::FuncOp to, unsigned argument, BlockArgument from, int64_t firstOutput,
                    int64_t endOutput);

  func::FuncOp joint;
  Block& block;
  int64_t inputs, outputs;
  llvm::SmallPtrSet<Operation*, 32> backward;
  llvm::SetVector<Value> kept; ///< forward's values that backward reads
};

bool Splitter::isLate(Value value) const {
  if (auto argument = dyn_cast<BlockArgument>(value)) return argument.getArgNumber() >= inputs;
  return backward.contains(value.getDefiningOp());
}

void Splitter::findBackward() {
  Operation* terminator = block.getTerminator();
  // What backward shares with the forward outputs is forward's, whoever brought it in.
  llvm::SmallPtrSet<Operation*, 32> needed;
  SmallVector<Value> pending(terminator->getOperands().take_front(outputs));
  while (!pending.empty())
    if (Operation* op = pending.pop_back_val().getDefiningOp(); op && needed.insert(op).second)
      llvm::append_range(pending, op->getOperands());
  for (Operation& op : block.without_terminator()) {
    bool isGenerator = op.getNumOperands() == 0;
    bool late = llvm::any_of(op.getOperands(), [&](Value operand) { return isLate(operand); });
    if (late || (op.hasAttr(kBackward) && !needed.contains(&op) && !isGenerator)) backward.insert(&op);
  }
  auto keep = [&](Value value) {
    Operation* op = value.getDefiningOp();
    if (!isLate(value) && !(op && op->getNumOperands() == 0)) kept.insert(value);
  };
  for (Operation& op : block.without_terminator())
    if (backward.contains(&op)) llvm::for_each(op.getOperands(), keep);
  llvm::for_each(terminator->getOperands().drop_front(outputs), keep);
}

void Splitter::keepArgAttrs(func::FuncOp to, unsigned argument, BlockArgument from, int64_t firstOutput,
                            int64_t endOutput) {
  DictionaryAttr attrs = joint.getArgAttrDict(from.getArgNumber());
  for (NamedAttribute attr : attrs ? attrs.getValue() : ArrayRef<NamedAttribute>()) {
    if (attr.getName() != kDonated) {
      to.setArgAttr(argument, attr.getName(), attr.getValue());
      continue;
    }
    int64_t output = cast<IntegerAttr>(attr.getValue()).getInt();
    if (output >= firstOutput && output < endOutput)
      to.setArgAttr(argument, kDonated,
                    IntegerAttr::get(IntegerType::get(to.getContext(), 64), output - firstOutput));
  }
}

func::FuncOp Splitter::makeFunction(StringRef name, ArrayRef<Value> arguments, ValueRange results,
                                    bool ofBackward) {
  OpBuilder builder(joint);
  auto func =
      func::FuncOp::create(builder, joint.getLoc(), name,
                           builder.getFunctionType(TypeRange(ValueRange(arguments)), results.getTypes()));
  Block* body = func.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  IRMapping mapping;
  for (auto [outer, inner] : llvm::zip(arguments, body->getArguments()))
    mapping.map(outer, inner);
  for (Operation& op : block.without_terminator())
    if (backward.contains(&op) == ofBackward || op.getNumOperands() == 0)
      if (!mapping.contains(op.getResult(0))) builder.clone(op, mapping);
  SmallVector<Value> returned;
  for (Value result : results)
    returned.push_back(mapping.lookup(result));
  func::ReturnOp::create(builder, joint.getLoc(), returned);
  eraseDead(*body);
  return func;
}

void Splitter::run() {
  findBackward();
  Operation* terminator = block.getTerminator();
  SmallVector<Value> forwardResults(terminator->getOperands().take_front(outputs)), carried;
  SmallVector<int32_t> residuals;
  for (Value value : kept) {
    auto argument = dyn_cast<BlockArgument>(value);
    // An argument that forward overwrites is kept as it was.
    bool isOverwritten = argument && joint.getArgAttr(argument.getArgNumber(), kDonated);
    if (argument && !isOverwritten) {
      residuals.push_back(argument.getArgNumber());
    } else {
      residuals.push_back(-1 - (static_cast<int64_t>(forwardResults.size()) - outputs));
      forwardResults.push_back(value);
    }
    carried.push_back(value);
  }
  SmallVector<Value> forwardArguments(block.getArguments().take_front(inputs));
  int64_t allOutputs = terminator->getNumOperands();
  func::FuncOp forward = makeFunction("main", forwardArguments, forwardResults, false);
  for (int64_t i = 0; i < inputs; ++i)
    keepArgAttrs(forward, i, block.getArgument(i), 0, outputs);

  SmallVector<Value> backwardArguments = carried;
  llvm::append_range(backwardArguments, block.getArguments().drop_front(inputs));
  func::FuncOp backwardFunc =
      makeFunction("backward", backwardArguments, terminator->getOperands().drop_front(outputs), true);
  for (unsigned i = inputs; i < block.getNumArguments(); ++i)
    keepArgAttrs(backwardFunc, carried.size() + i - inputs, block.getArgument(i), outputs, allOutputs);

  joint->getParentOp()->setAttr(kResiduals, DenseI32ArrayAttr::get(joint.getContext(), residuals));
  joint.erase();
}

struct Split : impl::SplitBase<Split> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (main && countOf(main, kForwardInputs) >= 0) Splitter(main).run();
  }
};

} // namespace
} // namespace kiln::passes
