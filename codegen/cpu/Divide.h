// Division of vectors of whole numbers, which no CPU has: by floats.
#pragma once

#include "cpu/Target.h"

#include "mlir/IR/BuiltinOps.h"

namespace kiln::codegen::cpu {

/// Whether it is a quotient or a remainder of vectors of integers.
bool dividesVectors(mlir::Operation* op);

/// Rewrites those: up to 32 bits always, 64 bits where the target rounds to whole numbers in one instruction.
mlir::LogicalResult expandDivisions(mlir::ModuleOp module, const Target& target);

} // namespace kiln::codegen::cpu
