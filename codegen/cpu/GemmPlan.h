// What a matrix product is (GemmShape) and how one kernel goes about it (GemmPlan): register tile, blocks,
// what is packed, and how the work is cut into items.
#pragma once

#include "cpu/Target.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace kiln::codegen::cpu {

/// Where element (batch…, row, column) of an operand lies: offset + sum of strides times indices, in
/// elements.
struct GemmOperand {
  std::int64_t offset = 0;
  llvm::SmallVector<std::int64_t, 2> batchStrides; ///< one per batch dimension
  std::int64_t rowStride = 0;                      ///< lhs: along M. rhs: along K.
  std::int64_t columnStride = 0;                   ///< lhs: along K. rhs: along N.
};

/// result[b…, m, n] = sum over k of lhs[b…, m, k] * rhs[b…, k, n].
struct GemmShape {
  llvm::SmallVector<std::int64_t, 2> batch; ///< sizes of the batch dimensions
  std::int64_t m = 1, n = 1, k = 1;
  GemmOperand lhs, rhs;
  std::optional<GemmOperand> result; ///< where the sums go, when they are stored as they are
  mlir::FloatType element;

  std::int64_t batches() const;
  double flops() const { return 2.0 * double(batches()) * double(m) * double(n) * double(k); }
  std::int64_t elementBytes() const { return element.getIntOrFloatBitWidth() / 8; }
};

/// How the right operand reaches the tile, which reads `tileColumns` adjacent elements for each k.
enum class RhsPacking {
  None,      ///< in place: rows are contiguous along N, and read too seldom for copying to pay
  Copy,      ///< panels copied row by row
  Transpose, ///< contiguous along K: panels made by transposing squares in registers
  Gather,    ///< no unit stride: element by element
};

/// One work item is `chunkRows` x `blockColumns` of one batch's result, all of K. Items are numbered with the
/// row chunk fastest, so that a run of items shares the packed right operand.
struct GemmPlan {
  std::int64_t lanes = 16;        ///< elements of a vector
  std::int64_t tileRows = 8;      ///< of the register tile
  std::int64_t tileVectors = 2;   ///< columns of the register tile, in vectors
  std::int64_t blockColumns = 32; ///< multiple of tileColumns()
  std::int64_t chunkRows = 8;     ///< multiple of tileRows
  std::int64_t blockDepth = 256;  ///< of K; at least K when the tile runs through K at once
  bool packLhs = false;           ///< copy before use: a tile's rows, or of a transposed operand a chunk's
  RhsPacking packRhs = RhsPacking::Copy;
  bool storeSums = false; ///< strips write to the result, with no scratch and no epilogue
  std::int64_t grain = 1; ///< items

  std::int64_t tileColumns() const { return tileVectors * lanes; }
};

/// The plan for `shape` with the register tile that the pass `pack` has chosen. Depends on `threads` only in
/// the grain; neither changes a result bit.
GemmPlan planGemm(const GemmShape& shape, std::int64_t tileRows, std::int64_t tileColumns,
                  const Target& target, int threads);

} // namespace kiln::codegen::cpu
