// Reductions across the threads of a warp or a block, as device functions that kernels share. The order of
// combination is fixed, so results are the same bits from run to run.
#pragma once

#include "cuda/Kernel.h"

namespace kiln::codegen::cuda {

inline constexpr int kWarp = 32;

/// The reductions of a body that are finished in this phase.
llvm::SmallVector<const Expr*> reductionsOf(const KernelBody& body, int phase);
/// Names of their accumulators: "sum", "max" …
llvm::SmallVector<std::string> accumulatorNames(llvm::ArrayRef<const Expr*> reductions);
Values neutrals(KernelBuilder& kernel, llvm::ArrayRef<const Expr*> reductions);
mlir::Value combine(KernelBuilder& kernel, const Expr* reduction, mlir::Value a, mlir::Value b);

/// `value` combined over the 32 lanes; every lane gets the result.
mlir::Value warpReduce(KernelBuilder& kernel, const Expr* reduction, mlir::Value value);
/// `value` combined over all threads of a one-dimensional block of `warps` warps; every thread gets the
/// result. `shared` holds 32 elements; it may be used again right after.
mlir::Value blockReduce(KernelBuilder& kernel, const Expr* reduction, mlir::Value value, int warps,
                        mlir::Value shared);

/// The outputs of a body that are stored once per kept point (or, `full`, at every point).
llvm::SmallVector<const Output*> outputsOf(const KernelBody& body, bool full);

} // namespace kiln::codegen::cuda
