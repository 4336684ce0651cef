// Holds a program against the spec of its stage (README.md): what each stage may contain, and in what shape.
// Each rule begins to hold at one stage; all but those about @main's body hold to the end.
#include "Passes.h"
#include "Util.h"
#include "kiln/ir/compiler.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_VERIFYSTAGE
#include "kiln/passes/Passes.h.inc"

namespace {

LogicalResult verifyOp(Operation* op, ir::Stage stage) {
  auto error = [&] { return op->emitOpError() << "is not allowed in stage " << ir::name(stage) << ": "; };
  bool isFusion = isa<ir::FusionOp>(op);
  if (stage < ir::Stage::Fused && isFusion) return error() << "fusions are made by fuse";
  if (stage >= ir::Stage::Differentiated && isa<ir::GradientOp>(op))
    return error() << "gradients are expanded";
  if (stage < ir::Stage::Decomposed) return success();
  if (isa<ir::Composite>(op)) return error() << "composites are opened";
  if (isElementwise(op))
    for (Value operand : op->getOperands())
      if (shapeOf(operand) != shapeOf(op->getResult(0)))
        return error() << "an elementwise operand has shape " << operand.getType() << ", the result "
                       << op->getResult(0).getType();
  if (stage >= ir::Stage::LaidOut && op->hasTrait<ir::ContractionTrait>() && !op->hasAttr("packing"))
    return error() << "a contraction has no packing";
  if (stage >= ir::Stage::Fused && isa<func::FuncOp>(op->getParentOp()) && !isFusion &&
      !isa<ir::ReshapeOp>(op) && !op->hasTrait<OpTrait::IsTerminator>())
    return error() << "every op but reshapes is in a fusion";
  if (stage >= ir::Stage::Planned && isFusion && !cast<ir::FusionOp>(op).getSlots())
    return error() << "a fusion has no slots";
  return success();
}

struct VerifyStage : impl::VerifyStageBase<VerifyStage> {
  using VerifyStageBase::VerifyStageBase;
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    auto found =
        llvm::find_if(ir::kStages, [&](ir::Stage candidate) { return ir::name(candidate) == stage; });
    if (found == ir::kStages.end()) {
      func.emitError() << "no stage is called " << stage;
      return signalPassFailure();
    }
    if (!llvm::hasSingleElement(func.getBody())) {
      func.emitOpError("has more than one block");
      return signalPassFailure();
    }
    if (*found == ir::Stage::Planned && !func->hasAttr(kPlan)) {
      func.emitOpError() << "is not allowed in stage planned: it has no " << kPlan;
      return signalPassFailure();
    }
    WalkResult result = func.getBody().walk([&](Operation* op) {
      return failed(verifyOp(op, *found)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (result.wasInterrupted()) signalPassFailure();
  }
};

} // namespace
} // namespace kiln::passes
