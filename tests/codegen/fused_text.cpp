// See fused_text.h.
#include "fused_text.h"

#include "Diagnostics.h"
#include "KilnOps.h"
#include "Passes.h"
#include "cpu/Build.h"
#include "cpu/Lower.h"
#include "kiln/runtime/buffer.h"
#include "kiln/runtime/executable.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cstring>

using namespace mlir;

namespace kiln::test {
namespace {

/// A slot for each value, nothing shared.
void planNaively(func::FuncOp main) {
  Builder builder(main.getContext());
  llvm::DenseMap<Value, std::int64_t> slotOf;
  llvm::SmallVector<Attribute> slots;
  std::int64_t arena = 0;
  auto outputs = main.getBody().front().getTerminator()->getOperands();
  auto add = [&](Value value, StringRef kind, std::int64_t offset, std::int64_t alias) {
    slotOf[value] = slots.size();
    slots.push_back(
        builder.getDictionaryAttr({builder.getNamedAttr("kind", builder.getStringAttr(kind)),
                                   builder.getNamedAttr("type", TypeAttr::get(value.getType())),
                                   builder.getNamedAttr("offset", builder.getI64IntegerAttr(offset)),
                                   builder.getNamedAttr("alias", builder.getI64IntegerAttr(alias))}));
  };
  for (Value argument : main.getArguments())
    add(argument, "input", 0, -1);
  for (Value output : outputs)
    add(output, "output", 0, -1);
  for (auto fusion : main.getOps<ir::FusionOp>()) {
    llvm::SmallVector<std::int64_t> used;
    for (Value result : fusion->getResults())
      if (!slotOf.count(result)) {
        add(result, "temp", arena, -1);
        arena += (ir::toRecord(result.getType()).bytes() + 63) / 64 * 64;
      }
    for (Value value :
         llvm::concat<Value>(llvm::to_vector(fusion->getOperands()), llvm::to_vector(fusion->getResults())))
      used.push_back(slotOf.at(value));
    fusion.setSlots(used);
  }
  main->setAttr("kiln.plan",
                builder.getDictionaryAttr({builder.getNamedAttr("slots", builder.getArrayAttr(slots)),
                                           builder.getNamedAttr("arena", builder.getI64IntegerAttr(arena))}));
}

runtime::Artifact compileFused(const std::string& text, int threads, bool keepStages, bool beyondCaches) {
  MLIRContext context;
  context.loadDialect<ir::KilnDialect>();
  codegen::cpu::loadKernelDialects(context);
  codegen::ErrorCollector errors(context);
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module) errors.raise("the text does not parse");
  auto main = module->lookupSymbol<func::FuncOp>("main");
  codegen::cpu::Target target = codegen::cpu::hostTarget();
  if (beyondCaches) target.lastCacheBytes = 0;
  PassManager passes(&context);
  passes.addNestedPass<func::FuncOp>(passes::createPack({target.vectorBits, target.vectorRegisters()}));
  if (failed(passes.run(*module))) errors.raise("pack failed without an error");
  planNaively(main);
  ir::CompileOptions options;
  options.threads = threads;
  options.keepStages = keepStages;
  auto artifact = codegen::cpu::buildArtifact(main, target, options);
  if (failed(artifact)) errors.raise("failed without an error");
  return std::move(*artifact);
}

} // namespace

static std::vector<Buffer> run(runtime::Artifact artifact, std::span<const Buffer> inputs, int offset) {
  for (auto& kernel : artifact.kernels)
    llvm::errs() << kernel.source;
  std::vector<Buffer> arguments(inputs.begin(), inputs.end()), outputs;
  std::vector<runtime::Buffer> memory;
  std::vector<void*> inputPointers, outputPointers;
  for (Buffer& argument : arguments)
    inputPointers.push_back(argument.bytes.data());
  for (const runtime::Slot& slot : artifact.slots)
    if (slot.kind == runtime::Slot::Kind::Output) outputs.push_back(zeros(slot.type));
  for (Buffer& output : outputs) {
    memory.push_back(runtime::Buffer::allocate(output.bytes.size() + static_cast<std::size_t>(offset)));
    outputPointers.push_back(static_cast<std::byte*>(memory.back().data()) + offset);
  }
  runtime::Executable(std::move(artifact)).run(inputPointers, outputPointers);
  for (auto [output, pointer] : llvm::zip(outputs, outputPointers))
    std::memcpy(output.bytes.data(), pointer, output.bytes.size());
  return outputs;
}

static bool printsKernels() {
  return std::getenv("KILN_TEST_PRINT") != nullptr;
}

std::vector<Buffer> runFused(const std::string& text, std::span<const Buffer> inputs, int threads) {
  return run(compileFused(text, threads, printsKernels(), false), inputs, 0);
}

std::vector<Buffer> runFusedBeyondCaches(const std::string& text, std::span<const Buffer> inputs, int offset,
                                         int threads) {
  return run(compileFused(text, threads, printsKernels(), true), inputs, offset);
}

std::string kernelText(const std::string& text, bool beyondCaches) {
  std::string all;
  for (auto& kernel : compileFused(text, 1, /*keepStages=*/true, beyondCaches).kernels)
    all += kernel.source;
  return all;
}

std::string sized(std::string text, std::initializer_list<std::pair<char, int>> sizes) {
  for (auto [letter, size] : sizes)
    for (std::size_t at; (at = text.find(std::string("$") + letter)) != std::string::npos;)
      text.replace(at, 2, std::to_string(size));
  return text;
}

} // namespace kiln::test
