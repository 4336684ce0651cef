// Builds the ops that formulas stand for.
#include "Term.h"

#include "kiln/ir/infer.h"

using namespace mlir;

namespace kiln::ir {
namespace {

std::vector<int64_t> toVector(ArrayRef<int64_t> values) {
  return {values.begin(), values.end()};
}

template <typename OpTy> Term reduce(const Term& x, ArrayRef<int64_t> dims, bool keepdim) {
  return x.make<OpTy>(ValueRange{x}, {{"dims", toVector(dims)}, {"keepdim", keepdim}});
}

} // namespace

SmallVector<Value> createInferred(OpBuilder& builder, mlir::Location loc, StringRef op, ValueRange operands,
                                  std::vector<NamedAttr> attrs) {
  std::vector<TensorType> types;
  for (Value operand : operands)
    types.push_back(toRecord(operand.getType()));
  OperationState state(loc, op);
  state.addOperands(operands);
  try {
    for (const TensorType& type : infer(op.drop_front(op.find('.') + 1).str(), attrs, types))
      state.addTypes(toMLIR(builder.getContext(), type));
  } catch (const Error& error) {
    llvm::report_fatal_error(llvm::Twine("ill-typed rule: ") + error.what()); // a bug of ours, not the user's
  }
  for (const NamedAttr& attr : attrs)
    state.addAttribute(attr.name, toMLIR(builder.getContext(), attr.value));
  return llvm::to_vector_of<Value>(builder.create(state)->getResults());
}

Term Term::constant(double value, ArrayRef<int64_t> shape) const {
  return make<ConstantOp>(
      {}, {{"dtype", std::string(name(dtype()))}, {"shape", toVector(shape)}, {"value", value}});
}

Term where(const Term& condition, const Operand& a, const Operand& b) {
  return condition.make<WhereOp>(ValueRange{condition, a.beside(b), b.beside(a)});
}

Term cast(const Term& x, DType dtype) {
  return x.dtype() == dtype ? x : x.make<CastOp>(ValueRange{x}, {{"dtype", std::string(name(dtype))}});
}

Term reshape(const Term& x, ArrayRef<int64_t> shape) {
  return x.shape() == shape ? x : x.make<ReshapeOp>(ValueRange{x}, {{"shape", toVector(shape)}});
}

Term broadcast(const Term& x, ArrayRef<int64_t> shape) {
  return x.shape() == shape ? x : x.make<BroadcastOp>(ValueRange{x}, {{"shape", toVector(shape)}});
}

Term transpose(const Term& x, ArrayRef<int64_t> permutation) {
  return x.make<TransposeOp>(ValueRange{x}, {{"permutation", toVector(permutation)}});
}

Term sum(const Term& x, ArrayRef<int64_t> dims, bool keepdim) {
  return reduce<SumOp>(x, dims, keepdim);
}
Term prod(const Term& x, ArrayRef<int64_t> dims, bool keepdim) {
  return reduce<ProdOp>(x, dims, keepdim);
}
Term max(const Term& x, ArrayRef<int64_t> dims, bool keepdim) {
  return reduce<MaxOp>(x, dims, keepdim);
}
Term min(const Term& x, ArrayRef<int64_t> dims, bool keepdim) {
  return reduce<MinOp>(x, dims, keepdim);
}

Term matmul(const Term& lhs, const Term& rhs, bool transposeLhs, bool transposeRhs) {
  return lhs.make<MatmulOp>(ValueRange{lhs, rhs},
                            {{"transpose_lhs", transposeLhs}, {"transpose_rhs", transposeRhs}});
}

Term iota(const Term& place, DType dtype, ArrayRef<int64_t> like, int64_t dim) {
  SmallVector<int64_t> shape(like.size(), 1);
  shape[dim] = like[dim];
  return place.make<IotaOp>({},
                            {{"dim", dim}, {"dtype", std::string(name(dtype))}, {"shape", toVector(shape)}});
}

Term sumTo(const Term& g, ArrayRef<int64_t> shape) {
  if (g.shape() == shape) return g;
  SmallVector<int64_t> spread;
  int64_t added = g.rank() - static_cast<int64_t>(shape.size());
  for (int64_t i = 0; i < g.rank(); ++i)
    if (i < added || (shape[i - added] == 1 && g.shape()[i] != 1)) spread.push_back(i);
  return reshape(sum(g, spread), shape);
}

Term restoreDims(const Term& reduced, ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> kept(shape);
  for (int64_t dim : dims)
    kept[dim] = 1;
  return reshape(reduced, kept);
}

int64_t numel(ArrayRef<int64_t> shape) {
  return ShapedType::getNumElements(shape);
}

} // namespace kiln::ir
