// The entry point of an artifact: native code that launches the program's kernels one after the other.
#pragma once

#include "kiln/runtime/artifact.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace kiln::codegen::cpu {

/// A module (LLVM dialect) with `void artifact.entry(void* const* slots, const RuntimeTable* runtime)`.
mlir::OwningOpRef<mlir::ModuleOp> emitEntry(mlir::MLIRContext& context, const runtime::Artifact& artifact);

} // namespace kiln::codegen::cpu
