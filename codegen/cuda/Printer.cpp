// See Printer.h. One pass over a function: values become text (Expressions.h), a value used once goes into
// its user's expression, any other gets a name and a line. What a loop carries is a variable that the loop
// assigns.
#include "cuda/Printer.h"

#include "cuda/Expressions.h"
#include "cuda/Names.h"
#include "cuda/Prelude.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

constexpr unsigned kMaxInline = 64; ///< characters of an expression that still goes into another one
constexpr unsigned kLineWidth = 110;

/// Whether the function writes through this pointer (itself, or a function that it calls).
bool isWritten(Value pointer) {
  return llvm::any_of(pointer.getUses(), [](OpOperand& use) {
    Operation* user = use.getOwner();
    if (auto cast = dyn_cast<memref::CastOp>(user)) return isWritten(cast.getResult());
    if (auto call = dyn_cast<func::CallOp>(user)) {
      auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
      return !callee || isWritten(callee.getArgument(use.getOperandNumber()));
    }
    return !hasSingleEffect<MemoryEffects::Read>(user, use.get());
  });
}

bool readsMemory(Operation* op) {
  return !isMemoryEffectFree(op);
}

/// Whether anything nested in or at `op` may change memory or wait for other threads.
bool changesMemory(Operation* op) {
  return op
      ->walk([](Operation* inner) {
        bool harmless = isMemoryEffectFree(inner) || hasSingleEffect<MemoryEffects::Read>(inner) ||
                        inner->hasTrait<OpTrait::HasRecursiveMemoryEffects>();
        return harmless ? WalkResult::advance() : WalkResult::interrupt();
      })
      .wasInterrupted();
}

/// The operation in `op`'s block whose statement would hold `op` if all values used once were inlined.
Operation* lastHolder(Operation* op) {
  while (op->getNumResults() == 1 && op->getResult(0).hasOneUse() && op->getNumRegions() == 0) {
    Operation* user = *op->getResult(0).user_begin();
    if (user->getBlock() != op->getBlock()) break;
    op = user;
  }
  return op;
}

/// Whether an operand of + would need no parentheses: no sum outside of parentheses.
bool isOneTerm(StringRef text) {
  int open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    open += StringRef("([").contains(text[i]) - StringRef(")]").contains(text[i]);
    if (open == 0 && (text.substr(i).starts_with(" + ") || text.substr(i).starts_with(" - "))) return false;
  }
  return true;
}

class FunctionPrinter {
public:
  FunctionPrinter(FunctionOpInterface function, std::string& out)
      : function(function), os(out), wide(function->hasAttr(kWideIndexAttr)) {}

  LogicalResult print();
  std::vector<std::string> callees;

private:
  // Statements.
  LogicalResult statement(Operation* op);
  LogicalResult block(Block& block);
  LogicalResult forLoop(scf::ForOp loop);
  LogicalResult conditional(scf::IfOp op);
  LogicalResult call(func::CallOp op);
  LogicalResult allocate(memref::AllocaOp op);
  LogicalResult insert(vector::InsertOp op);
  LogicalResult value(Operation* op, Text text, bool mayInline);
  void assign(ValueRange variables, ValueRange values);

  // Names and expressions.
  std::string name(Value value, StringRef fallback);
  std::string declare(Value value, StringRef fallback, bool isUnsigned = false);
  bool inlines(Operation* op, const Text& text);
  bool mentions(Value value, Value variable);
  Text text(Value value) { return values.lookup(value); }
  std::string type(Type t) { return typeName(t, wide); }
  std::string element(Value pointer, Value index);
  std::string address(Value pointer, Value index);
  llvm::raw_ostream& line() { return os.indent(2 * depth); }

  std::string parameter(BlockArgument argument);
  void signature();
  LogicalResult sharedMemory(BlockArgument argument);

