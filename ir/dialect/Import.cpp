// Program -> module with func.func @main(inputs) -> outputs. Generic over ops: names, attributes and types
// are the records', so a new op needs nothing here.
#include "Import.h"

#include "KilnOps.h"
#include "kiln/ir/infer.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace kiln::ir {
namespace {

mlir::Location toMLIR(MLIRContext& context, const Location& location) {
  mlir::Location line = UnknownLoc::get(&context);
  if (!location.file.empty()) line = FileLineColLoc::get(&context, location.file, location.line, 0);
  return location.module.empty() ? line : NameLoc::get(StringAttr::get(&context, location.module), line);
}

[[noreturn]] void fail(const Program& program, const OpCall& call, const std::string& message) {
  std::string where =
      call.location < program.locations.size() ? to_string(program.locations[call.location]) : std::string();
  throw Error(message + (where.empty() ? "" : " (" + where + ")"));
}

/// What the records alone can tell; afterwards every value is defined before its use and has the recorded
/// type.
void check(const Program& program) {
  std::vector<bool> defined(program.values.size());
  if (program.inputs > program.values.size())
    throw Error("program " + program.name + ": more inputs than values");
  std::fill_n(defined.begin(), program.inputs, true);
  auto use = [&](ValueId id) { return id < defined.size() && defined[id]; };
  for (const OpCall& call : program.calls) {
    std::vector<TensorType> types;
    for (ValueId operand : call.operands) {
      if (!use(operand))
        fail(program, call,
             call.op + ": operand %" + std::to_string(operand) + " is not defined before its use");
      types.push_back(program.values[operand]);
    }
    std::vector<TensorType> inferred;
    try {
      inferred = infer(call.op, call.attrs, types);
    } catch (const Error& error) {
      fail(program, call, error.what());
    }
    if (inferred.size() != call.results.size())
      fail(program, call,
           call.op + ": " + std::to_string(call.results.size()) + " results recorded, the op has " +
               std::to_string(inferred.size()));
    for (std::size_t i = 0; i < inferred.size(); ++i) {
      ValueId result = call.results[i];
      if (result >= defined.size() || defined[result])
        fail(program, call, call.op + ": result %" + std::to_string(result) + " is not a new value");
      if (program.values[result] != inferred[i])
        fail(program, call,
             call.op + ": result recorded as " + to_string(program.values[result]) + ", the op gives " +
                 to_string(inferred[i]));
      defined[result] = true;
    }
  }
  for (ValueId output : program.outputs)
    if (!use(output))
      throw Error("program " + program.name + ": output %" + std::to_string(output) + " is not defined");
  for (auto [output, input] : program.donations)
    if (output >= program.outputs.size() || input >= program.inputs ||
        program.values[program.outputs[output]] != program.values[input])
      throw Error("program " + program.name + ": output " + std::to_string(output) +
                  " cannot be stored in input " + std::to_string(input));
}

Operation* importCall(OpBuilder& builder, const Program& program, const OpCall& call,
                      ArrayRef<Value> values) {
  MLIRContext& context = *builder.getContext();
  const Location& location =
      call.location < program.locations.size() ? program.locations[call.location] : Location();
  OperationState state(toMLIR(context, location), "kiln." + call.op);
  for (ValueId operand : call.operands)
    state.operands.push_back(values[operand]);
  for (ValueId result : call.results)
    state.types.push_back(ir::toMLIR(&context, program.values[result]));
  for (const NamedAttr& attr : call.attrs)
    state.addAttribute(attr.name, ir::toMLIR(&context, attr.value));
  return builder.create(state);
}

void nameArguments(func::FuncOp main, const Program& program) {
  Builder builder(main.getContext());
  for (std::size_t i = 0; i < program.inputNames.size() && i < program.inputs; ++i)
    if (!program.inputNames[i].empty())
      main.setArgAttr(i, kArgName, builder.getStringAttr(program.inputNames[i]));
  for (auto [output, input] : program.donations)
    main.setArgAttr(input, kArgDonated, builder.getI64IntegerAttr(output));
  if (program.forwardInputs || program.forwardOutputs) {
    main->setAttr("kiln.forward_inputs", builder.getI64IntegerAttr(program.forwardInputs));
    main->setAttr("kiln.forward_outputs", builder.getI64IntegerAttr(program.forwardOutputs));
  }
}

} // namespace

OwningOpRef<ModuleOp> importProgram(MLIRContext& context, const Program& program) {
  check(program);
  context.loadDialect<KilnDialect, func::FuncDialect>();
  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(module->getBody());

  auto typesOf = [&](auto ids) {
    return llvm::map_to_vector(ids,
                               [&](ValueId id) -> Type { return ir::toMLIR(&context, program.values[id]); });
  };
  auto signature =
      builder.getFunctionType(typesOf(llvm::seq<ValueId>(0, program.inputs)), typesOf(program.outputs));
  auto main = func::FuncOp::create(builder, builder.getUnknownLoc(), "main", signature);
  builder.setInsertionPointToEnd(main.addEntryBlock());

  SmallVector<Value> values(program.values.size());
  llvm::copy(main.getArguments(), values.begin());
  for (const OpCall& call : program.calls) {
    Operation* op = importCall(builder, program, call, values);
    for (auto [id, result] : llvm::zip(call.results, op->getResults()))
      values[id] = result;
  }
  SmallVector<Value> outputs = llvm::map_to_vector(program.outputs, [&](ValueId id) { return values[id]; });
  func::ReturnOp::create(builder, builder.getUnknownLoc(), outputs);
  nameArguments(main, program);

  std::string message;
  // The handler only notes the message: throwing through MLIR's frames would terminate.
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic& diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && message.empty()) message = diagnostic.str();
    return success();
  });
  if (failed(verify(*module))) throw Error("program " + program.name + ": " + message);
  return module;
}

} // namespace kiln::ir
