// Indices that would read or write outside a tensor: looked at before anything runs, so that nothing is lost.
#pragma once

#include "core/apply.h"
#include "kiln/ir/infer.h"

namespace kiln::internal {

/// The indices that are allowed: [first, end), and `ignored`.
struct IndexRange {
  std::int64_t first = 0, end = 0;
  std::optional<std::int64_t> ignored = {};
};

/// Throws Error("<op>: <phrase>: got <index>, wanted <first> to <end - 1>") for the first index outside.
/// indices: i64. Under capture, indices that are elements of one of the program's inputs, of any dtype of
/// integers, are checked before each run; those that the program computes are not.
void check_indices(const char* op, const char* phrase, const Tensor& indices, const IndexRange& range);

/// A check of a compiled program.
struct IndexCheck {
  std::uint32_t input = 0; ///< of the program
  DType dtype = kInt64;    ///< the input's, of integers
  ir::Strided place;       ///< where the indices lie in it
  Shape shape;             ///< theirs
  IndexRange range;
  std::string text; ///< "<op>: <phrase>"
  ir::Location where;

  void run(const void* input) const; ///< throws Error
};

} // namespace kiln::internal
