// Formulas over kiln values: `g * y * (1 - y)` builds the ops, with types from the records' inference.
// Derivatives and decompositions are written in it. Operands broadcast as in NumPy; a number becomes a 0-d
// constant of the other operand's element type.
#pragma once

#include "KilnOps.h"

#include <span>

namespace kiln::ir {

/// Builds `op` (an op class) on operands; the attributes are the record's. The operands must fit the op.
mlir::SmallVector<mlir::Value> createInferred(mlir::OpBuilder& builder, mlir::Location loc,
                                              llvm::StringRef op, mlir::ValueRange operands,
                                              std::vector<NamedAttr> attrs = {});

/// A value and the place where what is computed from it is built.
class Term {
public:
  Term() = default;
  Term(mlir::OpBuilder& builder, mlir::Location loc, mlir::Value value)
      : builder_(&builder), loc_(loc.getAsOpaquePointer()), value_(value) {}

  operator mlir::Value() const { return value_; }
  explicit operator bool() const { return static_cast<bool>(value_); }
  /// Another value, built upon at the same place.
  Term at(mlir::Value value) const { return {builder(), loc(), value}; }

  mlir::OpBuilder& builder() const { return *builder_; }
  mlir::Location loc() const { return mlir::Location::getFromOpaquePointer(loc_); }
  mlir::RankedTensorType type() const { return mlir::cast<mlir::RankedTensorType>(value_.getType()); }
  llvm::ArrayRef<int64_t> shape() const { return type().getShape(); }
  int64_t rank() const { return type().getRank(); }
  DType dtype() const { return *dtypeOf(type().getElementType()); }

