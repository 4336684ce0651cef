// CUDA C++ text of a gpu.module: readable, the same for the same module, with no includes (it is meant to
// follow the prelude). Speaks arith, math, scf, gpu, func and flat memref and vector loads and stores; any
// other operation is an error that names it.
#pragma once

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Support/LLVM.h"

#include <string>
#include <vector>

namespace kiln::codegen::cuda {

/// A kernel, a device function or a table of numbers.
struct PrintedFunction {
  std::string name;
  bool kernel = false;
  std::string text;                 ///< ends with a newline
  std::vector<std::string> callees; ///< device functions and tables that it uses
};

/// Discardable attributes that the printer reads.
inline constexpr llvm::StringLiteral kNameAttr = "kiln.name";      ///< argument: StrAttr, the wanted name
inline constexpr llvm::StringLiteral kMayAliasAttr = "kiln.alias"; ///< argument: UnitAttr, no __restrict__
inline constexpr llvm::StringLiteral kWideIndexAttr = "kiln.wide"; ///< function: UnitAttr, 64-bit index type
inline constexpr llvm::StringLiteral kUnrollAttr = "kiln.unroll";  ///< scf.for: UnitAttr, #pragma unroll

/// All functions in the module's order, which must put callees first. Kernels are gpu.func with the `kernel`
/// attribute, device functions are func.func, tables are memref.global. A NameLoc at an operation's location
/// names its first result.
mlir::FailureOr<std::vector<PrintedFunction>> printFunctions(mlir::gpu::GPUModuleOp module);

} // namespace kiln::codegen::cuda
