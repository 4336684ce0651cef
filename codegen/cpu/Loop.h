// The elementwise loop, shared by loop kernels and the parts of multi kernels.
#pragma once

#include "cpu/Nest.h"

namespace kiln::codegen::cpu {

/// Work items of a body without reductions (-1 when dynamic), and what their grain must be a multiple of.
std::int64_t loopItems(const KernelBody& body);
std::int64_t loopUnit(const KernelBody& body);

/// Does items [begin, end) of the body. Buffers by fusion input and by fusion result.
void emitLoopBody(Frame& frame, const KernelBody& body, mlir::ValueRange inputs, mlir::ValueRange results,
                  mlir::Value begin, mlir::Value end);

} // namespace kiln::codegen::cpu