  FunctionOpInterface function;
  llvm::raw_string_ostream os;
  Names names;
  llvm::DenseMap<Value, Text> values;
  unsigned depth = 0;
  bool wide;
};

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
  Value result = op->getResult(0);
  if (isa<arith::ConstantOp, ub::PoisonOp, memref::CastOp, vector::ExtractOp>(op)) return true;
  if (!result.hasOneUse() || text.text.size() > kMaxInline) return false;
  Operation* user = *result.user_begin();
  if (user->getBlock() != op->getBlock()) return false;
  if (!readsMemory(op)) return true;
  if (isa<scf::ForOp>(user)) return false; // a loop's header is evaluated again and again
  Operation* end = lastHolder(op);
  for (Operation* between = op->getNextNode(); between && between != end; between = between->getNextNode())
    if (changesMemory(between)) return false;
  return end->getNumRegions() == 0 || isa<scf::IfOp>(end);
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

LogicalResult FunctionPrinter::block(Block& block) {
  ++depth;
  for (Operation& op : block.without_terminator())
    if (failed(statement(&op))) return failure();
  --depth;
  return success(); // names of the block live on: what it yields is still to be assigned
}

/// Assigns the yielded values to the variables, through copies when one would be overwritten before it is
/// read.
void FunctionPrinter::assign(ValueRange variables, ValueRange yielded) {
  ++depth;
  bool hazard = false;
  for (std::size_t i = 0; i < variables.size(); ++i)
    for (std::size_t j = i + 1; j < yielded.size(); ++j)
      hazard |= text(yielded[i]).text != text(variables[i]).text && mentions(yielded[j], variables[i]);
  llvm::SmallVector<std::string> sources;
  for (auto [variable, next] : llvm::zip_equal(variables, yielded)) {
    sources.push_back(text(next).text);
    if (!hazard || sources.back() == text(variable).text) continue;
    std::string copy = names.unique("next_" + text(variable).text);
    line() << "const " << type(variable.getType()) << " " << copy << " = " << sources.back() << ";\n";
    sources.back() = copy;
  }
  for (auto [variable, source] : llvm::zip_equal(variables, sources)) {
    std::string to = text(variable).text;
    StringRef from = source;
    if (from == to) continue;
    StringRef rest = from;
    // "sum = sum + x" reads better as "sum += x", which is the same where x is one term.
    bool compound = rest.consume_front(to) && rest.consume_front(" + ") && isOneTerm(rest);
    if (compound)
      line() << to << " += " << rest << ";\n";
    else
      line() << to << " = " << from << ";\n";
  }
  --depth;
}

LogicalResult FunctionPrinter::forLoop(scf::ForOp loop) {
  for (auto [argument, init, result] :
       llvm::zip_equal(loop.getRegionIterArgs(), loop.getInitArgs(), loop.getResults())) {
    std::string declaration = declare(argument, "carried");
    std::string start = text(init).text;
    line() << declaration << (start.empty() ? "" : " = " + start) << ";\n";
    values[result] = text(argument);
  }
  if (loop->hasAttr(kUnrollAttr)) line() << "#pragma unroll\n";
  std::size_t mark = names.mark();
  Value index = loop.getInductionVar();
  std::string declaration = declare(index, "i"), i = text(index).text;
  std::string step = text(loop.getStep()).text;
  line() << "for (" << declaration << " = " << text(loop.getLowerBound()).text << "; " << i << " < "
         << text(loop.getUpperBound()).at(Binding::Add) << "; ";
  (step == "1" ? os << "++" << i : os << i << " += " << step) << ") {\n";
  if (failed(block(*loop.getBody()))) return failure();
  assign(loop.getRegionIterArgs(), loop.getBody()->getTerminator()->getOperands());
  line() << "}\n";
  names.release(mark);
  return success();
}

LogicalResult FunctionPrinter::conditional(scf::IfOp op) {
  for (Value result : op.getResults()) {
    std::string declaration = declare(result, "chosen");
    line() << declaration << ";\n";
  }
  line() << "if (" << text(op.getCondition()).text << ") {\n";
  std::size_t mark = names.mark();
  if (failed(block(*op.thenBlock()))) return failure();
  assign(op.getResults(), op.thenYield().getOperands());
  names.release(mark);
  if (op.elseBlock()) {
    line() << "} else {\n";
    if (failed(block(*op.elseBlock()))) return failure();
    assign(op.getResults(), op.elseYield().getOperands());
    names.release(mark);
  }
  line() << "}\n";
  return success();
}

