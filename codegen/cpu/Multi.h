// Several loops in one kernel: work items are fixed-size pieces of all of them, one after the other.
#pragma once

#include "cpu/Loop.h"

namespace kiln::codegen::cpu {

/// Adds a function `symbol` and its launch to `kernel`: does all bodies, which must be independent of each
/// other. Bodies of equal structure share their code.
void emitParts(ir::FusionOp fusion, llvm::ArrayRef<const KernelBody*> bodies, llvm::StringRef symbol,
               const Target& target, int threads, CpuKernel& kernel);

} // namespace kiln::codegen::cpu
