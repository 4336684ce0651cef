// The ops of the kiln dialect (generated from the families' .td files).
#pragma once

#include "KilnDialect.h"
#include "KilnInterfaces.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "kiln/dialect/KilnEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "kiln/dialect/KilnAttrs.h.inc"
#define GET_OP_CLASSES
#include "kiln/dialect/KilnOps.h.inc"
