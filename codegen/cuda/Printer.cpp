// See Printer.h.
#include "cuda/Printer.h"

#include "cuda/FunctionPrinter.h"
#include "cuda/Prelude.h"

using namespace mlir;

namespace kiln::codegen::cuda {

FailureOr<std::vector<PrintedFunction>> printFunctions(gpu::GPUModuleOp module) {
  std::vector<PrintedFunction> result;
  for (Operation& op : *module.getBody()) {
    auto function = dyn_cast<FunctionOpInterface>(op);
    if (!function || (!isa<gpu::GPUFuncOp, func::FuncOp>(op)))
      return op.emitOpError("cannot be printed as CUDA C++");
    auto kernel = dyn_cast<gpu::GPUFuncOp>(op);
    PrintedFunction printed{function.getName().str(), kernel && kernel.isKernel(), {}, {}};
    FunctionPrinter printer(function, printed.text);
    if (failed(printer.print())) return failure();
    printed.callees = std::move(printer.callees);
    result.push_back(std::move(printed));
  }
  return result;
}

FailureOr<std::string> printTranslationUnit(gpu::GPUModuleOp module) {
  auto functions = printFunctions(module);
  if (failed(functions)) return failure();
  std::string text(prelude());
  for (const PrintedFunction& function : *functions)
    text += "\n" + function.text;
  return text;
}

} // namespace kiln::codegen::cuda
