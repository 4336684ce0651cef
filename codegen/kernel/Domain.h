// Which domain a fusion is walked over: from its largest reduction, or its largest result.
#pragma once

#include "kernel/Indices.h"

#include "mlir/IR/Block.h"

namespace kiln::codegen {

/// Dims of a domain of this shape, without those of size one (one reduced dim stays if all reduced ones are
/// 1).
llvm::SmallVector<Dim> domainOf(llvm::ArrayRef<std::int64_t> shape, llvm::ArrayRef<std::int64_t> reduced,
                                bool keepUnits);

/// The reduction whose operand is largest decides the domain; null when there is none.
mlir::Operation* mainReduction(llvm::ArrayRef<mlir::Value> yields);

/// Shape of a loop's domain: that of the largest yield, or a finer one of the same elements used inside.
Shape loopShape(mlir::Block& block, llvm::ArrayRef<mlir::Value> yields);

} // namespace kiln::codegen
