// From a fusion to its KernelBody: walks the yields backwards, carrying for each dimension of a value its
// index as an affine function of the domain's indices. Shape ops only rewrite these indices, so that they
// vanish.
//
//   %t = transpose %x [1,0];  %b = broadcast %bias;  yield add(%t, %b)   with domain [i, j] becomes
//   Compute(add, Load(x @ i + M*j), Load(bias @ j))
#include "kernel/Domain.h"
#include "kernel/Indices.h"

#include "KilnOps.h"
#include "Loops.h"
#include "View.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/TypeSwitch.h"

#include <map>

using namespace mlir;

namespace kiln::codegen {
namespace {

class Analysis {
public:
  Analysis(KernelBody& body) : body(body) {}

  /// isContraction: of one, whose results may be stored row by row in another order.
  void setDomain(ArrayRef<Dim> dims, bool isContraction = false) {
    storesRowsAnywhere = isContraction;
    body.dims.assign(dims.begin(), dims.end());
    if (body.dims.empty()) body.dims.push_back({});
  }

  LogicalResult addOutput(int result, Value value);

private:
  ir::TransposeOp reordering(Value value) const;
  FailureOr<const Expr*> value(Value value, ArrayRef<Index> indices);
  FailureOr<const Expr*> result(Operation* op, Value value, ArrayRef<Index> indices);
  FailureOr<const Expr*> reshape(ir::ReshapeOp op, ArrayRef<Index> indices);
  FailureOr<const Expr*> broadcastTo(Value value, ArrayRef<Index> indices);
  FailureOr<const Expr*> reduce(Operation* op, ArrayRef<Index> indices);
  FailureOr<const Expr*> generate(Operation* op, Value value, ArrayRef<Index> indices);
  FailureOr<const Expr*> compute(Operation* op, Value value, ArrayRef<Index> indices);
  FailureOr<const Expr*> indexed(Value x, Value chosen, ArrayRef<Index> chosenAt, std::int64_t dim,
                                 ArrayRef<Index> before, ArrayRef<Index> after);
  const Expr* load(BlockArgument argument, Index element);
  const Expr* constant(ir::ConstantOp op);
  const Expr* intern(Expr expr);

