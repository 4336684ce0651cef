// Elementwise loops that read an operand across memory, as a transposed one is: by squares of lanes x lanes
// elements that are read along memory and turned in registers.
#pragma once

#include "cpu/Nest.h"

namespace kiln::codegen::cpu {

/// The dimension along which all that the body reads across lies in memory; none when there is no such
/// operand or dimension, or the domain is too narrow for squares.
std::optional<unsigned> squareDim(const KernelBody& body);

/// Work items of a body with a squareDim: blocks of kSquareRows of that dimension and kSquareColumns of the
/// last, for each place in the other dimensions.
std::int64_t squareItems(const KernelBody& body, unsigned dim);
void emitSquares(Frame& frame, const KernelBody& body, unsigned dim, mlir::ValueRange inputs,
                 mlir::ValueRange results, mlir::Value begin, mlir::Value end);

} // namespace kiln::codegen::cpu
