// Loops that emitters are made of: a range in groups of vectors with a masked tail, and multi-dimensional
// indices.
#pragma once

#include "cpu/Evaluate.h"
#include "cpu/Kernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>

namespace kiln::codegen::cpu {

using Values = llvm::SmallVector<mlir::Value>;

/// What every emitter has at hand.
struct Frame {
  mlir::OpBuilder& builder;
  mlir::Location loc;
  const Target& target;

  mlir::Value index(std::int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, std::int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// Indices of row-major number `element` in a box of these sizes.
  Values delinearise(mlir::Value element, llvm::ArrayRef<std::int64_t> sizes);
  mlir::Value firstLanes(int count, int lanes);         ///< constant mask
  mlir::Value firstLanes(mlir::Value count, int lanes); ///< mask of the lanes below count

  /// scf.for; `body` is called inside it and returns the carried values of the next round.
  Values loop(mlir::Value lower, mlir::Value upper, std::int64_t step, mlir::ValueRange carried,
              llvm::function_ref<Values(mlir::scf::ForOp loop, mlir::ValueRange carried)> body);
};

/// A range of the vector dimension.
struct VectorRange {
  mlir::Value lower, upper;
  std::optional<std::int64_t> size; ///< upper - lower when known now
  bool aligned = false;             ///< lower is a multiple of 64
};

/// Lanes of all vectors of a range of known size in one group (the last one masked).
llvm::SmallVector<Lanes> allLanes(Frame& frame, std::int64_t size, int lanes);

/// Calls `body` for groups of `unroll` vectors and then for the rest vector by vector, the last masked.
/// `carried` goes through all of them: `body` returns it changed (an accumulator for each Lanes::unroll,
/// say).
Values walk(Frame& frame, Evaluator& evaluator, const VectorRange& range, int unroll,
            llvm::function_ref<Values(llvm::ArrayRef<Lanes>, mlir::ValueRange carried)> body,
            Values carried = {});

/// Lanes that suit a body's element types: those of f64 when it computes in f64, else of 4-byte elements.
int chooseLanes(const KernelBody& body, const Target& target);
/// Vectors in a group: 4, or all of 64 elements when random bits are shared between them.
int chooseUnroll(const KernelBody& body, int lanes);

/// Buffer types of a fusion: inputs, then results.
llvm::SmallVector<mlir::MemRefType> bufferTypes(ir::FusionOp fusion);
/// Expected time of the whole body on one thread.
double estimateNanoseconds(const KernelBody& body);

/// Evaluates all outputs for these vectors, then stores them. (Loads come first: an output may share an
/// input's memory.)
void storeOutputs(Evaluator& evaluator, llvm::ArrayRef<Output> outputs, mlir::ValueRange resultBuffers,
                  llvm::ArrayRef<Lanes> lanes);

} // namespace kiln::codegen::cpu
