// See Expressions.h. The tables at the top are the vocabulary: operation names to C++ operators and
// functions.
#include "cuda/Expressions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

enum class Sign { Any, Signed, Unsigned };

struct Operator {
  const char* symbol;
  Binding binding;
  Sign sign = Sign::Any;
};

const llvm::StringMap<Operator>& operators() {
  static const llvm::StringMap<Operator> table = {
      {"arith.addf", {"+", Binding::Add}},
      {"arith.subf", {"-", Binding::Add}},
      {"arith.mulf", {"*", Binding::Mul}},
      {"arith.divf", {"/", Binding::Mul}},
      {"arith.addi", {"+", Binding::Add}},
      {"arith.subi", {"-", Binding::Add}},
      {"arith.muli", {"*", Binding::Mul}},
      {"arith.divsi", {"/", Binding::Mul, Sign::Signed}},
      {"arith.remsi", {"%", Binding::Mul, Sign::Signed}},
      {"arith.divui", {"/", Binding::Mul, Sign::Unsigned}},
      {"arith.remui", {"%", Binding::Mul, Sign::Unsigned}},
      {"arith.andi", {"&", Binding::BitAnd}},
      {"arith.ori", {"|", Binding::BitOr}},
      {"arith.xori", {"^", Binding::BitXor}},
      {"arith.shli", {"<<", Binding::Shift}},
      {"arith.shrsi", {">>", Binding::Shift, Sign::Signed}},
      {"arith.shrui", {">>", Binding::Shift, Sign::Unsigned}},
  };
  return table;
}

/// Function of each math operation, without the suffix of float's.
const llvm::StringMap<const char*>& functions() {
  static const llvm::StringMap<const char*> table = {
      {"math.absf", "fabs"},   {"math.acos", "acos"},         {"math.acosh", "acosh"},
      {"math.asin", "asin"},   {"math.asinh", "asinh"},       {"math.atan", "atan"},
      {"math.atan2", "atan2"}, {"math.atanh", "atanh"},       {"math.cbrt", "cbrt"},
      {"math.ceil", "ceil"},   {"math.copysign", "copysign"}, {"math.cos", "cos"},
      {"math.cosh", "cosh"},   {"math.erf", "erf"},           {"math.erfc", "erfc"},
      {"math.exp", "exp"},     {"math.exp2", "exp2"},         {"math.expm1", "expm1"},
      {"math.floor", "floor"}, {"math.fma", "fma"},           {"math.log", "log"},
      {"math.log10", "log10"}, {"math.log1p", "log1p"},       {"math.log2", "log2"},
      {"math.powf", "pow"},    {"math.round", "round"},       {"math.roundeven", "rint"},
      {"math.rsqrt", "rsqrt"}, {"math.sin", "sin"},           {"math.sinh", "sinh"},
      {"math.sqrt", "sqrt"},   {"math.tan", "tan"},           {"math.tanh", "tanh"},
      {"math.trunc", "trunc"}, {"arith.maxnumf", "fmax"},     {"arith.minnumf", "fmin"},
      {"arith.remf", "fmod"},
  };
  return table;
}

/// Functions of the prelude, overloaded for every type.
const llvm::StringMap<const char*>& preludeFunctions() {
  static const llvm::StringMap<const char*> table = {
      {"arith.maximumf", "maximum"}, {"arith.minimumf", "minimum"}, {"arith.maxsi", "max"},
      {"arith.minsi", "min"},        {"arith.maxui", "max"},        {"arith.minui", "min"},
      {"math.absi", "abs"},          {"math.isnan", "isnan"},
  };
  return table;
}

std::string join(ArrayRef<Text> operands) {
  std::string text;
  for (const Text& operand : operands)
    text += (text.empty() ? "" : ", ") + operand.text;
  return text;
}

Text call(const std::string& function, ArrayRef<Text> operands) {
  return {function + "(" + join(operands) + ")"};
}

Text cast(const std::string& type, const Text& operand, bool isUnsigned = false) {
  return {type + "(" + operand.text + ")", Binding::Primary, isUnsigned};
}

struct Printer {
  Operation* op;
  ArrayRef<Text> in;
  bool wide;

  Type inputType() const { return op->getOperand(0).getType(); }
  Type resultType() const { return op->getResult(0).getType(); }
  Text asSigned(unsigned i) const {
    return in[i].isUnsigned ? cast(typeName(op->getOperand(i).getType(), wide), in[i]) : in[i];
  }
  Text asUnsigned(unsigned i) const {
    if (in[i].isUnsigned) return in[i];
    return cast(unsignedName(op->getOperand(i).getType(), wide), in[i], true);
  }

