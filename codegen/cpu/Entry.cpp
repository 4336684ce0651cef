// See Entry.h. No interpreter between kernels: the entry fills an array of buffer addresses and calls launch,
// for each Launch in turn. Launches of unknown size (one-op elementwise programs) are made by the caller
// instead.
#include "cpu/Entry.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

#include <cstddef>
#include <set>

using namespace mlir;

namespace kiln::codegen::cpu {

static constexpr std::size_t kMostInline = 64;

OwningOpRef<ModuleOp> emitEntry(MLIRContext& context, const runtime::Artifact& artifact) {
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  Type pointer = LLVM::LLVMPointerType::get(&context), i64 = builder.getI64Type(), i32 = builder.getI32Type();
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
  builder.setInsertionPoint(LLVM::ReturnOp::create(builder, loc, ValueRange{}));
  Value slots = block->getArgument(0), runtime = block->getArgument(1);
  auto constant = [&](std::int64_t number) -> Value {
    return LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(number));
  };
  auto element = [&](Value array, LLVM::GEPArg i, Type type) -> Value {
    return LLVM::GEPOp::create(builder, loc, pointer, type, array, i);
  };
  auto copySlot = [&](Value arguments, LLVM::GEPArg i, LLVM::GEPArg slot) {
    Value address = LLVM::LoadOp::create(builder, loc, pointer, element(slots, slot, pointer));
    LLVM::StoreOp::create(builder, loc, address, element(arguments, i, pointer));
  };
  // Code generation takes time that grows with the square of a block's loads and stores.
  auto copySlotsInLoop = [&](Value arguments, const runtime::Launch& launch, std::size_t number) {
    OpBuilder::InsertionGuard guard(builder);
    auto size = static_cast<std::int64_t>(launch.slots.size());
    builder.setInsertionPointToStart(module->getBody());
    auto table = LLVM::GlobalOp::create(
        builder, loc, LLVM::LLVMArrayType::get(i32, size), /*isConstant=*/true, LLVM::Linkage::Internal,
        "slots" + std::to_string(number),
        DenseIntElementsAttr::get(RankedTensorType::get({size}, i32), ArrayRef(launch.slots)));
    builder.setInsertionPoint(block->getTerminator());
    Value numbers = LLVM::AddressOfOp::create(builder, loc, pointer, table.getSymName());
    auto loop = scf::ForOp::create(builder, loc, constant(0), constant(size), constant(1));
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    Value i = loop.getInductionVar();
    Value slot = LLVM::LoadOp::create(builder, loc, i32, element(numbers, i, i32));
    copySlot(arguments, i, slot);
  };
  static_assert(offsetof(runtime::RuntimeTable, launch) == 0);
  Value function = LLVM::LoadOp::create(builder, loc, pointer, runtime);
  Value arguments = LLVM::AllocaOp::create(builder, loc, pointer, pointer, constant(mostSlots));
  for (auto [number, launch] : llvm::enumerate(artifact.launches)) {
    if (launch.items < 0) continue;
    if (launch.slots.size() > kMostInline)
      copySlotsInLoop(arguments, launch, number);
    else
      for (auto [i, slot] : llvm::enumerate(launch.slots))
        copySlot(arguments, static_cast<std::int32_t>(i), slot);
    Value kernel = LLVM::AddressOfOp::create(builder, loc, pointer, launch.symbol);
    LLVM::CallOp::create(
        builder, loc, launchType,
        ValueRange{function, runtime, kernel, arguments, constant(launch.items), constant(launch.grain)});
  }
  return module;
}

} // namespace kiln::codegen::cpu
