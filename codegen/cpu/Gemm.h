// Matrix product kernels. A kernel's body is a loop over items (GemmPlan.h): pack the right operand's block,
// walk the rows tile by tile, keep finished sums in scratch, and hand them to the epilogue, which computes
// and stores the fusion's outputs. Where the sums are the output, tiles are stored there.
#pragma once

#include "cpu/GemmPlan.h"
#include "cpu/Kernel.h"

#include <functional>

namespace kiln::codegen::cpu {

/// Finished sums, as the epilogue finds them: rows [0, rows) and columns [0, columns) of a block whose
/// element (0, 0) is result element (batch…, row, column). Sum (i, j) is sums[offset + i * stride + j].
struct GemmSums {
  llvm::SmallVector<mlir::Value, 2> batch; ///< index of each batch dimension
  mlir::Value row, column;                 ///< index
  mlir::Value rows, columns;               ///< index; columns is at most the plan's blockColumns
  mlir::Value sums;                        ///< flat memref
  std::int64_t stride = 0;
};

/// Emits the loops that turn sums into outputs. The builder is left after them.
using GemmEpilogue = std::function<void(mlir::OpBuilder&, mlir::Location, const GemmSums&)>;

/// Scratch that a kernel of this plan needs.
std::int64_t gemmScratchBytes(const GemmShape& shape, const GemmPlan& plan);
/// Number of work items.
std::int64_t gemmItems(const GemmShape& shape, const GemmPlan& plan);

/// Fills the body of `kernel` (made by createKernel with gemmScratchBytes of scratch) and adds the private
/// tile function to the module. result: the buffer of shape.result, when the plan stores sums.
void emitGemm(mlir::OpBuilder& builder, mlir::ModuleOp module, const KernelFunction& kernel, mlir::Value lhs,
              mlir::Value rhs, mlir::Value result, const GemmShape& shape, const GemmPlan& plan,
              const GemmEpilogue& epilogue);

} // namespace kiln::codegen::cpu
