// The groups of math expansions, one file each; populateMathExpansions adds them all.
#pragma once

#include "cpu/Target.h"

#include "mlir/IR/PatternMatch.h"

namespace kiln::codegen::cpu {

constexpr llvm::StringLiteral kDone = "kiln.done"; ///< marks an op that its own expansion has made
constexpr int kPreferred = 10;                     ///< above the benefit of upstream's polynomials

/// Whether values of this type are expanded here: f64 as a scalar or a vector of rank one.
bool isExpandableF64(mlir::Type type);

void populateExponentials(mlir::RewritePatternSet& patterns, const Target& target); ///< exp, expm1, tanh
void populateLogarithms(mlir::RewritePatternSet& patterns);
void populatePowers(mlir::RewritePatternSet& patterns, const Target& target);
void populateWaves(mlir::RewritePatternSet& patterns); ///< sin and cos

} // namespace kiln::codegen::cpu