  KernelBody& body;
  bool storesRowsAnywhere = false;
  std::map<std::vector<std::int64_t>, const Expr*> nodes;  // structurally equal expressions are one
  std::map<std::vector<std::int64_t>, const Expr*> values; // (value, indices) already expressed
};

void appendKey(std::vector<std::int64_t>& key, const Access& access) {
  key.push_back(access.offset);
  key.insert(key.end(), access.strides.begin(), access.strides.end());
  for (const IndexTerm& term : access.terms)
    key.insert(key.end(), {term.index->id, term.stride, term.size});
  key.push_back(-1);
}

std::int64_t keyOf(const void* pointer) {
  return reinterpret_cast<std::intptr_t>(pointer);
}

const Expr* Analysis::intern(Expr expr) {
  std::vector<std::int64_t> key{static_cast<int>(expr.kind), expr.input,
                                keyOf(expr.type.getAsOpaquePointer()),
                                keyOf(expr.constant.getAsOpaquePointer())};
  if (expr.kind == Expr::Kind::Bound)
    key.push_back(keyOf(expr.op));
  else if (expr.op)
    key.insert(key.end(), {keyOf(expr.op->getName().getAsOpaquePointer()),
                           keyOf(expr.op->getAttrDictionary().getAsOpaquePointer())});
  appendKey(key, expr.access);
  for (const Expr* operand : expr.operands)
    key.push_back(operand->id);
  auto [place, isNew] = nodes.try_emplace(std::move(key), nullptr);
  if (!isNew) return place->second;

  for (auto [d, stride] : llvm::enumerate(expr.access.strides))
    if (stride != 0) expr.dims |= std::uint64_t(1) << d;
  auto take = [&](const Expr* from) {
    expr.dims |= from->dims;
    expr.phase = std::max(expr.phase, from->phase);
  };
  if (expr.kind == Expr::Kind::Bound) // given point by point, also along dimensions of size one
    expr.dims = (std::uint64_t(1) << body.dims.size()) - 1;
  llvm::for_each(expr.operands, take);
  for (const IndexTerm& term : expr.access.terms)
    take(term.index);
  if (expr.kind == Expr::Kind::Reduce) {
    for (auto [d, dim] : llvm::enumerate(body.dims))
      if (dim.reduced) expr.dims &= ~(std::uint64_t(1) << d);
    ++expr.phase;
    body.phases = std::max(body.phases, expr.phase);
  }
  expr.id = static_cast<int>(body.exprs.size());
  body.exprs.push_back(std::make_unique<Expr>(std::move(expr)));
  return place->second = body.exprs.back().get();
}

FailureOr<const Expr*> Analysis::value(Value value, ArrayRef<Index> indices) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return load(argument, linearIndex(body.dims, shapeOf(value), indices));
  std::vector<std::int64_t> key{keyOf(value.getAsOpaquePointer())};
  for (const Index& index : indices)
    appendKey(key, index);
  if (auto found = values.find(key); found != values.end()) return found->second;
  auto made = result(value.getDefiningOp(), value, indices);
  if (succeeded(made)) values[std::move(key)] = *made;
  return made;
}

FailureOr<const Expr*> Analysis::result(Operation* op, Value value, ArrayRef<Index> indices) {
  using Result = FailureOr<const Expr*>;
  return llvm::TypeSwitch<Operation*, Result>(op)
      .Case([&](ir::ConstantOp constantOp) -> Result { return constant(constantOp); })
      .Case([&](ir::ReshapeOp reshapeOp) { return reshape(reshapeOp, indices); })
      .Case([&](ir::BroadcastOp broadcast) { return broadcastTo(broadcast.getX(), indices); })
      .Case([&](ir::TransposeOp transpose) {
        Indices from(indices.size());
        for (auto [i, p] : llvm::enumerate(transpose.getPermutation()))
          from[p] = indices[i];
        return this->value(transpose.getX(), from);
      })
      .Case([&](ir::SliceOp slice) {
        Indices from;
        for (auto [index, start, step] : llvm::zip_equal(indices, slice.getStarts(), slice.getSteps())) {
          from.push_back(zeroIndex(body.dims));
          addScaled(from.back(), index, step);
          from.back().offset += start;
        }
        return this->value(slice.getX(), from);
      })
      .Case([&](ir::TakeOp take) {
        std::size_t dim = take.getDim(), rank = shapeOf(take.getIndices()).size();
        return indexed(take.getX(), take.getIndices(), indices.slice(dim, rank), dim, indices.take_front(dim),
                       indices.drop_front(dim + rank));
      })
      .Case([&](ir::GatherOp gather) {
        std::size_t dim = gather.getDim();
        return indexed(gather.getX(), gather.getIndices(), indices, dim, indices.take_front(dim),
                       indices.drop_front(dim + 1));
      })
      .Case([&](ir::MatmulOp matmul) -> Result {
        Expr expr(Expr::Kind::Bound, getElementTypeOrSelf(value.getType()));
        expr.op = op;
        expr.access = linearIndex(body.dims, shapeOf(value), indices);
        return intern(std::move(expr));
      })
      .Default([&](Operation*) -> Result {
        if (isa<ir::Reduction>(op)) return reduce(op, indices);
        if (isa<ir::IndexExpandable>(op)) return generate(op, value, indices);
        if (isa<ir::ScalarExpandable>(op)) return compute(op, value, indices);
        return op->emitOpError("cannot be part of a kernel: it has no scalar expansion");
      });
}

FailureOr<const Expr*> Analysis::reshape(ir::ReshapeOp op, ArrayRef<Index> indices) {
  Value source = op.getX();
  Index element = linearIndex(body.dims, shapeOf(op.getResult()), indices);
  while (auto inner = source.getDefiningOp<ir::ReshapeOp>())
    source = inner.getX();
  if (auto argument = dyn_cast<BlockArgument>(source)) return load(argument, element);
  auto from = splitIndex(body.dims, element, shapeOf(source));
  if (failed(from)) return op.emitOpError("splits a dimension inside a fusion");
  return value(source, *from);
}

/// `value` seen at indices of a shape that it broadcasts to.
FailureOr<const Expr*> Analysis::broadcastTo(Value value, ArrayRef<Index> indices) {
  Shape shape = shapeOf(value);
  Indices from(indices.take_back(shape.size()));
  for (auto [index, size] : llvm::zip_equal(from, shape))
    if (size == 1) index = zeroIndex(body.dims);
  return this->value(value, from);
}

FailureOr<const Expr*> Analysis::reduce(Operation* op, ArrayRef<Index> indices) {
  auto reduction = cast<ir::Reduction>(op);
  Shape shape = shapeOf(op->getOperand(0));
  ArrayRef<std::int64_t> dims = reduction.reducedDims();
  Shape reducedSizes;
  for (std::int64_t dim : dims)
    reducedSizes.push_back(shape[dim]);
  std::int64_t points = 1;
  for (const Dim& dim : body.dims)
    points *= dim.reduced ? dim.size : 1;
  auto walked = splitIndex(body.dims, domainElement(body.dims, false, true), reducedSizes);
  if (points != product(reducedSizes) || failed(walked))
    return op->emitOpError("reduces other dimensions than its fusion");
  bool keepdim = indices.size() == shape.size();
  Indices from;
  unsigned nextKept = 0, nextReduced = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (llvm::is_contained(dims, static_cast<std::int64_t>(d))) {
      from.push_back((*walked)[nextReduced++]);
      nextKept += keepdim;
    } else {
      from.push_back(indices[nextKept++]);
      for (auto [k, dim] : llvm::enumerate(body.dims))
        if (dim.reduced && from.back().strides[k] != 0)
          return op->emitOpError("is needed along a dimension that its fusion reduces");
    }
  }
  auto operand = value(op->getOperand(0), from);
  if (failed(operand)) return failure();
  Expr expr(Expr::Kind::Reduce, getElementTypeOrSelf(op->getResult(0).getType()));
  expr.op = op;
  expr.operands.push_back(*operand);
  return intern(std::move(expr));
}

