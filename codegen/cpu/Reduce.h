// Reductions: what row and column kernels share. A row kernel reduces along the vectors (the domain's last
// dimension is reduced), a column kernel keeps the last dimension and has one accumulator per column.
//
// Work items are kept points (rows) or blocks of columns. Where these are few and each is long, the first
// reduced dimension is cut in chunks of a size that depends on shapes alone: one launch writes a partial
// result per chunk, a second combines them in order. So the bits never depend on the number of threads.
#pragma once

#include "cpu/Nest.h"

namespace kiln::codegen::cpu {

/// How a reduction's domain is walked.
struct ReducePlan {
  explicit ReducePlan(const KernelBody& body, const Target& target);

  const KernelBody& body;
  int lanes, unroll;
  bool alongRow;                          ///< the last dimension is reduced
  llvm::SmallVector<unsigned, 4> kept;    ///< without the vector dimension
  llvm::SmallVector<unsigned, 4> reduced; ///< in order; for rows the last is the vector dimension
  llvm::SmallVector<llvm::SmallVector<const Expr*, 2>> phases; ///< the Reduces of each phase
  std::int64_t columnBlocks = 1;          ///< column kernels: blocks of unroll * lanes columns
  std::int64_t items = 1;                 ///< without chunks
  std::int64_t chunks = 1, chunkSize = 0; ///< of the first reduced dimension
  std::int64_t scratchBytes = 0;
  llvm::SmallVector<const Expr*> keptInScratch; ///< row kernels: dear values that later phases use again

  std::int64_t columns() const { return body.dims.back().size; }
};

/// Part of the first reduced dimension that an item works on.
struct ReducedRange {
  mlir::Value lower, upper;
  std::optional<std::int64_t> size;
};

/// What a kernel function does of a plan: everything, only the partial results of chunks, or the end from
/// these.
enum class ReduceStep { Whole, Partial, Finish };

/// Buffers by fusion input and result, and the partial results (one per Reduce; empty for Whole).
struct ReduceBuffers {
  mlir::ValueRange inputs, results, partials;
};

void emitRows(Frame& frame, const ReducePlan& plan, ReduceStep step, const ReduceBuffers& buffers,
              mlir::Value begin, mlir::Value end, mlir::Value scratch);
void emitColumns(Frame& frame, const ReducePlan& plan, ReduceStep step, const ReduceBuffers& buffers,
                 mlir::Value begin, mlir::Value end);

/// Neutral element of a Reduce, in every lane (lanes = 0: a scalar).
mlir::Value neutral(Frame& frame, const Expr* reduce, int lanes);
mlir::Value combine(Frame& frame, const Expr* reduce, mlir::Value a, mlir::Value b);
/// All lanes combined, by halves.
mlir::Value combineLanes(Frame& frame, const Expr* reduce, mlir::Value vector);
/// Combines the elements of `group` of the reduce's operand into accumulator `sum`.
mlir::Value accumulate(Frame& frame, Evaluator& evaluator, const Expr* reduce, mlir::Value sum,
                       const Lanes& group);

} // namespace kiln::codegen::cpu
