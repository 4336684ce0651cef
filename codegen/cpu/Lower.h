// From a kernel module to machine code. A kernel module holds func.func in scf, arith, math, memref, vector,
// cf, ub (and llvm). A public func.func is a kernel: it takes flat memrefs of static size (one per slot),
// index begin, index end and memref<Nxi8> scratch (Kernel.h, createKernel), and leaves here as
//   void name(void* const* args, int64_t begin, int64_t end, void* scratch)
// (kiln/runtime/artifact.h). Private functions become internal. llvm.func passes through as it is.
#pragma once

#include "cpu/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"

#include <string>

namespace kiln::codegen::cpu {

/// Milliseconds of each phase of one lowering.
struct LowerTimes {
  double mlir = 0;      ///< kernel dialects to the LLVM dialect
  double translate = 0; ///< to LLVM IR, and the few LLVM passes
  double emit = 0;      ///< instruction selection to object bytes
  double total() const { return mlir + translate + emit; }
};

struct LoweredObject {
  std::string object; ///< ELF relocatable bytes
  LowerTimes times;
};

/// Dialects that kernel modules use and what translating them needs. Load once per context, before any
/// thread lowers.
void loadKernelDialects(mlir::MLIRContext& context);

/// Lowers `module` (which is changed: it holds the LLVM dialect afterwards) to an object file for `target`.
/// Fails with a diagnostic that names the op, for example a vector math function that neither the
/// polynomials nor the hardware have. Threads may lower at once, each its own module.
mlir::FailureOr<LoweredObject> lowerToObject(mlir::ModuleOp module, const Target& target);

/// The first half alone, for tests and dumps: `module` in the LLVM dialect.
mlir::LogicalResult lowerToLLVMDialect(mlir::ModuleOp module, const Target& target);

} // namespace kiln::codegen::cpu