  Text infix(const Operator& o) const {
    if (resultType().isInteger(1)) return logic(o);
    bool narrow = isa<IntegerType>(resultType()) && resultType().getIntOrFloatBitWidth() < 32;
    Text a = in[0], b = in[1];
    if (o.sign == Sign::Signed) a = asSigned(0), b = asSigned(1);
    if (o.sign == Sign::Unsigned) { // one unsigned operand makes both so, from int on
      a = asUnsigned(0);
      if (narrow) b = asUnsigned(1);
    }
    StringRef added = b.text;
    if (o.symbol == StringRef("+") && added.consume_front("-") && llvm::all_of(added, llvm::isDigit))
      return binary("-", o.binding, a, {added.str()});
    Text result = binary(o.symbol, o.binding, a, b);
    if (o.binding == Binding::Shift) result.isUnsigned = a.isUnsigned;
    // Arithmetic on char and short happens in int: cut the result back.
    return narrow ? cast(typeName(resultType(), wide), result) : result;
  }

  /// Bit operators on i1 are those of logic (both operands have no effects, so short-circuiting is the same).
  Text logic(const Operator& o) const {
    if (o.binding == Binding::BitAnd) return binary("&&", Binding::And, in[0], in[1]);
    if (o.binding == Binding::BitOr) return binary("||", Binding::Or, in[0], in[1]);
    return binary("!=", Binding::Equal, in[0], in[1]);
  }

  Text mathCall(StringRef function) const {
    Type type = resultType();
    if (type.isF32()) return call(function.str() + "f", in);
    if (type.isF64()) return call(function.str(), in);
    llvm::SmallVector<Text> floats;
    for (const Text& operand : in)
      floats.push_back(cast("float", operand));
    return cast(typeName(type, wide), call(function.str() + "f", floats));
  }

  std::optional<Text> compareFloats(arith::CmpFPredicate predicate) const {
    using P = arith::CmpFPredicate;
    auto plain = [&](const char* symbol, Binding b) { return binary(symbol, b, in[0], in[1]); };
    auto negated = [&](const char* symbol) {
      return Text{"!(" + plain(symbol, Binding::Compare).text + ")", Binding::Unary};
    };
    std::string a = in[0].at(Binding::Shift), b = in[1].at(Binding::Shift);
    switch (predicate) {
    case P::OEQ:
      return plain("==", Binding::Equal);
    case P::OGT:
      return plain(">", Binding::Compare);
    case P::OGE:
      return plain(">=", Binding::Compare);
    case P::OLT:
      return plain("<", Binding::Compare);
    case P::OLE:
      return plain("<=", Binding::Compare);
    case P::UNE:
      return plain("!=", Binding::Equal);
    case P::UGT:
      return negated("<=");
    case P::UGE:
      return negated("<");
    case P::ULT:
      return negated(">=");
    case P::ULE:
      return negated(">");
    case P::ONE:
      return Text{"(" + a + " < " + b + " || " + a + " > " + b + ")"};
    case P::UEQ:
      return Text{"!(" + a + " < " + b + " || " + a + " > " + b + ")", Binding::Unary};
    case P::ORD:
      return Text{"(" + a + " == " + a + " && " + b + " == " + b + ")"};
    case P::UNO:
      return Text{"(" + a + " != " + a + " || " + b + " != " + b + ")"};
    case P::AlwaysTrue:
      return Text{"true"};
    case P::AlwaysFalse:
      return Text{"false"};
    }
    return std::nullopt;
  }

  Text compareInts(arith::CmpIPredicate predicate) const {
    using P = arith::CmpIPredicate;
    switch (predicate) {
    case P::eq:
    case P::ne: {
      bool mixed = in[0].isUnsigned != in[1].isUnsigned;
      return binary(predicate == P::eq ? "==" : "!=", Binding::Equal, mixed ? asUnsigned(0) : in[0],
                    mixed ? asUnsigned(1) : in[1]);
    }
    case P::slt:
      return binary("<", Binding::Compare, asSigned(0), asSigned(1));
    case P::sle:
      return binary("<=", Binding::Compare, asSigned(0), asSigned(1));
    case P::sgt:
      return binary(">", Binding::Compare, asSigned(0), asSigned(1));
    case P::sge:
      return binary(">=", Binding::Compare, asSigned(0), asSigned(1));
    case P::ult:
      return binary("<", Binding::Compare, asUnsigned(0), asUnsigned(1));
    case P::ule:
      return binary("<=", Binding::Compare, asUnsigned(0), asUnsigned(1));
    case P::ugt:
      return binary(">", Binding::Compare, asUnsigned(0), asUnsigned(1));
    case P::uge:
      return binary(">=", Binding::Compare, asUnsigned(0), asUnsigned(1));
    }
    return {};
  }

