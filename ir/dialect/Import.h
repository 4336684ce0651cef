// Program records to MLIR: the first thing the compiler does.
#pragma once

#include "kiln/ir/program.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace kiln::ir {

/// Names of the attributes of @main's arguments.
inline constexpr llvm::StringLiteral kArgName = "kiln.name"; ///< string: "fc1.weight"
inline constexpr llvm::StringLiteral kArgDonated =
    "kiln.donated"; ///< i64: the output stored in this input's buffer

/// A module whose @main holds one op for each call, verified. Locations are the module path over the user's
/// line. Joint programs give the function attributes kiln.forward_inputs and kiln.forward_outputs. Throws
/// Error naming the op and its location when the program is not valid. Loads the dialects it needs.
mlir::OwningOpRef<mlir::ModuleOp> importProgram(mlir::MLIRContext& context, const Program& program);

} // namespace kiln::ir
