// The compiler between import and code generation: captured IR in, planned IR out.
#pragma once

#include "kiln/ir/compiler.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace kiln::passes {

struct PipelineOptions {
  int threads = 1;          ///< that the kernels will run on
  int vectorBits = 512;     ///< width of their vector registers
  int vectorRegisters = 32; ///< how many there are
  bool keepStages = false;  ///< fill Lowered::stages
  bool verify = false;      ///< run the verifier and the stage's spec after each stage
};

struct Lowered {
  mlir::OwningOpRef<mlir::ModuleOp> program;  ///< @main, planned; the forward half of a joint program
  mlir::OwningOpRef<mlir::ModuleOp> backward; ///< @main of the other half; null when the program is not joint
  std::vector<std::int32_t> residuals;        ///< as CompileResult::residuals
  std::vector<std::string> stages;            ///< text of each ir::Stage, by its number
};

/// Takes a captured module (ir::importProgram) to the planned stage. Failures are diagnostics of its context.
mlir::FailureOr<Lowered> lower(mlir::OwningOpRef<mlir::ModuleOp> captured, const PipelineOptions& options);

/// Adds the passes that take a module from the captured stage to `last`.
void addPasses(mlir::OpPassManager& passes, ir::Stage last, const PipelineOptions& options);

} // namespace kiln::passes