LogicalResult FunctionPrinter::call(func::CallOp op) {
  if (op.getNumResults() > 1) return op.emitOpError("with several results cannot be printed as CUDA C++");
  callees.push_back(op.getCallee().str());
  std::string expr = op.getCallee().str() + "(";
  for (Value operand : op.getOperands())
    expr += (expr.back() == '(' ? "" : ", ") + text(operand).text;
  expr += ")";
  if (op.getNumResults() == 1) return value(op, {expr}, false);
  line() << expr << ";\n";
  return success();
}

LogicalResult FunctionPrinter::allocate(memref::AllocaOp op) {
  MemRefType memref = op.getType();
  if (!memref.hasStaticShape() || memref.getRank() != 1)
    return op.emitOpError("must be flat and of static size to be printed as CUDA C++");
  std::string variable = name(op.getResult(), "local");
  values[op.getResult()] = {variable};
  line() << type(memref.getElementType()) << " " << variable << "[" << memref.getNumElements() << "];\n";
  return success();
}

/// Inserting into a vector that a loop carries changes the variable in place; otherwise a copy is changed.
LogicalResult FunctionPrinter::insert(vector::InsertOp op) {
  if (op.getNumIndices() != 1 || isa<VectorType>(op.getValueToStoreType()))
    return op.emitOpError("of other than one element cannot be printed as CUDA C++");
  Value into = op.getDest();
  auto carried = dyn_cast<BlockArgument>(into);
  auto loop = carried ? dyn_cast<scf::ForOp>(carried.getOwner()->getParentOp()) : scf::ForOp();
  bool inPlace = loop && carried.getOwner() == op->getBlock() && into.hasOneUse() && op->hasOneUse() &&
                 loop.getTiedLoopYieldedValue(carried)->get() == op.getResult();
  if (inPlace) {
    values[op.getResult()] = text(into);
  } else {
    std::string declaration = declare(op.getResult(), "vector");
    line() << declaration << " = " << text(into).text << ";\n";
  }
  OpFoldResult position = op.getMixedPosition().front();
  std::string at = isa<Value>(position)
                       ? text(cast<Value>(position)).text
                       : std::to_string(cast<IntegerAttr>(cast<Attribute>(position)).getInt());
  line() << text(op.getResult()).text << "[" << at << "] = " << text(op.getValueToStore()).text << ";\n";
  return success();
}

