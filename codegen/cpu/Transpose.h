// Squares of elements turned in registers.
#pragma once

#include "mlir/IR/Builders.h"

namespace kiln::codegen::cpu {

/// Vectors become columns of what they were rows of: as many as each has lanes, a power of two. In shuffles
/// that are one instruction each on every level.
void transpose(mlir::OpBuilder& builder, mlir::Location loc, llvm::SmallVectorImpl<mlir::Value>& rows,
               std::int64_t elementBytes);

} // namespace kiln::codegen::cpu
