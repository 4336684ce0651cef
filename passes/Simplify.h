// The rewrite patterns of `simplify`, by subject.
#pragma once

#include "mlir/IR/PatternMatch.h"

namespace kiln::passes {

/// Constants are folded, identities and inverses dropped, chains with constants shortened.
void populateAlgebraPatterns(mlir::RewritePatternSet& patterns);
/// Movement ops are composed, absorbed by what reads or makes their operand, and dropped where nothing moves.
void populateMovementPatterns(mlir::RewritePatternSet& patterns);
/// Reshapes are pushed to the edges by computing elementwise ops and reductions at the lowest rank that
/// serves.
void populateReshapePatterns(mlir::RewritePatternSet& patterns);
/// Transposes and batch broadcasts around a contraction become its flags, or one larger contraction.
void populateContractionPatterns(mlir::RewritePatternSet& patterns);
/// Sums of parts padded with zeros become one tensor that holds each part once.
void populatePartPatterns(mlir::RewritePatternSet& patterns);
/// Tensors without elements are constants, and nothing reads them.
void populateEmptyPatterns(mlir::RewritePatternSet& patterns);

} // namespace kiln::passes
