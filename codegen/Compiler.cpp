// The compiler behind libkiln: a Program goes through import, pipeline and code generation and comes out as
// an Artifact.
#include "kiln/ir/compiler.h"

#include "Diagnostics.h"
#include "Pipeline.h"
#include "Timing.h"
#include "cpu/Build.h"
#include "cpu/Lower.h"
#include "cuda/CudaBackend.h"

#include "Import.h"
#include "KilnDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;

namespace kiln::codegen {
namespace {

class CompilerImpl final : public ir::Compiler {
public:
  ir::CompileResult compile(const ir::Program& program, const ir::CompileOptions& options) override {
    PhaseTimer timer;
    llvm::StringRef architecture = options.target;
    bool forCuda = architecture.consume_front("cuda:");
    if (!forCuda && options.target != "cpu")
      throw Error("compile: target '" + options.target + "' is not supported, wanted cpu or cuda:sm_90a");
    if (forCuda && !architecture.starts_with("sm_"))
      throw Error("compile: '" + options.target +
                  "' names no CUDA architecture, wanted cuda:sm_90a or the like");
    MLIRContext context;
    context.loadDialect<ir::KilnDialect>();
    cpu::loadKernelDialects(context);
    ErrorCollector errors(context);
    timer.phase("context");

    OwningOpRef<ModuleOp> module = ir::importProgram(context, program);
    timer.phase("import");
    cpu::Target target = cpu::hostTarget();
    passes::PipelineOptions pipeline;
    pipeline.threads = options.threads;
    pipeline.vectorBits = target.vectorBits;
    pipeline.vectorRegisters = target.vectorRegisters();
    pipeline.keepStages = options.keepStages;
    auto lowered = passes::lower(std::move(module), pipeline);
    if (failed(lowered)) errors.raise("compile: a pass failed without an error");
    timer.phase("passes");

    auto build = [&](ModuleOp planned, const std::string& name) {
      auto main = planned.lookupSymbol<func::FuncOp>("main");
      auto artifact =
          forCuda ? cuda::buildArtifact(main, architecture) : cpu::buildArtifact(main, target, options);
      if (failed(artifact)) errors.raise("compile: code generation failed without an error");
      artifact->name = name;
      return std::move(*artifact);
    };
    ir::CompileResult result;
    result.stages = std::move(lowered->stages);
    result.residuals = std::move(lowered->residuals);
    result.artifact = build(*lowered->program, program.name);
    if (lowered->backward) result.backward = build(*lowered->backward, program.name + "_backward");
    timer.phase("release");
    return result;
  }

  std::string version() const override {
    cpu::Target target = cpu::hostTarget();
    return "kiln 0.1.0, LLVM " LLVM_VERSION_STRING ", " + target.name() + " " + target.cpu;
  }
};

} // namespace
} // namespace kiln::codegen

kiln::ir::Compiler* kiln_compiler() {
  static kiln::codegen::CompilerImpl compiler;
  return &compiler;
}
