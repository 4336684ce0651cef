// The passes, generated from Passes.td, and the named pipelines of Pipeline.cpp.
#pragma once

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace kiln::passes {

#define GEN_PASS_DECL
#include "kiln/passes/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "kiln/passes/Passes.h.inc"

/// Makes pipelines `kiln-to-differentiated` … `kiln-to-planned` known: captured IR to that stage.
void registerPipelines();

} // namespace kiln::passes
