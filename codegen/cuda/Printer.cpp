// See Printer.h.
#include "cuda/Printer.h"

#include "cuda/FunctionPrinter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

/// "static __device__ const int blocks[3] = {0, 4, 6};", over as many lines as it needs.
FailureOr<PrintedFunction> printTable(memref::GlobalOp table) {
  std::string type = typeName(table.getType().getElementType(), table->hasAttr(kWideIndexAttr));
  auto values = dyn_cast_or_null<DenseIntElementsAttr>(table.getInitialValueAttr());
  if (!values || !table.getConstant() || table.getType().getRank() != 1 || type.empty())
    return table.emitOpError("cannot be printed as CUDA C++: wanted constant integers of one dimension");
  std::string line = "static __device__ const " + type + " " + table.getSymName().str() + "[" +
                     std::to_string(values.getNumElements()) + "] = {",
              text;
  bool first = true;
  for (const APInt& value : values.getValues<APInt>()) {
    std::string number = (first ? "" : ",");
    std::string digits = llvm::toString(value, 10, /*Signed=*/true);
    first = false;
    line += number;
    if (line.size() + digits.size() + 3 > kLineWidth) {
      text += line + "\n";
      line = "    " + digits;
    } else {
      line += (number.empty() ? "" : " ") + digits;
    }
  }
  return PrintedFunction{table.getSymName().str(), false, text + line + "};\n", {}};
}

} // namespace

FailureOr<std::vector<PrintedFunction>> printFunctions(gpu::GPUModuleOp module) {
  std::vector<PrintedFunction> result;
  for (Operation& op : *module.getBody()) {
    if (auto table = dyn_cast<memref::GlobalOp>(op)) {
      auto printed = printTable(table);
      if (failed(printed)) return failure();
      result.push_back(std::move(*printed));
      continue;
    }
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

} // namespace kiln::codegen::cuda