  template <typename OpTy> Term make(mlir::ValueRange operands, std::vector<NamedAttr> attrs = {}) const {
    return at(createInferred(builder(), loc(), OpTy::getOperationName(), operands, std::move(attrs)).front());
  }
  /// A constant of this term's element type.
  Term constant(double value, llvm::ArrayRef<int64_t> shape = {}) const;
  Term zeros() const { return constant(0, shape()); }

private:
  mlir::OpBuilder* builder_ = nullptr;
  const void* loc_ = nullptr;
  mlir::Value value_;
};

/// A term or a number beside one.
class Operand {
public:
  Operand(const Term& term) : term_(term) {}
  Operand(double number) : number_(number) {}
  Operand(int number) : number_(number) {}
  const Term& term() const { return term_; }
  /// This, or the number as a constant like `other`.
  Term beside(const Operand& other) const { return term_ ? term_ : other.term_.constant(number_); }

private:
  Term term_;
  double number_ = 0;
};

template <typename OpTy> Term binary(const Operand& a, const Operand& b) {
  Term lhs = a.beside(b), rhs = b.beside(a);
  return lhs.make<OpTy>(mlir::ValueRange{lhs, rhs});
}
inline Term operator+(const Operand& a, const Term& b) {
  return binary<AddOp>(a, b);
}
inline Term operator+(const Term& a, double b) {
  return binary<AddOp>(a, b);
}
inline Term operator-(const Operand& a, const Term& b) {
  return binary<SubOp>(a, b);
}
inline Term operator-(const Term& a, double b) {
  return binary<SubOp>(a, b);
}
inline Term operator*(const Operand& a, const Term& b) {
  return binary<MulOp>(a, b);
}
inline Term operator*(const Term& a, double b) {
  return binary<MulOp>(a, b);
}
inline Term operator/(const Operand& a, const Term& b) {
  return binary<DivOp>(a, b);
}
inline Term operator/(const Term& a, double b) {
  return binary<DivOp>(a, b);
}
inline Term operator-(const Term& x) {
  return x.make<NegOp>(mlir::ValueRange{x});
}
inline Term pow(const Operand& a, const Operand& b) {
  return binary<PowOp>(a, b);
}
inline Term maximum(const Operand& a, const Operand& b) {
  return binary<MaximumOp>(a, b);
}
inline Term eq(const Operand& a, const Operand& b) {
  return binary<EqOp>(a, b);
}
inline Term ne(const Operand& a, const Operand& b) {
  return binary<NeOp>(a, b);
}
inline Term lt(const Operand& a, const Operand& b) {
  return binary<LtOp>(a, b);
}
inline Term le(const Operand& a, const Operand& b) {
  return binary<LeOp>(a, b);
}
inline Term gt(const Operand& a, const Operand& b) {
  return binary<GtOp>(a, b);
}
inline Term ge(const Operand& a, const Operand& b) {
  return binary<GeOp>(a, b);
}
inline Term logicalOr(const Term& a, const Term& b) {
  return binary<OrOp>(a, b);
}

inline Term abs(const Term& x) {
  return x.make<AbsOp>(mlir::ValueRange{x});
}
inline Term exp(const Term& x) {
  return x.make<ExpOp>(mlir::ValueRange{x});
}
inline Term log(const Term& x) {
  return x.make<LogOp>(mlir::ValueRange{x});
}
inline Term log1p(const Term& x) {
  return x.make<Log1pOp>(mlir::ValueRange{x});
}
inline Term sqrt(const Term& x) {
  return x.make<SqrtOp>(mlir::ValueRange{x});
}
inline Term rsqrt(const Term& x) {
  return x.make<RsqrtOp>(mlir::ValueRange{x});
}
inline Term sin(const Term& x) {
  return x.make<SinOp>(mlir::ValueRange{x});
}
inline Term cos(const Term& x) {
  return x.make<CosOp>(mlir::ValueRange{x});
}
inline Term tanh(const Term& x) {
  return x.make<TanhOp>(mlir::ValueRange{x});
}
inline Term erf(const Term& x) {
  return x.make<ErfOp>(mlir::ValueRange{x});
}
inline Term trunc(const Term& x) {
  return x.make<TruncOp>(mlir::ValueRange{x});
}
inline Term sigmoid(const Term& x) {
  return x.make<SigmoidOp>(mlir::ValueRange{x});
}
inline Term relu(const Term& x) {
  return x.make<ReluOp>(mlir::ValueRange{x});
}
inline Term sign(const Term& x) {
  return x.make<SignOp>(mlir::ValueRange{x});
}

/// condition ? a : b; one of them is a term.
Term where(const Term& condition, const Operand& a, const Operand& b);
/// x itself when it has that element type.
Term cast(const Term& x, DType dtype);
/// x itself when it has that shape.
Term reshape(const Term& x, llvm::ArrayRef<int64_t> shape);
Term broadcast(const Term& x, llvm::ArrayRef<int64_t> shape);
Term transpose(const Term& x, llvm::ArrayRef<int64_t> permutation);
Term sum(const Term& x, llvm::ArrayRef<int64_t> dims, bool keepdim = false);
Term prod(const Term& x, llvm::ArrayRef<int64_t> dims, bool keepdim = false);
Term max(const Term& x, llvm::ArrayRef<int64_t> dims, bool keepdim = false);
Term min(const Term& x, llvm::ArrayRef<int64_t> dims, bool keepdim = false);
Term matmul(const Term& lhs, const Term& rhs, bool transposeLhs, bool transposeRhs);
/// Index along `dim` of `like`, size 1 in the other dimensions; built where `place` is.
Term iota(const Term& place, DType dtype, llvm::ArrayRef<int64_t> like, int64_t dim);

/// The gradient of an operand of that shape that was broadcast to g's: sums over the dimensions that were
/// spread.
Term sumTo(const Term& g, llvm::ArrayRef<int64_t> shape);
/// Puts back, with size 1, the dimensions that a reduction without keepdim dropped.
Term restoreDims(const Term& reduced, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> dims);
int64_t numel(llvm::ArrayRef<int64_t> shape);

} // namespace kiln::ir
