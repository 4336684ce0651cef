// Our own forms of math functions, where upstream's polynomials are slower or wrong at the edges, or where it
// has none: in f64.
#pragma once

#include "cpu/Target.h"

#include "mlir/IR/PatternMatch.h"

namespace kiln::codegen::cpu {

/// f32: exp, expm1, erf, pow, sin, cos, atan, and log of denormals. f64: exp, expm1, tanh, log, sin, cos, and
/// pow where the target multiplies and adds in one rounding. What stays is left to upstream's polynomials and
/// libm.
void populateMathExpansions(mlir::RewritePatternSet& patterns, const Target& target);

} // namespace kiln::codegen::cpu
