// A program's IR and kernels as files, for people to read.
#pragma once

#include "kiln/ir/program.h"

#include <string>

namespace kiln::internal {

/// Compiles the program again with its texts kept, and writes the IR of each stage ("3-simplified.mlir") and
/// each kernel's source ("kernel-0-NAME.mlir") into `directory`, which is created. Throws Error naming the
/// file that cannot be written.
void write_dump(const ir::Program& program, const std::string& directory);

/// What environment variable KILN_DUMP=dir asks for: each program that this process captures, once, into
/// dir/NAME-HASH. Throws Error as write_dump.
void dump_if_asked(const ir::Program& program);

} // namespace kiln::internal
