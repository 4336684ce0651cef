// Opens a shared library of ours when it is first needed (the compiler, on the first cache miss).
#pragma once

#include <string>

namespace kiln::runtime {

/// Address of `symbol` in `library` ("kiln-compiler" is libkiln-compiler.so.0). Looked for in the file or
/// directory that the environment variable names; without one, beside libkiln, in ../lib of it, and on the
/// loader's own path. The library is opened once and stays. Throws Error naming every place that was tried
/// and why it failed.
void* load_symbol(const std::string& library, const std::string& symbol,
                  const char* environment = "KILN_COMPILER_PATH");

} // namespace kiln::runtime
