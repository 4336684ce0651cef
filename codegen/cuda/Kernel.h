// Building blocks of CUDA kernels: a gpu.func with its buffers, thread and block numbers, loops and index
// arithmetic. What a fusion becomes is a list of launches over such kernels.
#pragma once

#include "kernel/KernelBody.h"
#include "kiln/runtime/artifact.h"

#include "KilnOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <string>

namespace kiln::codegen::cuda {

using Values = llvm::SmallVector<mlir::Value>;

/// One launch of a kernel of the module.
struct KernelLaunch {
  std::string symbol;
  llvm::SmallVector<int> buffers; ///< fusion inputs are 0 …, then its results, then FusionKernels::temps
  runtime::CudaLaunch cuda;
  std::int64_t items = 0; ///< -1: dynamic, the last parameter is the number of elements (int64)
  std::int64_t grain = 0; ///< dynamic: elements of one block; the grid is ceil(items / grain)
};

/// What an emitter makes of one fusion.
struct FusionKernels {
  llvm::SmallVector<KernelLaunch> launches;  ///< in order
  llvm::SmallVector<mlir::MemRefType> temps; ///< buffers that pass partial results between the launches
};

/// What emitters share: the module under construction and the fusion at hand.
struct Emission {
  mlir::gpu::GPUModuleOp module;
  ir::FusionOp fusion;
  std::string name;                          ///< unique in the module
  llvm::SmallVector<mlir::MemRefType> types; ///< of each buffer: inputs, results, temps
  llvm::SmallVector<std::string> names;      ///< of each buffer
  llvm::SmallVector<int> memory;             ///< of each buffer: the first one that is the same memory
  llvm::SmallVector<bool> overlaps;          ///< of each buffer: one of other memory may share bytes with it
  FusionKernels kernels;

  Emission(mlir::gpu::GPUModuleOp module, ir::FusionOp fusion);
  std::size_t inputs() const;
  /// Whether a buffer has more elements than 32 bits count.
  bool needsWideIndex() const;
  /// Whether another buffer of the fusion may hold bytes of this one.
  bool mayAlias(int buffer) const { return overlaps[buffer] || llvm::count(memory, memory[buffer]) > 1; }
  /// A name for a function or table that the module does not have yet.
  std::string unusedSymbol(llvm::StringRef base);
  /// A new buffer for partial results; returns its number.
  int addTemp(mlir::Type element, std::int64_t count, llvm::StringRef name);
};

/// Element type of values computed with: signless for integers.
mlir::Type valueType(mlir::Type element);
/// Flat memref that holds a tensor of this type.
mlir::MemRefType bufferType(mlir::Type tensorType);

/// Buffers of one element type whose pointers are one parameter of a kernel, an array of them.
struct PointerTable {
  llvm::SmallVector<int> buffers;
  std::string name;
  bool mayAlias = false;
};

/// Builds one kernel, or a device function.
class KernelBuilder {
public:
  /// A kernel whose parameters are these tables, then these buffers of the emission (and, when dynamic, the
  /// number of elements).
  KernelBuilder(Emission& emission, llvm::StringRef symbol, llvm::ArrayRef<int> buffers,
                const runtime::CudaLaunch& launch, bool dynamic = false,
                llvm::ArrayRef<PointerTable> tables = {});
  /// Code in a function that exists already; the builder stands where its code goes.
  KernelBuilder(Emission& emission, mlir::Operation* function, mlir::OpBuilder builder);

  mlir::OpBuilder b;
  mlir::Location loc;
  Emission& emission;
  mlir::Operation* function;
  Values buffers;                            ///< by buffer number; null for those that are not parameters
  llvm::DenseMap<int, std::string> ownNames; ///< of buffers that this function calls otherwise
  Values tables;                             ///< memrefs of memrefs
  mlir::Value elements;                      ///< dynamic: index

  const std::string& nameOf(int buffer) const {
    auto own = ownNames.find(buffer);
    return own == ownNames.end() ? emission.names[buffer] : own->second;
  }
  mlir::Value thread(mlir::gpu::Dimension axis = mlir::gpu::Dimension::x, llvm::StringRef name = "thread");
  mlir::Value block(mlir::gpu::Dimension axis = mlir::gpu::Dimension::x, llvm::StringRef name = "block");
  /// Numbers known now, which the kernel reads from the device's memory: type index.
  mlir::Value numbers(llvm::StringRef symbol, llvm::ArrayRef<std::int64_t> values);
  /// Memory of the block, flat.
  mlir::Value shared(mlir::Type element, std::int64_t count, llvm::StringRef name);

  mlir::Value index(std::int64_t value);
  mlir::Value constant(mlir::TypedAttr value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, std::int64_t b) { return add(a, index(b)); }
  mlir::Value mul(mlir::Value a, std::int64_t b);
  mlir::Value div(mlir::Value a, std::int64_t b);
  mlir::Value rem(mlir::Value a, std::int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, std::int64_t b);
  /// Indices of row-major number `element` in a box of these sizes.
  Values delinearise(mlir::Value element, llvm::ArrayRef<std::int64_t> sizes);
  /// Gives the value a name in the printed text.
  mlir::Value named(mlir::Value value, llvm::StringRef name);
  mlir::Location at(llvm::StringRef name) const;

  struct Range {
    mlir::Value lower, upper;
    std::int64_t step = 1;
    bool unroll = false;
    llvm::StringRef name = "i";
  };
  /// `body` is called inside the loop and returns the carried values of the next round.
  Values loop(const Range& range, mlir::ValueRange carried, llvm::ArrayRef<std::string> carriedNames,
              llvm::function_ref<Values(mlir::scf::ForOp, mlir::ValueRange)> body);
  void loop(const Range& range, llvm::function_ref<void(mlir::scf::ForOp)> body);
  /// scf.if without results. `body` is called inside it.
  void when(mlir::Value condition, llvm::function_ref<void(mlir::scf::IfOp)> body);

  /// Removes what is not used.
  void finish();
};

/// Number of blocks or chunks that cover `items`.
inline std::int64_t ceilDiv(std::int64_t items, std::int64_t size) {
  return (items + size - 1) / size;
}

/// One kernel that computes and stores a body without reductions.
void emitLoopOver(Emission& emission, const KernelBody& body, llvm::StringRef symbol);

// Emitters by kind: each adds kernels to the module and launches to the emission.
mlir::LogicalResult emitLoop(Emission& emission);
mlir::LogicalResult emitRowReduce(Emission& emission);
mlir::LogicalResult emitColumnReduce(Emission& emission);
mlir::LogicalResult emitContraction(Emission& emission);
mlir::LogicalResult emitMulti(Emission& emission);
mlir::LogicalResult emitScatter(Emission& emission);

} // namespace kiln::codegen::cuda
