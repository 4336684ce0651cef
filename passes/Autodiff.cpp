// Expands kiln.gradient: walks the program backwards from the differentiated outputs to the values asked for,
// asks each op for its derivative and adds up what flows into one value.
//   %l = kiln.mul %w, %x        ->   %l = kiln.mul %w, %x
//   %d = kiln.gradient %l, %s, %w    %d = kiln.mul %s, %x
// Gradients are expanded in program order, so one may differentiate what an earlier one brought in.
#include "Passes.h"
#include "Util.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_AUTODIFF
#include "kiln/passes/Passes.h.inc"

namespace {

bool isFloating(Value value) {
  return isa<FloatType>(typeOf(value).getElementType());
}

/// Ops between the values asked for and the gradient, through which a derivative can flow, in program order.
SmallVector<Operation*> activePath(ir::GradientOp gradient, ValueRange wrt) {
  llvm::DenseSet<Value> asked(wrt.begin(), wrt.end()), active = asked;
  SmallVector<Operation*> path;
  Block* block = gradient->getBlock();
  for (Operation& op : llvm::make_range(block->begin(), gradient->getIterator())) {
    if (op.hasTrait<ir::NoGradient>() ||
        !llvm::any_of(op.getOperands(), [&](Value v) { return active.contains(v); }))
      continue;
    // A value asked for is where derivatives stop, though it may be computed from another one.
    if (llvm::any_of(op.getResults(), [&](Value v) { return asked.contains(v); })) continue;
    for (Value result : op.getResults())
      if (isFloating(result)) active.insert(result);
    path.push_back(&op);
  }
  return path;
}

LogicalResult expand(ir::GradientOp gradient) {
  unsigned outputs = gradient.getOutputs();
  ValueRange inputs = gradient.getInputs();
  ValueRange wrt = inputs.drop_front(2 * outputs);
  OpBuilder builder(gradient);

  llvm::DenseMap<Value, Value> gradOf;
  auto accumulate = [&](Location loc, Value value, Value grad) {
    Value& sum = gradOf[value];
    sum = sum ? ir::AddOp::create(builder, loc, value.getType(), sum, grad) : grad;
  };
  {
    MarkInserted mark(builder, /*backward=*/true, {});
    for (unsigned i = 0; i < outputs; ++i)
      accumulate(gradient.getLoc(), inputs[i], inputs[outputs + i]);
  }
  SmallVector<Operation*> path = activePath(gradient, wrt);
  for (Operation* op : llvm::reverse(path)) {
    SmallVector<Value> grads;
    for (Value result : op->getResults())
      grads.push_back(gradOf.lookup(result));
    if (llvm::none_of(grads, [](Value grad) { return grad != nullptr; })) continue;
    auto differentiable = dyn_cast<ir::Differentiable>(op);
    if (!differentiable)
      return op->emitOpError("has no derivative, and a gradient was asked of a value computed through it");
    MarkInserted mark(builder, /*backward=*/true,
                      builder.getStringAttr(op->getName().stripDialect() + "_backward"));
    SmallVector<Value> flows = differentiable.vjp(builder, grads);
    assert(flows.size() == op->getNumOperands() && "one gradient per operand");
    for (auto [operand, flow] : llvm::zip(op->getOperands(), flows)) {
      if (!flow || !isFloating(operand)) continue;
      assert(flow.getType() == operand.getType() && "a gradient has the type of its operand");
      accumulate(op->getLoc(), operand, flow);
    }
  }

  MarkInserted mark(builder, /*backward=*/true, {});
  for (auto [value, result] : llvm::zip(wrt, gradient.getResults())) {
    Value grad = gradOf.lookup(value);
    result.replaceAllUsesWith(grad ? grad : constant(builder, gradient.getLoc(), typeOf(value), 0));
  }
  gradient.erase();
  return success();
}

struct Autodiff : impl::AutodiffBase<Autodiff> {
  void runOnOperation() override {
    Block& block = getOperation().getBody().front();
    bool any = false;
    for (auto gradient : llvm::make_early_inc_range(block.getOps<ir::GradientOp>())) {
      any = true;
      if (failed(expand(gradient))) return signalPassFailure();
    }
    if (any) eraseDead(block);
  }
};

} // namespace
} // namespace kiln::passes
