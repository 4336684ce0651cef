// Values that are another look at memory: chains of shape ops that a contraction reads through, and the order
// of rows in which it stores.
#pragma once

#include "Util.h"

namespace kiln::passes {

/// What a contraction reads for `operand`: the value at the end of a chain of transposes, slices, broadcasts
/// and reshapes that split dimensions, as far as rows or columns remain contiguous; `operand` itself when
/// there is no such chain.
mlir::Value viewedFrom(mlir::Value operand);

/// Whether the last dimension longer than 1 stays the last, so that rows are moved whole.
bool movesWholeRows(ir::TransposeOp op);

} // namespace kiln::passes
