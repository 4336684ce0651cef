// All passes: constructors and registration, generated from Passes.td.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace kiln::passes {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "kiln/passes/Passes.h.inc"

} // namespace kiln::passes