FailureOr<const Expr*> Analysis::generate(Operation* op, Value result, ArrayRef<Index> indices) {
  Expr expr(Expr::Kind::Generate, getElementTypeOrSelf(result.getType()));
  expr.op = op;
  expr.access = linearIndex(body.dims, shapeOf(result), indices);
  for (Value operand : op->getOperands()) {
    Shape shape = shapeOf(operand);
    for (std::int64_t i = 0, e = product(shape); i < e; ++i) {
      Index element = zeroIndex(body.dims);
      element.offset = i;
      auto at = splitIndex(body.dims, element, shape);
      if (failed(at)) return failure();
      auto scalar = value(operand, *at);
      if (failed(scalar)) return failure();
      expr.operands.push_back(*scalar);
    }
  }
  return intern(std::move(expr));
}

FailureOr<const Expr*> Analysis::compute(Operation* op, Value result, ArrayRef<Index> indices) {
  Expr expr(Expr::Kind::Compute, getElementTypeOrSelf(result.getType()));
  expr.op = op;
  for (Value operand : op->getOperands()) {
    auto made = broadcastTo(operand, indices);
    if (failed(made)) return failure();
    expr.operands.push_back(*made);
  }
  return intern(std::move(expr));
}

/// Element of x whose index in `dim` is read from `chosen`.
FailureOr<const Expr*> Analysis::indexed(Value x, Value chosen, ArrayRef<Index> chosenAt, std::int64_t dim,
                                         ArrayRef<Index> before, ArrayRef<Index> after) {
  auto index = value(chosen, chosenAt);
  if (failed(index)) return failure();
  Indices from(before);
  from.push_back(zeroIndex(body.dims));
  from.back().terms.push_back({*index, 1, shapeOf(x)[dim]});
  from.append(after.begin(), after.end());
  return value(x, from);
}

const Expr* Analysis::load(BlockArgument argument, Index element) {
  Expr expr(Expr::Kind::Load, getElementTypeOrSelf(argument.getType()));
  expr.input = static_cast<int>(argument.getArgNumber());
  expr.access = std::move(element);
  return intern(std::move(expr));
}

const Expr* Analysis::constant(ir::ConstantOp op) {
  double number = op.getValueAttr().getValueAsDouble();
  Type type = getElementTypeOrSelf(op.getResult().getType());
  Expr expr(Expr::Kind::Constant, type);
  if (isa<FloatType>(type))
    expr.constant = FloatAttr::get(type, number);
  else
    expr.constant = IntegerAttr::get(type, type.isInteger(1) ? std::int64_t(number != 0)
                                                             : static_cast<std::int64_t>(number));
  return intern(std::move(expr));
}

