// LLVM dialect to LLVM IR to an object file. LLVM's optimisation passes gain nothing on kernels that are
// built at the vector level, so only the few that clean up after MLIR's descriptors run; instruction
// selection runs at its usual level.
#include "cpu/Lower.h"

#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Pass.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Scalar.h"

#include <chrono>
#include <mutex>

namespace kiln::codegen::cpu {

using namespace mlir;

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point& start) {
  auto now = Clock::now();
  std::chrono::duration<double, std::milli> elapsed = now - start;
  start = now;
  return elapsed.count();
}

std::unique_ptr<llvm::TargetMachine> machineFor(const Target& target, std::string& error) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  llvm::Triple triple(target.triple);
  const llvm::Target* backend = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend) return nullptr;
  llvm::TargetOptions options;
  // A product's loop fills six lines of decoded instructions, or seven where it begins within one: 5 %
  // slower.
  options.LoopAlignment = 64;
  return std::unique_ptr<llvm::TargetMachine>(
      backend->createTargetMachine(triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
                                   llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

} // namespace

FailureOr<LoweredObject> lowerToObject(ModuleOp module, const Target& target) {
  LoweredObject result;
  auto clock = Clock::now();
  if (failed(lowerToLLVMDialect(module, target))) return failure();
  result.times.mlir = since(clock);

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(module, context, "kernel", /*disableVerification=*/true);
  if (!code) return module.emitError("cannot be translated to LLVM IR");
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = machineFor(target, error);
  if (!machine) return module.emitError("no code generator for ") << target.triple << ": " << error;
  code->setDataLayout(machine->createDataLayout());
  code->setTargetTriple(machine->getTargetTriple());
  result.times.translate = since(clock);

  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  passes.add(llvm::createEarlyCSEPass()); // folds extractvalue(insertvalue) of memref descriptors
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile,
                                   /*DisableVerify=*/true))
    return module.emitError("the code generator cannot write object files");
  passes.run(*code);
  result.object.assign(bytes.begin(), bytes.end());
  result.times.emit = since(clock);
  return result;
}

} // namespace kiln::codegen::cpu
