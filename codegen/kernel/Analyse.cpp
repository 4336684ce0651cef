// From a fusion to its KernelBody: walks the yields backwards, carrying for each dimension of a value its
// index as an affine function of the domain's indices. Shape ops only rewrite these indices, so that they
// vanish.
//
//   %t = transpose %x [1,0];  %b = broadcast %bias;  yield add(%t, %b)   with domain [i, j] becomes
//   Compute(add, Load(x @ i + M*j), Load(bias @ j))
#include "kernel/KernelBody.h"

#include "KilnOps.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

#include <map>

using namespace mlir;

namespace kiln::codegen {
namespace {

using Shape = llvm::SmallVector<std::int64_t, 4>;
/// An index is written as an Access too: offset + coefficients of the domain's dims + values read from
/// memory.
using Index = Access;
using Indices = llvm::SmallVector<Index, 4>;

Shape shapeOf(Value value) {
  return Shape(cast<RankedTensorType>(value.getType()).getShape());
}

std::int64_t product(ArrayRef<std::int64_t> sizes) {
  std::int64_t result = 1;
  for (std::int64_t size : sizes)
    result *= size;
  return result;
}

Shape withoutUnits(ArrayRef<std::int64_t> shape) {
  Shape result;
  llvm::copy_if(shape, std::back_inserter(result), [](std::int64_t size) { return size != 1; });
  return result;
}

void addScaled(Index& sum, const Index& index, std::int64_t scale) {
  sum.offset += index.offset * scale;
  for (auto [to, from] : llvm::zip_equal(sum.strides, index.strides))
    to += from * scale;
  for (const IndexTerm& term : index.terms)
    sum.terms.push_back({term.index, term.stride * scale, term.size});
}

/// Boundaries between dimensions, as products of the sizes to their right: a finer shape has a superset of a
/// coarser's.
llvm::SmallVector<std::int64_t> boundaries(ArrayRef<std::int64_t> shape) {
  llvm::SmallVector<std::int64_t> result{1};
  for (std::int64_t size : llvm::reverse(shape))
    if (size != 1) result.push_back(result.back() * size);
  return result;
}

bool refines(ArrayRef<std::int64_t> fine, ArrayRef<std::int64_t> coarse) {
  auto all = boundaries(fine);
  return llvm::all_of(boundaries(coarse), [&](std::int64_t b) { return llvm::is_contained(all, b); });
}

class Analysis {
public:
  Analysis(KernelBody& body) : body(body) {}

  void setDomain(ArrayRef<Dim> dims) {
    body.dims.assign(dims.begin(), dims.end());
    if (body.dims.empty()) body.dims.push_back({});
  }

