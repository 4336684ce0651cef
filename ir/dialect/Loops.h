// Which results of a kernel are computed by one loop: what memory planning may rely on and emitters hold to.
#pragma once

#include "KilnOps.h"

namespace kiln::ir {

/// Numbers of the fusion's results, one list for each loop, in order of their first results. All kinds but
/// multi have one loop. In a multi, results of one shape that share computation of their own size are one
/// loop; what results of different shapes share (an operand and its transpose) is computed by each, and so is
/// what is the same for many elements (the learning rate that all updates read).
llvm::SmallVector<llvm::SmallVector<int>> loopsOf(FusionOp fusion);

} // namespace kiln::ir
