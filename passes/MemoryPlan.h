// The steps of plan-memory.
#pragma once

#include "Util.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kiln::passes {

/// Per output: the argument whose buffer it is stored in, or -1.
using Donations = llvm::SmallVector<int, 8>;

/// The fusion result or argument that `value` is another shape of.
mlir::Value rootOf(mlir::Value value);

/// Makes every output the result of a fusion of its own, by copies where it is not one or cannot be made in
/// its place.
Donations settleOutputs(mlir::func::FuncOp func);

/// Moves fusions so that old state is read before it is overwritten and little memory is alive at a time.
void orderLaunches(mlir::func::FuncOp func, const Donations& donations);

/// Sets kiln.plan and slots.
void assignMemory(mlir::func::FuncOp func, const Donations& donations);

} // namespace kiln::passes
