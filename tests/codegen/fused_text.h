// Runs hand-written IR of the fused stage: kernels apart from the passes before them.
#pragma once

#include "../support/buffer.h"

#include <initializer_list>
#include <string>
#include <utility>

namespace kiln::test {

/// text: a module whose @main holds fusions (and reshapes of their results). Every value gets a buffer of its
/// own.
std::vector<Buffer> runFused(const std::string& text, std::span<const Buffer> inputs, int threads = 1);

/// As if no result fitted in this machine's caches, each lying so many bytes behind a multiple of 64.
std::vector<Buffer> runFusedBeyondCaches(const std::string& text, std::span<const Buffer> inputs, int offset,
                                         int threads = 1);

/// The kernels' modules before lowering, as text.
std::string kernelText(const std::string& text, bool beyondCaches = false);

/// The text with "$n" replaced by the size given for 'n'.
std::string sized(std::string text, std::initializer_list<std::pair<char, int>> sizes);

} // namespace kiln::test
