// From programs to executables: looks in memory, then on disk, then asks the compiler.
#pragma once

#include "kiln/ir/compiler.h"
#include "kiln/runtime/executable.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::internal {

struct CompiledProgram {
  std::shared_ptr<runtime::Executable> forward;
  std::shared_ptr<runtime::Executable> backward; ///< of a joint program
  std::vector<std::int32_t> residuals;           ///< as ir::CompileResult::residuals
  bool compiled = false;                         ///< this call ran the compiler (not a cache)
  double milliseconds = 0;                       ///< to get it, by whatever way
};

/// Compiles a program or finds it compiled. Throws Error.
CompiledProgram load_program(const ir::Program& program);
/// Compiles anew and keeps every stage's text and the kernels' sources; bypasses the caches.
ir::CompileResult compile_verbose(const ir::Program& program);
/// The compiler library, opened on first use. Throws Error saying where it was looked for.
ir::Compiler& compiler();

} // namespace kiln::internal
