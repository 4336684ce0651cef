// All passes. Each runs on the module that holds @main.
#ifndef KILN_PASSES
#define KILN_PASSES
include "mlir/Pass/PassBase.td"

#endif // KILN_PASSES
