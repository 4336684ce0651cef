// Sorting places by their keys (argsort).
#pragma once

#include "cpu/Nest.h"

namespace kiln::ir {
class ArgsortOp;
}

namespace kiln::codegen::cpu {

/// Adds the launch that sorts each row along the op's dimension.
mlir::LogicalResult emitSort(ir::FusionOp fusion, ir::ArgsortOp op, const Target& target, int threads,
                             CpuKernel& kernel);

} // namespace kiln::codegen::cpu
