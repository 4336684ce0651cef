// A planned program becomes an artifact for this machine: kernels compiled apart and in parallel, then
// linked.
#pragma once

#include "cpu/Target.h"
#include "kiln/ir/compiler.h"
#include "kiln/runtime/artifact.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kiln::codegen::cpu {

/// main: the planned stage (fusions with slots, attribute kiln.plan). Reports failure as diagnostics of
/// main's context.
mlir::FailureOr<runtime::Artifact> buildArtifact(mlir::func::FuncOp main, const Target& target,
                                                 const ir::CompileOptions& options);

} // namespace kiln::codegen::cpu
