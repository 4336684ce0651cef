// How a block walks a body without reductions: its threads take `width` elements each, `count` times over.
#pragma once

#include "cuda/Kernel.h"

namespace kiln::codegen::cuda {

struct Pieces {
  static constexpr int kThreads = 256, kInFlight = 2;

  int width = 1;         ///< elements that a thread takes at once
  int count = kInFlight; ///< pieces in flight

  std::int64_t perPiece() const { return std::int64_t(kThreads) * width; }
  std::int64_t perBlock() const { return perPiece() * count; }
};

/// Computes and stores what block number `block` owns of the body's `points` elements (both of type index).
/// exact: blocks end where the points do, so that no element needs a check.
void emitPieces(KernelBuilder& kernel, const KernelBody& body, mlir::Value block, mlir::Value points,
                Pieces pieces, bool exact);

} // namespace kiln::codegen::cuda
