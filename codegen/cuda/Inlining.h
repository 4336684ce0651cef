// Where an operation's expression may stand: at its one use, when nothing between changes what it reads.
#pragma once

#include "mlir/IR/Operation.h"

namespace kiln::codegen::cuda {

/// Whether its text may be repeated at every use: constants, casts of pointers, elements of a vector.
bool isFree(mlir::Operation* op);

/// Whether evaluating `op` within the statement of its only user gives what evaluating it in its place would.
bool mayBeEvaluatedAtUse(mlir::Operation* op);

} // namespace kiln::codegen::cuda
