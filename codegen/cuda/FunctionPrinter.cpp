// See FunctionPrinter.h: names, expressions, and what stands before the body.
#include "cuda/FunctionPrinter.h"

#include "cuda/Inlining.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

constexpr unsigned kMaxInline = 64; ///< characters of an expression that still goes into another one

/// Whether the function writes through this pointer (itself, or a function that it calls).
bool isWritten(Value pointer) {
  return llvm::any_of(pointer.getUses(), [](OpOperand& use) {
    Operation* user = use.getOwner();
    if (auto load = dyn_cast<memref::LoadOp>(user); load && isa<MemRefType>(load.getType()))
      return isWritten(load.getResult());
    if (auto cast = dyn_cast<memref::CastOp>(user)) return isWritten(cast.getResult());
    if (auto call = dyn_cast<func::CallOp>(user)) {
      auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
      return !callee || isWritten(callee.getArgument(use.getOperandNumber()));
    }
    return !hasSingleEffect<MemoryEffects::Read>(user, use.get());
  });
}

} // namespace

std::string FunctionPrinter::name(Value value, StringRef fallback) {
  StringRef hint = fallback;
  if (auto named = dyn_cast<NameLoc>(value.getLoc())) hint = named.getName();
  return names.unique(hint);
}

std::string FunctionPrinter::declare(Value value, StringRef fallback, bool isUnsigned) {
  std::string variable = name(value, fallback);
  values[value] = {variable, Binding::Primary, isUnsigned};
  return (isUnsigned ? unsignedName(value.getType(), wide) : type(value.getType())) + " " + variable;
}

bool FunctionPrinter::inlines(Operation* op, const Text& text) {
  if (isFree(op)) return true;
  return text.text.size() <= kMaxInline && mayBeEvaluatedAtUse(op);
}

/// Whether the text of `value` reads `variable` (through expressions that were inlined into it).
bool FunctionPrinter::mentions(Value value, Value variable) {
  if (value == variable || text(value).text == text(variable).text) return true;
  Operation* op = value.getDefiningOp();
  if (!op || op->getNumRegions() || text(value).text.find_first_of(" ([.") == std::string::npos) return false;
  return llvm::any_of(op->getOperands(), [&](Value operand) { return mentions(operand, variable); });
}

std::string FunctionPrinter::element(Value pointer, Value index) {
  return text(pointer).text + "[" + text(index).text + "]";
}

std::string FunctionPrinter::address(Value pointer, Value index) {
  std::string at = text(index).at(Binding::Add);
  return at == "0" ? text(pointer).text : text(pointer).text + " + " + at;
}

LogicalResult FunctionPrinter::value(Operation* op, Text expr, bool mayInline) {
  Value result = op->getResult(0);
  if (mayInline && inlines(op, expr)) {
    values[result] = expr;
    return success();
  }
  StringRef fallback = op->getName().stripDialect();
  if (result.use_empty() && isMemoryEffectFree(op)) return success();
  std::string declaration = declare(result, fallback, expr.isUnsigned);
  line() << "const " << declaration << " = " << expr.text << ";\n";
  return success();
}

std::string FunctionPrinter::parameter(BlockArgument argument) {
  unsigned i = argument.getArgNumber();
  auto hint = function.getArgAttrOfType<StringAttr>(i, kNameAttr);
  std::string variable = hint ? names.unique(hint.getValue()) : name(argument, "arg" + std::to_string(i));
  values[argument] = {variable};
  if (!isa<MemRefType>(argument.getType())) return type(argument.getType()) + " " + variable;
  std::string constness = isWritten(argument) ? "" : "const ";
  if (isPointerTable(argument.getType()))
    return "const __grid_constant__ " +
           pointerTableName(cast<MemRefType>(argument.getType()), constness, wide) + " " + variable;
  bool isShared = gpu::GPUDialect::hasWorkgroupMemoryAddressSpace(cast<MemRefType>(argument.getType()));
  bool aliases = isShared || function.getArgAttr(i, kMayAliasAttr);
  return constness + type(argument.getType()) + (aliases ? " " : " __restrict__ ") + variable;
}

void FunctionPrinter::signature() {
  if (auto comment = function->getAttrOfType<StringAttr>("kiln.comment")) {
    llvm::SmallVector<StringRef> lines;
    comment.getValue().split(lines, '\n');
    for (StringRef text : lines)
      os << "// " << text << "\n";
  }
  std::string head;
  if (auto kernel = dyn_cast<gpu::GPUFuncOp>(*function)) {
    head = "extern \"C\" __global__ void ";
    if (auto block = kernel.getKnownBlockSize())
      head += "__launch_bounds__(" + std::to_string((*block)[0] * (*block)[1] * (*block)[2]) + ") ";
  } else {
    auto results = function.getResultTypes();
    head = "static __device__ __forceinline__ " + (results.empty() ? "void" : type(results.front())) + " ";
  }
  head += function.getName().str() + "(";
  os << head;
  std::size_t column = head.size();
  for (auto [i, argument] : llvm::enumerate(function.getArguments().take_front(function.getNumArguments()))) {
    std::string text = parameter(argument);
    if (i) os << ",", ++column;
    if (column + text.size() + 2 > kLineWidth) {
      os << "\n    ";
      column = 4;
    } else if (i) {
      os << " ", ++column;
    }
    os << text;
    column += text.size();
  }
  os << ") {\n";
}

LogicalResult FunctionPrinter::sharedMemory(BlockArgument argument) {
  auto memref = cast<MemRefType>(argument.getType());
  if (memref.getRank() != 1 || !memref.hasStaticShape())
    return function.emitOpError("has shared memory that is not flat and of static size");
  std::string variable = name(argument, "shared");
  values[argument] = {variable};
  line() << "__shared__ __align__(16) " << type(memref.getElementType()) << " " << variable << "["
         << memref.getNumElements() << "];\n";
  return success();
}

LogicalResult FunctionPrinter::print() {
  for (Type t : function.getArgumentTypes()) {
    auto memref = dyn_cast<MemRefType>(t);
    if (type(t).empty()) return function.emitOpError("has an argument type that cannot be printed: ") << t;
    if (memref && memref.hasStaticShape() && memref.getNumElements() > INT32_MAX && !wide)
      return function.emitOpError("needs 64-bit indices for ") << memref;
  }
  for (Operation& other : *function->getBlock()) // a variable must not hide a function
    if (auto symbol = dyn_cast<SymbolOpInterface>(other)) names.unique(symbol.getName());
  signature();
  depth = 1;
  if (auto kernel = dyn_cast<gpu::GPUFuncOp>(*function))
    for (BlockArgument argument : kernel.getWorkgroupAttributions())
      if (failed(sharedMemory(argument))) return failure();
  depth = 0;
  Block& body = function.getFunctionBody().front();
  if (failed(block(body))) return failure();
  Operation* terminator = body.getTerminator();
  if (terminator->getNumOperands()) os << "  return " << text(terminator->getOperand(0)).text << ";\n";
  os << "}\n";
  return success();
}

} // namespace kiln::codegen::cuda