LogicalResult FunctionPrinter::statement(Operation* op) {
  auto unknown = [&] { return op->emitOpError("cannot be printed as CUDA C++"); };
  auto id = [&](const char* variable, gpu::Dimension dimension, StringRef hint) {
    std::string axis = stringifyEnum(dimension).str(), expr = std::string(variable) + "." + axis;
    std::string fallback = dimension == gpu::Dimension::x ? hint.str() : hint.str() + "_" + axis;
    std::string variableName = name(op->getResult(0), fallback);
    values[op->getResult(0)] = {variableName};
    line() << "const " << type(op->getResult(0).getType()) << " " << variableName << " = " << expr << ";\n";
    return success();
  };
  return llvm::TypeSwitch<Operation*, LogicalResult>(op)
      .Case([&](scf::ForOp loop) { return forLoop(loop); })
      .Case([&](scf::IfOp conditionalOp) { return conditional(conditionalOp); })
      .Case([&](func::CallOp callOp) { return call(callOp); })
      .Case([&](memref::AllocaOp alloca) { return allocate(alloca); })
      .Case([&](vector::InsertOp insertOp) { return insert(insertOp); })
      .Case([&](memref::CastOp c) { return values[c.getResult()] = text(c.getSource()), success(); })
      .Case([&](ub::PoisonOp poison) { return values[poison.getResult()] = {}, success(); })
      .Case([&](gpu::ThreadIdOp t) { return id("threadIdx", t.getDimension(), "thread"); })
      .Case([&](gpu::BlockIdOp b) { return id("blockIdx", b.getDimension(), "block"); })
      .Case([&](gpu::GridDimOp g) { return id("gridDim", g.getDimension(), "blocks"); })
      .Case([&](gpu::BarrierOp) { return line() << "__syncthreads();\n", success(); })
      .Case([&](gpu::ShuffleOp s) -> LogicalResult {
        APInt width;
        if (!s.getValid().use_empty() || !matchPattern(s.getWidth(), m_ConstantInt(&width)) || width != 32)
          return s.emitOpError("of other than 32 lanes, or with `valid` used, cannot be printed as CUDA C++");
        std::string mode = s.getMode() == gpu::ShuffleMode::IDX ? "" : stringifyEnum(s.getMode()).str() + "_";
        return value(s,
                     {"__shfl_" + mode + "sync(0xffffffffu, " + text(s.getValue()).text + ", " +
                      text(s.getOffset()).text + ")"},
                     false);
      })
      .Case([&](memref::LoadOp load) -> LogicalResult {
        if (load.getMemRefType().getRank() != 1) return unknown();
        return value(load, {element(load.getMemRef(), load.getIndices()[0])}, true);
      })
      .Case([&](memref::StoreOp store) -> LogicalResult {
        if (store.getMemRefType().getRank() != 1) return unknown();
        line() << element(store.getMemRef(), store.getIndices()[0]) << " = "
               << text(store.getValueToStore()).text << ";\n";
        return success();
      })
      .Case([&](vector::LoadOp load) -> LogicalResult {
        if (load.getMemRefType().getRank() != 1 || load.getVectorType().getRank() != 1) return unknown();
        return value(load,
                     {"load<" + std::to_string(load.getVectorType().getNumElements()) + ">(" +
                      address(load.getBase(), load.getIndices()[0]) + ")"},
                     false);
      })
      .Case([&](vector::StoreOp store) -> LogicalResult {
        if (store.getMemRefType().getRank() != 1) return unknown();
        line() << "store(" << address(store.getBase(), store.getIndices()[0]) << ", "
               << text(store.getValueToStore()).text << ");\n";
        return success();
      })
      .Case([&](vector::ExtractOp extract) -> LogicalResult {
        if (extract.getNumIndices() != 1 || isa<VectorType>(extract.getType())) return unknown();
        OpFoldResult position = extract.getMixedPosition().front();
        std::string at = isa<Value>(position)
                             ? text(cast<Value>(position)).text
                             : std::to_string(cast<IntegerAttr>(cast<Attribute>(position)).getInt());
        return value(extract, {text(extract.getSource()).text + "[" + at + "]"}, true);
      })
      .Case([&](arith::MulUIExtendedOp multiply) -> LogicalResult {
        if (!multiply.getLow().getType().isInteger(32)) return unknown();
        std::string product = names.unique("product");
        auto factor = [&](Value v) {
          return text(v).isUnsigned ? text(v).text : "unsigned(" + text(v).text + ")";
        };
        line() << "const uint64 " << product << " = uint64(" << factor(multiply.getLhs()) << ") * "
               << factor(multiply.getRhs()) << ";\n";
        values[multiply.getLow()] = {"unsigned(" + product + ")", Binding::Primary, true};
        values[multiply.getHigh()] = {"unsigned(" + product + " >> 32)", Binding::Primary, true};
        return success();
      })
      .Default([&](Operation*) -> LogicalResult {
        llvm::SmallVector<Text> operands;
        for (Value operand : op->getOperands())
          operands.push_back(text(operand));
        auto expr = expression(op, operands, wide);
        if (!expr || op->getNumRegions()) return unknown();
        return value(op, *expr, true);
      });
}

std::string FunctionPrinter::parameter(BlockArgument argument) {
  unsigned i = argument.getArgNumber();
  auto hint = function.getArgAttrOfType<StringAttr>(i, kNameAttr);
  std::string variable = hint ? names.unique(hint.getValue()) : name(argument, "arg" + std::to_string(i));
  values[argument] = {variable};
  if (!isa<MemRefType>(argument.getType())) return type(argument.getType()) + " " + variable;
  bool isShared = gpu::GPUDialect::hasWorkgroupMemoryAddressSpace(cast<MemRefType>(argument.getType()));
  bool aliases = isShared || function.getArgAttr(i, kMayAliasAttr);
  return (isWritten(argument) ? "" : "const ") + type(argument.getType()) +
         (aliases ? " " : " __restrict__ ") + variable;
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

} // namespace

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
