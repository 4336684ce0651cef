// The body of a function, statement by statement.
#include "cuda/FunctionPrinter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

/// Whether an operand of + would need no parentheses: no sum outside of parentheses.
bool isOneTerm(StringRef text) {
  int open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    open += StringRef("([").contains(text[i]) - StringRef(")]").contains(text[i]);
    if (open == 0 && (text.substr(i).starts_with(" + ") || text.substr(i).starts_with(" - "))) return false;
  }
  return true;
}

} // namespace

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
  std::size_t column = 2 * depth + expr.size();
  for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
    std::string argument = text(operand).text;
    if (i) expr += ",", ++column;
    bool fits = column + argument.size() + 3 <= kLineWidth;
    if (i) expr += fits ? " " : "\n" + std::string(2 * depth + 4, ' ');
    column = argument.size() + (fits ? column + (i ? 1 : 0) : 2 * depth + 4);
    expr += argument;
  }
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
      .Case([&](memref::GetGlobalOp table) {
        callees.push_back(table.getName().str());
        return values[table.getResult()] = {table.getName().str()}, success();
      })
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

} // namespace kiln::codegen::cuda
