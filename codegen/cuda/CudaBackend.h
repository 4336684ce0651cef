// The CUDA side of code generation, as Compiler.cpp sees it.
#pragma once

#include "kiln/runtime/artifact.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::codegen::cuda {

/// What an Artifact for CUDA gets from code generation. Launch::items and grain are the number of elements
/// and the elements of one block in a dynamic program (grid[0] is then 0: ceil(items / grain) blocks, and the
/// number of elements, an int64, is the kernel's last parameter); otherwise KernelInfo::cuda says all.
/// A kernel's parameters are the addresses of the launch's slots, in order and without gaps: some kernels
/// take many of them as one array, so a launch passes a buffer of parameters rather than one pointer for
/// each.
struct CudaProgram {
  std::vector<runtime::KernelInfo> kernels; ///< name, kind, ops, source text and CudaLaunch
  std::vector<runtime::Launch> launches;    ///< in order; slots beyond the plan's are `temps`
  std::vector<runtime::Slot> temps;         ///< partial results; offsets lie beyond the plan's arena
  std::int64_t arenaBytes = 0;              ///< the plan's arena and the temps
  std::string source;                       ///< one translation unit: the prelude and every kernel
};

/// Kernels of every fusion of a planned (or fused) function. Without `slots` on the fusions the
/// launches count buffers by the order of the function's values instead. Fails with an op error.
mlir::FailureOr<CudaProgram> emitCuda(mlir::func::FuncOp main);

/// An artifact for "sm_90a" and the like: the planned stage's slots, launches and kernels. Its image is the
/// translation unit's text, which NVRTC compiles where there is one; its target is "cuda sm_90a".
mlir::FailureOr<runtime::Artifact> buildArtifact(mlir::func::FuncOp main, llvm::StringRef architecture);

} // namespace kiln::codegen::cuda
