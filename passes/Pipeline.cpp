// The whole compiler between import and code generation, top to bottom.
#include "Pipeline.h"

#include "Passes.h"
#include "Util.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace kiln::passes {

/// The passes that lead from the stage before to `stage`.
static void addPassesTo(ir::Stage stage, OpPassManager& module, const PipelineOptions& options) {
  OpPassManager& func = module.nest<func::FuncOp>();
  switch (stage) {
  case ir::Stage::Captured: // as the frontend recorded it: composites, kiln.gradient
    break;
  case ir::Stage::Differentiated: // no kiln.gradient
    func.addPass(createAutodiff());
    break;
  case ir::Stage::Decomposed: // no composites; elementwise operands have their result's shape
    func.addPass(createDecompose());
    break;
  case ir::Stage::Simplified: // folded, shared, reshapes and transposes at the edges; backward keeps what is
                              // cheapest
    func.addPass(createSimplify());
    func.addPass(createRematerialise());
    module.addPass(createSplit()); // a joint program is two functions from here on
    break;
  case ir::Stage::LaidOut: // contractions know their register tiles
    module.nest<func::FuncOp>().addPass(createPack({options.vectorBits, options.vectorRegisters}));
    break;
  case ir::Stage::Fused: // kernels, aliases and the return
    func.addPass(createFuse({options.threads}));
    break;
  case ir::Stage::Planned: // launch order, buffers and offsets
    func.addPass(createPlanMemory());
    break;
  }
  if (options.verify) module.nest<func::FuncOp>().addPass(createVerifyStage({std::string(ir::name(stage))}));
}

void addPasses(OpPassManager& passes, ir::Stage last, const PipelineOptions& options) {
  for (ir::Stage stage : ir::kStages)
    if (stage <= last) addPassesTo(stage, passes, options);
}

static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, OpPrintingFlags());
  return text;
}

/// Moves @backward to a module of its own, as its @main.
static void takeBackward(Lowered& lowered) {
  auto func = lowered.program->lookupSymbol<func::FuncOp>("backward");
  if (!func) return;
  auto where = (*lowered.program)->getAttrOfType<DenseI32ArrayAttr>(kResiduals);
  lowered.residuals.assign(where.asArrayRef().begin(), where.asArrayRef().end());
  lowered.backward = ModuleOp::create(lowered.program->getLoc());
  func->moveBefore(lowered.backward->getBody(), lowered.backward->getBody()->end());
  func.setName("main");
}

FailureOr<Lowered> lower(OwningOpRef<ModuleOp> captured, const PipelineOptions& options) {
  Lowered lowered;
  lowered.program = std::move(captured);
  // One run for all stages unless their texts are wanted: setting a run up costs as much as a pass.
  auto run = [&](auto addStage) {
    PassManager passes(lowered.program->getContext(), ModuleOp::getOperationName());
    passes.enableVerifier(options.verify);
    addStage(passes);
    return passes.run(*lowered.program);
  };
  if (!options.keepStages) {
    if (failed(run([&](OpPassManager& passes) { addPasses(passes, ir::Stage::Planned, options); })))
      return failure();
  } else {
    for (ir::Stage stage : ir::kStages) {
      if (failed(run([&](OpPassManager& passes) { addPassesTo(stage, passes, options); }))) return failure();
      lowered.stages.push_back(textOf(*lowered.program));
    }
  }
  takeBackward(lowered);
  return lowered;
}

void registerPipelines() {
  // The registry keeps what it is given for the process's life.
  static std::vector<std::unique_ptr<PassPipelineRegistration<>>> registered;
  for (ir::Stage stage : ir::kStages)
    registered.push_back(std::make_unique<PassPipelineRegistration<>>(
        "kiln-to-" + std::string(ir::name(stage)),
        "from the captured stage to " + std::string(ir::name(stage)),
        [stage](OpPassManager& passes) { addPasses(passes, stage, {.verify = true}); }));
}

} // namespace kiln::passes