  Text bitcast() const { return {"bits<" + typeName(resultType(), wide) + ">(" + in[0].text + ")"}; }

  /// i1 extended with its sign is 0 or -1, which C++'s bool is not.
  Text signExtend() const {
    if (inputType().isInteger(1))
      return {"-" + cast(typeName(resultType(), wide), in[0]).text, Binding::Unary};
    return cast(typeName(resultType(), wide), asSigned(0));
  }
  Text truncate() const {
    if (resultType().isInteger(1)) return {"(" + in[0].at(Binding::BitAnd) + " & 1) != 0", Binding::Equal};
    return cast(in[0].isUnsigned ? unsignedName(resultType(), wide) : typeName(resultType(), wide), in[0],
                in[0].isUnsigned);
  }
};

} // namespace

Text binary(const char* symbol, Binding binding, const Text& lhs, const Text& rhs) {
  // Bit operators, shifts and comparisons get parentheses around any inner operator: few know their order.
  bool arithmetic = binding == Binding::Add || binding == Binding::Mul;
  Binding inner = arithmetic                                                 ? binding
                  : binding == Binding::Compare || binding == Binding::Equal ? Binding::Add
                  : binding == Binding::And || binding == Binding::Or        ? Binding::Equal
                                                                             : Binding::Unary;
  Binding right = arithmetic ? Binding(int(binding) + 1) : inner;
  return {lhs.at(inner) + " " + symbol + " " + rhs.at(right), binding, lhs.isUnsigned || rhs.isUnsigned};
}

std::string typeName(Type type, bool wideIndex) {
  if (type.isIndex()) return wideIndex ? "int64" : "int";
  if (type.isF32()) return "float";
  if (type.isF64()) return "double";
  if (type.isBF16()) return "bfloat16";
  if (type.isF16()) return "half16";
  if (auto integer = dyn_cast<IntegerType>(type)) {
    if (integer.isUnsigned())
      return unsignedName(IntegerType::get(type.getContext(), integer.getWidth()), false);
    switch (integer.getWidth()) {
    case 1:
      return "bool";
    case 8:
      return "int8";
    case 16:
      return "short";
    case 32:
      return "int";
    case 64:
      return "int64";
    default:
      return "";
    }
  }
  if (auto vector = dyn_cast<VectorType>(type); vector && vector.getRank() == 1 && !vector.isScalable()) {
    std::string element = typeName(vector.getElementType(), wideIndex);
    return element.empty() ? "" : "vec<" + element + ", " + std::to_string(vector.getNumElements()) + ">";
  }
  if (isPointerTable(type)) return pointerTableName(cast<MemRefType>(type), "", wideIndex);
  if (auto memref = dyn_cast<MemRefType>(type); memref && memref.getRank() == 1)
    return typeName(memref.getElementType(), wideIndex) + "*";
  return "";
}

bool isPointerTable(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref && memref.getRank() == 1 && memref.hasStaticShape() &&
         isa<MemRefType>(memref.getElementType());
}

std::string pointerTableName(MemRefType type, const std::string& constness, bool wideIndex) {
  Type element = cast<MemRefType>(type.getElementType()).getElementType();
  return "pointers<" + constness + typeName(element, wideIndex) + ", " +
         std::to_string(type.getNumElements()) + ">";
}

std::string unsignedName(Type type, bool wideIndex) {
  unsigned width = type.isIndex() ? (wideIndex ? 64 : 32) : type.getIntOrFloatBitWidth();
  return width == 1    ? "bool"
         : width == 8  ? "uint8"
         : width == 16 ? "unsigned short"
         : width == 64 ? "uint64"
                       : "unsigned";
}

