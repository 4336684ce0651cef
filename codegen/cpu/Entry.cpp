// See Entry.h. No interpreter between kernels: the entry fills an array of buffer addresses and calls launch,
// for each Launch in turn. Launches of unknown size (one-op elementwise programs) are made by the caller
// instead.
#include "cpu/Entry.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"

#include <cstddef>
#include <set>

using namespace mlir;

namespace kiln::codegen::cpu {

OwningOpRef<ModuleOp> emitEntry(MLIRContext& context, const runtime::Artifact& artifact) {
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  Type pointer = LLVM::LLVMPointerType::get(&context), i64 = builder.getI64Type();
  Type none = LLVM::LLVMVoidType::get(&context);
  auto kernelType = LLVM::LLVMFunctionType::get(none, {pointer, i64, i64, pointer});
  auto launchType = LLVM::LLVMFunctionType::get(none, {pointer, pointer, pointer, i64, i64});
  std::set<std::string> declared;
  std::size_t mostSlots = 1;
  for (const runtime::Launch& launch : artifact.launches) {
    mostSlots = std::max(mostSlots, launch.slots.size());
    if (declared.insert(launch.symbol).second)
      LLVM::LLVMFuncOp::create(builder, loc, launch.symbol, kernelType);
  }
  auto entry = LLVM::LLVMFuncOp::create(builder, loc, artifact.entry,
                                        LLVM::LLVMFunctionType::get(none, {pointer, pointer}));
  Block* block = entry.addEntryBlock(builder);
  builder.setInsertionPointToEnd(block);
  Value slots = block->getArgument(0), runtime = block->getArgument(1);
  auto constant = [&](std::int64_t number) -> Value {
    return LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(number));
  };
  auto element = [&](Value array, std::size_t i) -> Value {
    return LLVM::GEPOp::create(builder, loc, pointer, pointer, array,
                               LLVM::GEPArg(static_cast<std::int32_t>(i)));
  };
  static_assert(offsetof(runtime::RuntimeTable, launch) == 0);
  Value function = LLVM::LoadOp::create(builder, loc, pointer, runtime);
  Value arguments = LLVM::AllocaOp::create(builder, loc, pointer, pointer, constant(mostSlots));
  for (const runtime::Launch& launch : artifact.launches) {
    if (launch.items < 0) continue;
    for (auto [i, slot] : llvm::enumerate(launch.slots)) {
      Value address = LLVM::LoadOp::create(builder, loc, pointer, element(slots, slot));
      LLVM::StoreOp::create(builder, loc, address, element(arguments, i));
    }
    Value kernel = LLVM::AddressOfOp::create(builder, loc, pointer, launch.symbol);
    LLVM::CallOp::create(
        builder, loc, launchType,
        ValueRange{function, runtime, kernel, arguments, constant(launch.items), constant(launch.grain)});
  }
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
  return module;
}

} // namespace kiln::codegen::cpu
