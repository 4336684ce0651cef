// Compiles a Program with this build's compiler, runs it and returns the outputs: what tests of generated
// code need.
#pragma once

#include "buffer.h"

#include "kiln/ir/program.h"

#include <span>
#include <vector>

namespace kiln::test {

/// One buffer for each output. Inputs that are donated are copied first. Throws Error as the compiler does.
std::vector<Buffer> run(const ir::Program& program, std::span<const Buffer> inputs, int threads = 1);

} // namespace kiln::test