Text literal(Attribute value, Type type) {
  if (auto number = dyn_cast<IntegerAttr>(value)) {
    if (type.isInteger(1)) return {number.getValue().isZero() ? "false" : "true"};
    std::int64_t v = number.getValue().getSExtValue();
    if (v == INT64_MIN) return {"(-9223372036854775807ll - 1)"};
    if (type.isInteger(64)) return {std::to_string(v) + "ll", v < 0 ? Binding::Unary : Binding::Primary};
    if (v == INT32_MIN && type.isInteger(32)) return {"(-2147483647 - 1)"};
    return {std::to_string(v), v < 0 ? Binding::Unary : Binding::Primary};
  }
  double v = cast<FloatAttr>(value).getValueAsDouble();
  if (std::isnan(v)) return type.isF64() ? Text{"double(nan)"} : Text{"nan"};
  std::string wrapped = type.isF32() || type.isF64() ? "" : typeName(type, false);
  auto wrap = [&](std::string text) -> Text {
    if (wrapped.empty()) return {text, text[0] == '-' ? Binding::Unary : Binding::Primary};
    return {wrapped + "(" + text + ")"};
  };
  if (std::isinf(v)) return wrap(v < 0 ? "-infinity" : "infinity");
  bool isDouble = type.isF64();
  char buffer[64];
  for (int digits = 1; digits <= 17; ++digits) { // the shortest text that reads back as the same number
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, v);
    if (isDouble ? std::strtod(buffer, nullptr) == v : std::strtof(buffer, nullptr) == static_cast<float>(v))
      break;
  }
  std::string text = buffer;
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return wrap(isDouble ? text : text + "f");
}

/// Whether the operation is a constant vector of positive zeros.
static bool isZeros(Operation* op) {
  auto constant = dyn_cast<arith::ConstantOp>(op);
  auto splat = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  auto number = splat ? dyn_cast<FloatAttr>(splat.getSplatValue<Attribute>()) : FloatAttr();
  return number && number.getValue().isPosZero();
}

std::optional<Text> expression(Operation* op, ArrayRef<Text> in, bool wide) {
  if (op->getNumResults() != 1) return std::nullopt;
  Type type = op->getResult(0).getType();
  if (isa<VectorType>(type))
    return isZeros(op) ? std::optional<Text>({typeName(type, wide) + "{}"}) : std::nullopt;
  if (typeName(type, wide).empty()) return std::nullopt;
  Printer print{op, in, wide};
  StringRef name = op->getName().getStringRef();
  if (auto it = operators().find(name); it != operators().end()) return print.infix(it->second);
  if (auto it = functions().find(name); it != functions().end()) return print.mathCall(it->second);
  if (auto it = preludeFunctions().find(name); it != preludeFunctions().end()) {
    bool isUnsigned = name == "arith.maxui" || name == "arith.minui";
    llvm::SmallVector<Text> operands;
    for (unsigned i = 0; i < in.size(); ++i)
      operands.push_back(isa<FloatType>(op->getOperand(i).getType()) ? in[i]
                         : isUnsigned                                ? print.asUnsigned(i)
                                                                     : print.asSigned(i));
    Text result = call(it->second, operands);
    result.isUnsigned = isUnsigned;
    return result;
  }
  std::string to = typeName(type, wide);
  return llvm::TypeSwitch<Operation*, std::optional<Text>>(op)
      .Case([&](arith::ConstantOp c) { return literal(c.getValue(), type); })
      .Case([&](arith::NegFOp) { return Text{"-" + in[0].at(Binding::Primary), Binding::Unary}; })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return cast(to, in[0]); })
      .Case<arith::IndexCastOp>([&](auto) { return cast(to, print.asSigned(0)); })
      .Case<arith::SIToFPOp>([&](auto) {
        Text number = cast(to, print.asSigned(0));
        return print.inputType().isInteger(1) ? Text{"-" + number.text, Binding::Unary} : number;
      })
      .Case<arith::FPToSIOp>([&](auto) { return cast(to, in[0]); })
      .Case<arith::UIToFPOp>([&](auto) { return cast(to, print.asUnsigned(0)); })
      .Case<arith::FPToUIOp>([&](auto) { return cast(unsignedName(type, wide), in[0], true); })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>([&](auto) {
        if (print.inputType().isInteger(1)) return cast(to, in[0]);
        return cast(unsignedName(type, wide), print.asUnsigned(0), true);
      })
      .Case<arith::ExtSIOp>([&](auto) { return print.signExtend(); })
      .Case<arith::TruncIOp>([&](auto) { return print.truncate(); })
      .Case<arith::BitcastOp>([&](auto) { return print.bitcast(); })
      .Case([&](arith::SelectOp) {
        return Text{in[0].at(Binding::BitOr) + " ? " + in[1].at(Binding::BitOr) + " : " +
                        in[2].at(Binding::BitOr),
                    Binding::Ternary, in[1].isUnsigned || in[2].isUnsigned};
      })
      .Case([&](arith::CmpFOp c) { return print.compareFloats(c.getPredicate()); })
      .Case([&](arith::CmpIOp c) { return std::optional<Text>(print.compareInts(c.getPredicate())); })
      .Default([](Operation*) { return std::nullopt; });
}

} // namespace kiln::codegen::cuda
