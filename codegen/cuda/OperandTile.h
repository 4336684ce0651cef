// An operand of a matrix product on its way to shared memory, tile by tile. Operands are read through their
// own expressions, so that transposes, slices and casts cost nothing extra.
//
// Each thread brings four elements of either operand for every step along the inner dimension, as one vector
// where they lie side by side. They are fetched into registers while the step before is multiplied, and put
// into the other half of the tile's memory: one barrier a step, and nobody waits for the device's memory.
#pragma once

#include "cuda/Evaluate.h"

namespace kiln::codegen::cuda {

/// Tile of one block: `side` rows and columns of the result, `depth` of the inner dimension, kThreads *
/// kFetched elements of an operand; a thread computes (side / 16)^2 elements.
struct Tile {
  static constexpr int kThreads = 256, kSide = 16; ///< a block is 16 x 16 threads
  static constexpr int kFetched = 4;               ///< elements of an operand that a thread fetches in a step

  int side, depth;
  int each() const { return side / kSide; }
  int part() const { return std::min(each(), 4); } ///< neighbours among a thread's rows, and columns
  int pitch() const { return side + 4; } ///< a row of a tile in shared memory: 4 more, against bank conflicts
  int stage() const { return depth * pitch(); } ///< elements of shared memory that one step fills
};

/// One operand: its elements, and which of its two last dimensions is the inner one.
struct Operand {
  KernelBody body;
  bool innerLast; ///< [.., side, inner] rather than [.., inner, side]
  std::int64_t side, inner;

  std::int64_t steps(Tile tile) const { return ceilDiv(inner, tile.depth); }
  unsigned innerDim() const { return body.dims.size() - (innerLast ? 1 : 2); }
  unsigned sideDim() const { return body.dims.size() - (innerLast ? 2 : 1); }
  /// Whether consecutive threads take consecutive elements of the inner dimension.
  bool walksInner() const;
  /// Whether a thread's elements lie side by side in memory and are loaded as one vector.
  bool isVector() const;
};

using Bounds = llvm::SmallVector<std::pair<unsigned, mlir::Value>>;

/// What one thread does for an operand's tile: fetches its elements, puts them into shared memory.
class Carrier {
public:
  /// Allocates the tile's memory; sideStart: the operand's first row or column in it.
  Carrier(KernelBuilder& kernel, Operand& operand, Tile tile, mlir::Type type, mlir::Value thread,
          mlir::Value sideStart, const Bounds& batch, llvm::StringRef name);

  /// This thread's elements of the step that begins at innerStart; zeros beyond the operand's edges. `end`,
  /// when given: steps from there on are not wanted, and are zeros too.
  mlir::Value fetch(mlir::Value innerStart, mlir::Value end = {});
  /// Puts them into the half of the memory that begins at `half`.
  void put(mlir::Value elements, mlir::Value half);

  mlir::Value memory;

private:
  std::pair<mlir::Value, mlir::Value>
  place(mlir::Value piece) const; ///< side and inner of a piece, within the tile
  mlir::Value guarded(mlir::Value globalSide, mlir::Value globalInner, mlir::Value end, mlir::Type result,
                      llvm::function_ref<mlir::Value(mlir::Operation*)> read);

  KernelBuilder& kernel;
  Operand& operand;
  Tile tile;
  mlir::VectorType type;
  mlir::Value thread, sideStart;
  const Bounds& batch;
  std::string name;
  bool isVector, walksInner;
  mlir::Value side, inner; ///< of a vector's first element, within the tile
};

} // namespace kiln::codegen::cuda