/// The transpose by which rows of a contraction's domain are only stored in another order; null when `value`
/// is computed where it is stored.
ir::TransposeOp Analysis::reordering(Value value) const {
  auto transpose = value.getDefiningOp<ir::TransposeOp>();
  if (!storesRowsAnywhere || !transpose || !passes::movesWholeRows(transpose)) return {};
  Shape sizes;
  for (const Dim& dim : body.dims)
    sizes.push_back(dim.size);
  return passes::squeezed(sizes) == passes::squeezed(shapeOf(transpose.getX())) ? transpose : nullptr;
}

LogicalResult Analysis::addOutput(int result, Value value) {
  while (auto reshape =
             value.getDefiningOp<ir::ReshapeOp>()) // a result's shape does not matter, only its elements
    value = reshape.getX();
  ir::TransposeOp order = reordering(value);
  if (order) value = order.getX();
  Shape shape = shapeOf(value);
  bool hasReduced = llvm::any_of(body.dims, [](const Dim& dim) { return dim.reduced; });
  bool full = !hasReduced || (product(shape) == body.points() && product(shape) != body.keptPoints());
  Index element = domainElement(body.dims, true, full);
  if (!body.dynamic() && product(shape) != (full ? body.points() : body.keptPoints()))
    return emitError(value.getLoc(), "a fusion's result has neither its domain's shape nor the reduced one");
  auto indices = splitIndex(body.dims, element, shape);
  if (failed(indices)) return emitError(value.getLoc(), "a fusion's result splits a dimension of its domain");
  auto expr = this->value(value, *indices);
  if (failed(expr)) return failure();
  if (order) {
    Indices to;
    for (std::int64_t dim : order.getPermutation())
      to.push_back((*indices)[dim]);
    element = linearIndex(body.dims, shapeOf(order.getResult()), to);
  }
  body.outputs.push_back({result, *expr, element});
  return success();
}

FailureOr<KernelBody> analyseYields(Block& block, ArrayRef<Value> yields, ArrayRef<int> results,
                                    const AnalyseOptions& options, std::optional<Shape> domain = {},
                                    bool isContraction = false) {
  KernelBody body;
  Analysis analysis(body);
  if (domain) {
    analysis.setDomain(domainOf(*domain, {}, !options.collapse), isContraction);
  } else if (Operation* reduction = mainReduction(yields)) {
    analysis.setDomain(domainOf(shapeOf(reduction->getOperand(0)),
                                cast<ir::Reduction>(reduction).reducedDims(),
                                /*keepUnits=*/false));
  } else {
    analysis.setDomain(domainOf(loopShape(block, yields), {}, !options.collapse));
  }
  for (auto [yield, result] : llvm::zip_equal(yields, results))
    if (failed(analysis.addOutput(result, yield))) return failure();
  if (options.collapse) collapse(body);
  return body;
}

} // namespace

FailureOr<std::vector<KernelBody>> analyse(ir::FusionOp fusion, AnalyseOptions options) {
  Block& block = fusion.getBody().front();
  llvm::SmallVector<Value> yields(block.getTerminator()->getOperands());
  std::optional<Shape> domain;
  if (fusion.getKind() == ir::FusionKind::Contraction)
    for (auto matmul : block.getOps<ir::MatmulOp>())
      domain = shapeOf(matmul.getResult());
  std::vector<KernelBody> bodies;
  for (ArrayRef<int> loop : ir::loopsOf(fusion)) {
    llvm::SmallVector<Value> values;
    for (int result : loop)
      values.push_back(yields[result]);
    auto body = analyseYields(block, values, loop, options, domain, domain.has_value());
    if (failed(body)) return failure();
    bodies.push_back(std::move(*body));
  }
  return bodies;
}

FailureOr<KernelBody> analyseValue(ir::FusionOp fusion, Value value, AnalyseOptions options) {
  return analyseYields(fusion.getBody().front(), value, 0, options, shapeOf(value));
}

} // namespace kiln::codegen
