// The frame of every CPU kernel: its MLIR function, and the grain of its launches.
#include "cpu/Kernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <algorithm>

using namespace mlir;

namespace kiln::codegen::cpu {

MemRefType bufferType(Type tensorType) {
  auto type = cast<RankedTensorType>(tensorType);
  Type element = type.getElementType();
  if (element.isInteger(1) || element.isUnsignedInteger(8)) element = IntegerType::get(type.getContext(), 8);
  // The bare-pointer convention wants static sizes, and nothing reads them: a dynamic buffer is "large
  // enough".
  std::int64_t size =
      type.hasStaticShape() ? std::max<std::int64_t>(type.getNumElements(), 1) : std::int64_t(1) << 40;
  return MemRefType::get({size}, element);
}

KernelFunction createKernel(OpBuilder& builder, ModuleOp module, llvm::StringRef symbol,
                            ArrayRef<MemRefType> buffers, std::int64_t scratchBytes, Location loc) {
  builder.setInsertionPointToEnd(module.getBody());
  llvm::SmallVector<Type> inputs(buffers.begin(), buffers.end());
  inputs.append(2, builder.getIndexType());
  inputs.push_back(MemRefType::get({std::max<std::int64_t>(scratchBytes, 1)}, builder.getI8Type()));
  KernelFunction kernel;
  kernel.func = func::FuncOp::create(builder, loc, symbol, builder.getFunctionType(inputs, {}));
  Block* block = kernel.func.addEntryBlock();
  kernel.buffers.assign(block->args_begin(), block->args_begin() + buffers.size());
  kernel.begin = block->getArgument(buffers.size());
  kernel.end = block->getArgument(buffers.size() + 1);
  kernel.scratch = block->getArgument(buffers.size() + 2);
  builder.setInsertionPointToEnd(block);
  auto exit = func::ReturnOp::create(builder, loc);
  builder.setInsertionPoint(exit);
  return kernel;
}

std::int64_t chooseGrain(std::int64_t items, double nanosecondsPerItem, int threads, std::int64_t unit) {
  constexpr double kSerial = 20e3, kPiece = 5e3; // below the first a fork and join costs more than it brings
  if (items < 0) {                               // size known when called: pieces of fixed work
    auto grain = static_cast<std::int64_t>(kSerial / std::max(nanosecondsPerItem, 1e-3));
    return std::max<std::int64_t>(grain / unit, 1) * unit;
  }
  std::int64_t whole = (items + unit - 1) / unit * unit;
  if (threads <= 1 || items * nanosecondsPerItem < kSerial) return std::max(whole, unit);
  std::int64_t pieces = std::int64_t(threads) * 4;
  std::int64_t grain = std::max<std::int64_t>((items + pieces - 1) / pieces,
                                              static_cast<std::int64_t>(kPiece / nanosecondsPerItem));
  return std::clamp<std::int64_t>((grain + unit - 1) / unit * unit, unit, whole);
}

} // namespace kiln::codegen::cpu
