// The groups of math expansions, one file each; populateMathExpansions adds them all.
#pragma once

#include "cpu/Floats.h"
#include "cpu/Target.h"

#include "mlir/IR/PatternMatch.h"

#include <limits>

namespace kiln::codegen::cpu {

constexpr int kPreferred = 10; ///< above the benefit of upstream's polynomials
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Of f64: ln 2 in two parts, the first so short that n times it is exact.
constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
/// q of exp(r) = 1 + r + r^2 q(r), |r| <= ln 2 / 2, with a relative error of exp(r) - 1 of 1e-18 in f64 and
/// 1e-9 in f32.
mlir::Value expTail(Floats& f, mlir::Value r);

/// Whether values of this type are expanded here: f64 as a scalar or a vector of rank one.
bool isExpandableF64(mlir::Type type);

void populateExponentials(mlir::RewritePatternSet& patterns, const Target& target); ///< exp, expm1, tanh
void populateLogarithms(mlir::RewritePatternSet& patterns);
void populatePowers(mlir::RewritePatternSet& patterns, const Target& target);
void populateWaves(mlir::RewritePatternSet& patterns); ///< sin and cos

} // namespace kiln::codegen::cpu
