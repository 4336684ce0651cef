// Philox 4x32-10 in arith, on scalars or vectors of counters.
#pragma once

#include "mlir/IR/Builders.h"

#include <array>

namespace kiln::ir {

/// The four i32 words that each 64-bit counter (an i64, or a vector of them) gives under the 64-bit key
/// `seed` (an i64).
std::array<mlir::Value, 4> philoxWords(mlir::OpBuilder& builder, mlir::Location loc, mlir::Value counter,
                                       mlir::Value seed);

} // namespace kiln::ir
