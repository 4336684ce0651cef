// What users are told of a kernel: the same for every backend.
#pragma once

#include "kiln/runtime/artifact.h"

namespace kiln::ir {
class FusionOp;
}

namespace kiln::codegen {

/// Name, kind, ops, location, bytes and FLOPs of a fusion; `source` and `cuda` are left to the backend.
runtime::KernelInfo describeKernel(ir::FusionOp fusion);

} // namespace kiln::codegen
