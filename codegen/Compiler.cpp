// libkiln-compiler's door: a Program is imported, goes through the pipeline, and becomes an Artifact.
#include "kiln/ir/compiler.h"
#include "Diagnostics.h"
#include "Import.h"
#include "Pipeline.h"
#include "Timing.h"
#include "cpu/Build.h"
#include "cpu/Lower.h"

#include "llvm/Config/llvm-config.h"

namespace kiln::codegen {

namespace {

class KilnCompiler : public ir::Compiler {
public:
  ir::CompileResult compile(const ir::Program& program, const ir::CompileOptions& options) override {
    if (options.target != "cpu")
      throw Error("compile: target '" + options.target + "' is not supported, wanted 'cpu'");
    PhaseTimer timer;
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    cpu::loadKernelDialects(context);
    ErrorCollector errors(context);
    auto module = ir::importProgram(context, program);
    timer.phase("import");

    auto lowered = passes::lower(std::move(module), {options.threads, options.keepStages});
    if (mlir::failed(lowered)) errors.raise("compile: a pass failed");
    timer.phase("passes");
    const cpu::Target target = cpu::hostTarget();
    auto build = [&](mlir::ModuleOp half) {
      auto artifact = cpu::buildArtifact(*half.getOps<mlir::func::FuncOp>().begin(), target, options);
      if (mlir::failed(artifact)) errors.raise("compile: code generation failed");
      return std::move(*artifact);
    };
    ir::CompileResult result{.artifact = build(*lowered->program),
                             .residuals = std::move(lowered->residuals),
                             .stages = std::move(lowered->stages)};
    if (lowered->backward) result.backward = build(*lowered->backward);
    timer.phase("code");
    return result;
  }

  std::string version() const override { return "kiln 0.1.0 llvm " LLVM_VERSION_STRING; }
};

} // namespace
} // namespace kiln::codegen

kiln::ir::Compiler* kiln_compiler() {
  static auto* compiler = new kiln::codegen::KilnCompiler;
  return compiler;
}
