// Our own forms of math functions, where upstream's polynomials are slower or wrong at the edges.
#pragma once

#include "cpu/Target.h"

#include "mlir/IR/PatternMatch.h"

namespace kiln::codegen::cpu {

/// f32 only, preferred to the polynomial patterns: exp in fewer steps (relative error 2e-7), log of
/// denormals.
void populateMathExpansions(mlir::RewritePatternSet& patterns, const Target& target);

} // namespace kiln::codegen::cpu
