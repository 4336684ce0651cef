// Adding or writing slices (index_add, index_copy) or elements (scatter_add, scatter) at positions held in a
// tensor.
#pragma once

#include "cpu/Nest.h"

namespace kiln::codegen::cpu {

/// result[…, indices[i], …] += update[…, i, …] along `dim`, or = where it replaces.
struct IndexedAdd {
  mlir::Value result, indices, update;
  std::uint64_t dim;
  bool elements; ///< indices have the update's shape; else an index moves a whole slice
  bool replaces;
};

/// Adds the launch that does it; the result's buffer already holds what is added to. Additions run in index
/// order within a work item and no two items write the same place: deterministic.
mlir::LogicalResult emitIndexedAdd(ir::FusionOp fusion, const IndexedAdd& add, const Target& target,
                                   int threads, CpuKernel& kernel);

} // namespace kiln::codegen::cpu
