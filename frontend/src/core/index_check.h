// Indices that would read outside a tensor. Checked in eager mode, where the values are at hand on the host;
// a compiled program must not wait for them.
#pragma once

#include "core/apply.h"

namespace kiln::internal {

/// Throws Error("<op>: <phrase>: got <index>, wanted 0 to <limit - 1>") for the first index outside [0,
/// limit) other than `ignored`. indices: i64. Does nothing under capture.
void check_indices(const char* op, const char* phrase, const Tensor& indices, std::int64_t limit,
                   std::optional<std::int64_t> ignored = {});

} // namespace kiln::internal
