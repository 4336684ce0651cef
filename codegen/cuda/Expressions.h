// C++ expressions of single operations: what an arith, math or memref operation becomes when its operands are
// already text. Knows precedences and signedness; knows nothing of statements, names or regions.
#pragma once

#include "mlir/IR/Operation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>
#include <string>

namespace kiln::codegen::cuda {

/// Binding strength of a C++ expression's outermost operator.
enum class Binding {
  Ternary = 3,
  Or,
  And,
  BitOr,
  BitXor,
  BitAnd,
  Equal,
  Compare,
  Shift,
  Add,
  Mul,
  Unary,
  Primary
};

inline constexpr std::size_t kLineWidth = 110; ///< of printed text

struct Text {
  std::string text;
  Binding binding = Binding::Primary;
  bool isUnsigned = false; ///< the C++ type is the unsigned one of its width

  /// The text, in parentheses when it binds less tightly than `needed`.
  std::string at(Binding needed) const { return binding < needed ? "(" + text + ")" : text; }
};

/// How a type is written: "float", "int64", "vec<float, 4>". Empty for a type that cannot be printed.
std::string typeName(mlir::Type type, bool wideIndex);
std::string unsignedName(mlir::Type type, bool wideIndex);
/// Whether values of this type are arrays of pointers (a memref of memrefs), and how such a type is written.
bool isPointerTable(mlir::Type type);
std::string pointerTableName(mlir::MemRefType type, const std::string& constness, bool wideIndex);

/// A scalar literal: "0.5f", "3", "true", "-infinity".
Text literal(mlir::Attribute value, mlir::Type type);

/// Expression of a side-effect-free scalar operation with one result (or of a vector of zeros), or nothing
/// when the operation is unknown.
std::optional<Text> expression(mlir::Operation* op, llvm::ArrayRef<Text> operands, bool wideIndex);

/// a + b, folded when either is 0.
Text binary(const char* symbol, Binding binding, const Text& lhs, const Text& rhs);

} // namespace kiln::codegen::cuda
