// Sorting places by their keys (argsort).
#pragma once

#include "cuda/Kernel.h"

namespace kiln::ir {
class ArgsortOp;
}

namespace kiln::codegen::cuda {

mlir::LogicalResult emitSort(Emission& emission, ir::ArgsortOp op);

} // namespace kiln::codegen::cuda
