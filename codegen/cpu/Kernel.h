// What a CPU emitter makes of one fusion: an MLIR module with a function per launch, and how to launch them.
// Emitters are one function each; Emit.cpp picks one. Lowering to an object is Lower.h.
#pragma once

#include "cpu/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstdint>
#include <string>

namespace kiln::ir {
class FusionOp;
}

namespace kiln::codegen::cpu {

/// One launch of a kernel: kernel(args of `buffers`, begin, end, scratch) over [0, items).
struct KernelLaunch {
  std::string symbol;
  /// Fusion inputs are 0 …, then its results, then CpuKernel::temps.
  llvm::SmallVector<int> buffers;
  std::int64_t items = 0; ///< -1: the caller gives the size (dynamic)
  std::int64_t grain = 1;
};

struct CpuKernel {
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< func.func @symbol for each launch, see KernelFunction
  llvm::SmallVector<KernelLaunch> launches; ///< in order
  llvm::SmallVector<std::int64_t> temps; ///< bytes of buffers that pass partial results between the launches
  std::int64_t scratchBytes = 0;         ///< per thread, 64-byte aligned
};

/// A kernel's function: func.func @symbol(%b0: memref<NxT>, …, %begin: index, %end: index, %scratch:
/// memref<SxI8>). All memrefs are flat, of static size, row-major and 64-byte aligned; bool is memref<Nxi8>.
/// Lowering (Lower.h) uses bare pointers and adds the runtime's C signature around each public function, so
/// that bodies read as plain loops over arrays. Helper functions are private.
struct KernelFunction {
  mlir::func::FuncOp func;
  llvm::SmallVector<mlir::Value> buffers;
  mlir::Value begin, end; ///< index
  mlir::Value scratch;    ///< memref<scratchBytes x i8>: memref.view gives typed parts
};

/// Bytes at whose multiples the runtime's buffers begin.
inline constexpr std::int64_t kBufferAlignment = 64;

/// Flat memref that holds a tensor of this type (bool as i8; a dynamic one as a very large memref).
mlir::MemRefType bufferType(mlir::Type tensorType);

/// Declares the function with a body block ending in func.return; the builder is left before the return.
KernelFunction createKernel(mlir::OpBuilder& builder, mlir::ModuleOp module, llvm::StringRef symbol,
                            llvm::ArrayRef<mlir::MemRefType> buffers, std::int64_t scratchBytes,
                            mlir::Location loc);

/// Grain for a launch: the whole of small launches (less than ~20 us of work), otherwise a few pieces per
/// thread. `unit`: the grain is a multiple of it.
std::int64_t chooseGrain(std::int64_t items, double nanosecondsPerItem, int threads, std::int64_t unit = 1);

/// The emitter of the fusion's kind. Fails with an op error for a fusion that it cannot express.
mlir::FailureOr<CpuKernel> emitKernel(ir::FusionOp fusion, const Target& target, int threads);

// Emitters by kind.
mlir::FailureOr<CpuKernel> emitLoop(ir::FusionOp fusion, const Target& target, int threads);
mlir::FailureOr<CpuKernel> emitReduce(ir::FusionOp fusion, const Target& target, int threads);
mlir::FailureOr<CpuKernel> emitContraction(ir::FusionOp fusion, const Target& target,
                                           int threads); // Gemm*.cpp
mlir::FailureOr<CpuKernel> emitMulti(ir::FusionOp fusion, const Target& target, int threads);
mlir::FailureOr<CpuKernel> emitScatter(ir::FusionOp fusion, const Target& target, int threads);

} // namespace kiln::codegen::cpu
