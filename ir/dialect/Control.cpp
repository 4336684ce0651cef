// kiln.fusion: text form and verifier.
//   %0 = kiln.fusion loop "add_relu" (%a = %x : tensor<4xf32>, %b = %y : tensor<4xf32>) -> tensor<4xf32> {
//     …
//     kiln.yield %2 : tensor<4xf32>
//   }
#include "KilnOps.h"

using namespace mlir;

namespace kiln::ir {

ParseResult FusionOp::parse(OpAsmParser& parser, OperationState& state) {
  StringRef keyword;
  std::string name;
  llvm::SMLoc kindLoc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword)) return failure();
  std::optional<FusionKind> kind = symbolizeFusionKind(keyword);
  if (!kind) return parser.emitError(kindLoc, "unknown kind of fusion: ") << keyword;
  if (parser.parseString(&name)) return failure();
  auto& properties = state.getOrAddProperties<Properties>();
  properties.kind = FusionKindAttr::get(parser.getContext(), *kind);
  properties.name = parser.getBuilder().getStringAttr(name);
  if (succeeded(parser.parseOptionalKeyword("slots"))) {
    SmallVector<int64_t> slots;
    auto parseSlot = [&] { return parser.parseInteger(slots.emplace_back()); };
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseSlot)) return failure();
    properties.slots = parser.getBuilder().getDenseI64ArrayAttr(slots);
  }

  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  auto parseInput = [&]() -> ParseResult {
    OpAsmParser::Argument& argument = arguments.emplace_back();
    return failure(parser.parseArgument(argument) || parser.parseEqual() ||
                   parser.parseOperand(operands.emplace_back()) || parser.parseColonType(argument.type));
  };
  llvm::SMLoc inputsLoc = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseInput) ||
      parser.parseArrowTypeList(state.types) || parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  SmallVector<Type> types = llvm::map_to_vector(arguments, [](auto& argument) { return argument.type; });
  return failure(parser.resolveOperands(operands, types, inputsLoc, state.operands) ||
                 parser.parseRegion(*state.addRegion(), arguments));
}

void FusionOp::print(OpAsmPrinter& printer) {
  printer << ' ' << stringifyFusionKind(getKind()) << ' ';
  printer.printString(getName());
  if (auto slots = getSlots()) {
    printer << " slots [";
    llvm::interleaveComma(*slots, printer);
    printer << ']';
  }
  printer << " (";
  llvm::interleaveComma(llvm::zip(getBody().getArguments(), getInputs()), printer, [&](auto pair) {
    auto [argument, input] = pair;
    printer << argument << " = " << input << " : " << input.getType();
  });
  printer << ')';
  printer.printArrowTypeList(getResultTypes());
  printer.printOptionalAttrDictWithKeyword(llvm::to_vector((*this)->getDiscardableAttrs()));
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult FusionOp::verify() {
  Block& body = getBody().front();
  if (body.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("body's arguments differ in type from the inputs");
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield) return emitOpError("body must end in kiln.yield");
  if (yield.getValues().getTypes() != getResultTypes())
    return emitOpError("results differ in type from the yielded values");
  if (auto slots = getSlots(); slots && slots->size() != getNumOperands() + getNumResults())
    return emitOpError("has ") << slots->size() << " slots for " << getNumOperands() << " inputs and "
                               << getNumResults() << " results";
  auto contractions = llvm::count_if(body, [](Operation& op) { return op.hasTrait<ContractionTrait>(); });
  if (contractions != (getKind() == FusionKind::Contraction ? 1 : 0))
    return emitOpError("of kind ") << stringifyFusionKind(getKind()) << " holds " << contractions
                                   << " contractions";
  return success();
}

} // namespace kiln::ir