  LogicalResult addOutput(int result, Value value);

private:
  Index zero() const { return Index{0, llvm::SmallVector<std::int64_t, 4>(body.dims.size(), 0), {}}; }
  Index dimIndex(unsigned d) const {
    Index index = zero();
    index.strides[d] = 1;
    return index;
  }
  Index linear(ArrayRef<std::int64_t> shape, ArrayRef<Index> indices) const;
  /// Indices of `shape` at row-major element `element`; fails when that is not affine.
  FailureOr<Indices> split(Index element, ArrayRef<std::int64_t> shape) const;
  Index domainElement(bool kept, bool reduced) const;

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

Index Analysis::linear(ArrayRef<std::int64_t> shape, ArrayRef<Index> indices) const {
  Index sum = zero();
  std::int64_t stride = 1;
  for (auto [size, index] : llvm::reverse(llvm::zip_equal(shape, indices))) {
    addScaled(sum, index, stride);
    stride *= ShapedType::isDynamic(size) ? 1 : size;
  }
  return sum;
}

FailureOr<Indices> Analysis::split(Index element, ArrayRef<std::int64_t> shape) const {
  Indices result(shape.size(), zero());
  for (std::size_t k = shape.size(); k-- > 0;) {
    std::int64_t size = shape[k];
    if (size == 1) continue;
    if (k == 0 || ShapedType::isDynamic(size) || product(shape.take_front(k)) == 1) {
      result[k] = element;
      return result;
    }
    // Parts that are multiples of `size` belong to the dimensions further left; the others must stay below
    // it.
    Index inner = zero(), outer = zero();
    inner.offset = element.offset % size;
    outer.offset = element.offset / size;
    std::int64_t largest = inner.offset;
    for (auto [d, stride] : llvm::enumerate(element.strides)) {
      if (stride % size == 0) {
        outer.strides[d] = stride / size;
      } else {
        inner.strides[d] = stride;
        largest += stride * (body.dims[d].size - 1);
      }
    }
    for (const IndexTerm& term : element.terms) {
      if (term.stride % size == 0) {
        outer.terms.push_back({term.index, term.stride / size, term.size});
      } else {
        inner.terms.push_back(term);
        largest += term.stride * (term.size - 1);
      }
    }
    if (largest >= size) return failure();
    result[k] = inner;
    element = outer;
  }
  return result;
}

/// Row-major number of the domain's point among the dimensions asked for.
Index Analysis::domainElement(bool kept, bool reduced) const {
  Index sum = zero();
  std::int64_t stride = 1;
  for (std::size_t d = body.dims.size(); d-- > 0;) {
    if (!(body.dims[d].reduced ? reduced : kept)) continue;
    sum.strides[d] = stride;
    stride *= body.dims[d].size;
  }
  return sum;
}

FailureOr<const Expr*> Analysis::value(Value value, ArrayRef<Index> indices) {
  if (auto argument = dyn_cast<BlockArgument>(value)) return load(argument, linear(shapeOf(value), indices));
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
          from.push_back(zero());
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
        expr.access = linear(shapeOf(value), indices);
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
  Index element = linear(shapeOf(op.getResult()), indices);
  while (auto inner = source.getDefiningOp<ir::ReshapeOp>())
    source = inner.getX();
  if (auto argument = dyn_cast<BlockArgument>(source)) return load(argument, element);
  auto from = split(element, shapeOf(source));
  if (failed(from)) return op.emitOpError("splits a dimension inside a fusion");
  return value(source, *from);
}

/// `value` seen at indices of a shape that it broadcasts to.
FailureOr<const Expr*> Analysis::broadcastTo(Value value, ArrayRef<Index> indices) {
  Shape shape = shapeOf(value);
  Indices from(indices.take_back(shape.size()));
  for (auto [index, size] : llvm::zip_equal(from, shape))
    if (size == 1) index = zero();
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
  auto walked = split(domainElement(false, true), reducedSizes);
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
  expr.access = linear(shapeOf(result), indices);
  for (Value operand : op->getOperands()) {
    Shape shape = shapeOf(operand);
    for (std::int64_t i = 0, e = product(shape); i < e; ++i) {
      Index element = zero();
      element.offset = i;
      auto at = split(element, shape);
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
  from.push_back(zero());
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

LogicalResult Analysis::addOutput(int result, Value value) {
  while (auto reshape =
             value.getDefiningOp<ir::ReshapeOp>()) // a result's shape does not matter, only its elements
    value = reshape.getX();
  Shape shape = shapeOf(value);
  bool hasReduced = llvm::any_of(body.dims, [](const Dim& dim) { return dim.reduced; });
  bool full = !hasReduced || (product(shape) == body.points() && product(shape) != body.keptPoints());
  Index element = domainElement(true, full);
  if (!body.dynamic() && product(shape) != (full ? body.points() : body.keptPoints()))
    return emitError(value.getLoc(), "a fusion's result has neither its domain's shape nor the reduced one");
  auto indices = split(element, shape);
  if (failed(indices)) return emitError(value.getLoc(), "a fusion's result splits a dimension of its domain");
  auto expr = this->value(value, *indices);
  if (failed(expr)) return failure();
  body.outputs.push_back({result, *expr, element});
  return success();
}

/// Dims of a domain of this shape, without those of size one (one reduced dim stays if all reduced ones are
/// 1).
llvm::SmallVector<Dim> domainOf(ArrayRef<std::int64_t> shape, ArrayRef<std::int64_t> reduced,
                                bool keepUnits) {
  llvm::SmallVector<Dim> dims;
  bool allUnits = llvm::all_of(reduced, [&](std::int64_t d) { return shape[d] == 1; });
  for (auto [d, size] : llvm::enumerate(shape)) {
    bool isReduced = llvm::is_contained(reduced, static_cast<std::int64_t>(d));
    bool isKeptUnit = isReduced && allUnits && static_cast<std::int64_t>(d) == reduced.back();
    if (size != 1 || keepUnits || isKeptUnit) dims.push_back({size, isReduced});
  }
  return dims;
}

/// The reduction whose operand is largest decides the domain; null when there is none.
Operation* mainReduction(ArrayRef<Value> yields) {
  llvm::SetVector<Operation*> ops;
  for (Value yield : yields)
    if (Operation* op = yield.getDefiningOp()) ops.insert(op);
  Operation* main = nullptr;
  auto numel = [](Operation* op) { return product(shapeOf(op->getOperand(0))); };
  for (std::size_t i = 0; i < ops.size(); ++i) { // grows while walked
    if (isa<ir::Reduction>(ops[i]) && (!main || numel(ops[i]) > numel(main))) main = ops[i];
    for (Value operand : ops[i]->getOperands())
      if (Operation* producer = operand.getDefiningOp()) ops.insert(producer);
  }
  return main;
}

/// Shape of a loop's domain: that of the largest yield, or a finer one of the same elements used inside.
Shape loopShape(Block& block, ArrayRef<Value> yields) {
  Shape best;
  auto better = [&](ArrayRef<std::int64_t> shape) {
    return withoutUnits(shape).size() > withoutUnits(best).size() && refines(shape, best);
  };
  for (Value yield : yields) {
    while (auto reshape = yield.getDefiningOp<ir::ReshapeOp>())
      yield = reshape.getX();
    Shape shape = shapeOf(yield);
    if (best.empty() || product(shape) > product(best) || (product(shape) == product(best) && better(shape)))
      best = shape;
  }
  if (llvm::any_of(best, ShapedType::isDynamic)) return best;
  for (Operation& op : block.without_terminator())
    for (Value value : op.getResults())
      if (product(shapeOf(value)) == product(best) && better(shapeOf(value))) best = shapeOf(value);
  return best;
}

} // namespace

void collapse(KernelBody& body) {
  llvm::SmallVector<Access*> accesses;
  for (auto& expr : body.exprs)
    if (!expr->access.strides.empty()) accesses.push_back(&expr->access);
  for (Output& output : body.outputs)
    accesses.push_back(&output.access);
  for (int d = static_cast<int>(body.dims.size()) - 2; d >= 0; --d) {
    Dim &outer = body.dims[d], inner = body.dims[d + 1];
    bool together = outer.reduced == inner.reduced && llvm::all_of(accesses, [&](const Access* access) {
                      return access->strides[d] == access->strides[d + 1] * inner.size;
                    });
    if (!together) continue;
    outer.size *= inner.size;
    body.dims.erase(body.dims.begin() + d + 1);
    for (Access* access : accesses)
      access->strides.erase(access->strides.begin() + d);
    std::uint64_t low = (std::uint64_t(1) << (d + 1)) - 1;
    for (auto& expr : body.exprs)
      expr->dims = (expr->dims & low) | ((expr->dims >> 1) & ~(low >> 1));
  }
}

namespace {
FailureOr<KernelBody> analyseYields(Block& block, ArrayRef<Value> yields, ArrayRef<int> results,
                                    const AnalyseOptions& options, std::optional<Shape> domain = {}) {
  KernelBody body;
  Analysis analysis(body);
  if (domain) {
    analysis.setDomain(domainOf(*domain, {}, !options.collapse));
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

/// The shape that a yield is computed in: its own but for free reshapes and dimensions of size 1.
Shape loopShapeOf(Value yield) {
  while (auto reshape = yield.getDefiningOp<ir::ReshapeOp>())
    yield = reshape.getX();
  Shape shape = shapeOf(yield);
  llvm::erase(shape, 1);
  return shape;
}

/// Yields of one shape that share computation of their own size belong to one domain. What yields of different shapes
/// share (an operand and its transpose) is computed by each.
llvm::SmallVector<llvm::SmallVector<int>> independentYields(ArrayRef<Value> yields) {
  llvm::EquivalenceClasses<int> classes;
  llvm::DenseMap<Operation*, int> owner;
  for (auto [i, yield] : llvm::enumerate(yields)) {
    int number = static_cast<int>(i);
    classes.insert(number);
    llvm::SetVector<Operation*> ops;
    auto visit = [&](Value value) {
      Operation* op = value.getDefiningOp();
      if (op && product(shapeOf(value)) == product(shapeOf(yield)) && !op->hasTrait<OpTrait::ConstantLike>())
        ops.insert(op);
    };
    visit(yield);
    for (std::size_t k = 0; k < ops.size(); ++k) {
      auto [place, isNew] = owner.try_emplace(ops[k], number);
      if (!isNew && loopShapeOf(yields[place->second]) == loopShapeOf(yield))
        classes.unionSets(place->second, number);
      llvm::for_each(ops[k]->getOperands(), visit);
    }
  }
  std::map<int, llvm::SmallVector<int>> groups;
  for (int i = 0, e = static_cast<int>(yields.size()); i < e; ++i)
    groups[classes.getLeaderValue(i)].push_back(i);
  llvm::SmallVector<llvm::SmallVector<int>> result;
  for (auto& [leader, members] : groups)
    result.push_back(members);
  llvm::sort(result, [](const auto& a, const auto& b) { return a.front() < b.front(); });
  return result;
}

} // namespace

FailureOr<std::vector<KernelBody>> analyse(ir::FusionOp fusion, AnalyseOptions options) {
  Block& block = fusion.getBody().front();
  llvm::SmallVector<Value> yields(block.getTerminator()->getOperands());
  llvm::SmallVector<llvm::SmallVector<int>> groups;
  std::optional<Shape> domain;
  if (fusion.getKind() == ir::FusionKind::Multi) {
    groups = independentYields(yields);
  } else {
    groups.push_back(llvm::to_vector(llvm::seq<int>(0, static_cast<int>(yields.size()))));
  }
  if (fusion.getKind() == ir::FusionKind::Contraction)
    for (auto matmul : block.getOps<ir::MatmulOp>())
      domain = shapeOf(matmul.getResult());
  std::vector<KernelBody> bodies;
  for (ArrayRef<int> group : groups) {
    llvm::SmallVector<Value> values;
    for (int result : group)
      values.push_back(yields[result]);
    auto body = analyseYields(block, values, group, options, domain);
    if (failed(body)) return failure();
    bodies.push_back(std::move(*body));
  }
  return bodies;
}

FailureOr<KernelBody> analyseValue(ir::FusionOp fusion, Value value, AnalyseOptions options) {
  return analyseYields(fusion.getBody().front(), value, 0, options, shapeOf(value));
}

} // namespace kiln::codegen
