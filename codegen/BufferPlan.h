// Reads the buffer plan that the plan-memory pass left on @main.
#pragma once

#include "kiln/runtime/artifact.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kiln::codegen {

/// Name of the attribute on a scatter fusion: for each result the input that it is written over, or -1.
inline constexpr llvm::StringLiteral kInPlace = "kiln.in_place";

/// An artifact with slots, arena, peak and lower bound filled in from attribute kiln.plan.
mlir::FailureOr<runtime::Artifact> readPlan(mlir::func::FuncOp main);

} // namespace kiln::codegen
