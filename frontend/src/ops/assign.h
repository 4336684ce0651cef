// What every in-place function ends in.
#pragma once

#include "core/apply.h"

namespace kiln::internal {

/// Gives x the value, converted to x's dtype and broadcast to its shape; returns x. Throws Error naming `op`
/// where the value would need another kind of number or a larger shape than x has.
Tensor& assign(const Tensor& x, Tensor value, const char* op);

} // namespace kiln::internal
