// Pushes reshapes to the edges: elementwise ops and reductions are computed at the lowest rank that serves,
// so that a reshape ends beside a contraction, an input or an output, where it costs nothing.
//   %1 = kiln.reshape %a {[4,8,16]}          ->   %1 = kiln.relu %a : [32,16]
//   %2 = kiln.relu %1 : [4,8,16]                  %2 = kiln.reshape %1 {[4,8,16]}
// Every rule lowers the rank of the op that it moves past, so the rules end. No rule lowers the rank of a
// contraction: its epilogue must keep its shape.
#include "Simplify.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
namespace {

/// One entry per dimension of `to`: the run [first, last) of dimensions of `from` that it joins.
struct Run {
  unsigned first, last;
};
using Runs = SmallVector<Run, 4>;

/// How `from` becomes `to` by joining neighbouring dimensions; nullopt when it does not.
std::optional<Runs> joins(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  Runs runs;
  unsigned dim = 0;
  for (int64_t size : to) {
    Run run{dim, dim};
    int64_t product = 1;
    while (dim < from.size() && (product < size || from[dim] == 1 || run.last == run.first)) {
      product *= from[dim++];
      run.last = dim;
    }
    if (product != size || run.first == run.last) return std::nullopt;
    runs.push_back(run);
  }
  while (dim < from.size() && from[dim] == 1)
    ++dim;
  if (dim != from.size()) return std::nullopt;
  if (!runs.empty()) runs.back().last = from.size();
  return runs;
}

/// The broadcast's operand joined as its result is; nullopt when a run holds both repeated and kept
/// dimensions.
std::optional<SmallVector<int64_t, 4>> joinedSource(ir::BroadcastOp op, const Runs& runs) {
  ArrayRef<int64_t> wide = shapeOf(op), narrow = shapeOf(op.getX());
  size_t added = wide.size() - narrow.size();
  SmallVector<int64_t, 4> shape;
  for (Run run : runs) {
    bool repeats = false, keeps = false;
    int64_t product = 1;
    for (unsigned dim = run.first; dim < run.last; ++dim) {
      int64_t source = dim < added ? 1 : narrow[dim - added];
      product *= source;
      (source == wide[dim] ? keeps : repeats) |= wide[dim] != 1;
    }
    if (repeats && keeps) return std::nullopt;
    shape.push_back(product);
  }
  return shape;
}

bool isDynamic(Value value) {
  return !typeOf(value).hasStaticShape();
}

/// Whether `value` can be had in the joined shape without a reshape between two ops of one kernel.
bool isJoinable(Value value, const Runs& runs) {
  Operation* op = value.getDefiningOp();
  if (!op || splatOf(value)) return true;
  if (auto source = dyn_cast<ir::BroadcastOp>(op)) return joinedSource(source, runs).has_value();
  return !op->hasTrait<ir::ContractionTrait>() && !isa<ir::TransposeOp>(op);
}

Value joined(PatternRewriter& rewriter, Value value, const Runs& runs, ArrayRef<int64_t> shape) {
  Location loc = value.getLoc();
  if (auto number = splatOf(value)) return constant(rewriter, loc, typeOf(value).clone(shape), *number);
  if (auto source = value.getDefiningOp<ir::BroadcastOp>())
    return broadcast(rewriter, loc, reshape(rewriter, loc, source.getX(), *joinedSource(source, runs)),
                     shape);
  return reshape(rewriter, loc, value, shape);
}

/// `op` of the joined shape, in front of `op`; null when an operand does not go along.
Value joinElementwise(Operation* op, const Runs& runs, ArrayRef<int64_t> shape, PatternRewriter& rewriter) {
  if (!llvm::all_of(op->getOperands(), [&](Value operand) { return isJoinable(operand, runs); }))
    return nullptr;
  rewriter.setInsertionPoint(op);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(joined(rewriter, operand, runs, shape));
  return cloneWithShape(rewriter, op, operands, shape)->getResult(0);
}

/// The reduction whose kept dimensions are joined by `runs`, in front of it; null when reduced ones lie
/// between them.
Value joinReduction(ir::Reduction op, const Runs& runs, ArrayRef<int64_t> shape, PatternRewriter& rewriter) {
  Value x = op->getOperand(0);
  SmallVector<int64_t> kept, operandShape, reduced;
  llvm::SmallDenseSet<int64_t> isReduced(op.reducedDims().begin(), op.reducedDims().end());
  for (int64_t dim = 0; dim < typeOf(x).getRank(); ++dim)
    if (!isReduced.contains(dim)) kept.push_back(dim);
  Runs operandRuns;
  int64_t dim = 0;
  auto addReduced = [&](int64_t until) {
    for (; dim < until; ++dim) {
      reduced.push_back(operandShape.size());
      operandShape.push_back(shapeOf(x)[dim]);
      operandRuns.push_back({static_cast<unsigned>(dim), static_cast<unsigned>(dim + 1)});
    }
  };
  for (auto [run, size] : llvm::zip(runs, shape)) {
    int64_t first = kept[run.first], last = kept[run.last - 1] + 1;
    if (last - first != run.last - run.first) return nullptr;
    addReduced(first);
    operandShape.push_back(size);
    operandRuns.push_back({static_cast<unsigned>(first), static_cast<unsigned>(last)});
    dim = last;
  }
  addReduced(typeOf(x).getRank());
  if (!isJoinable(x, operandRuns)) return nullptr;
  rewriter.setInsertionPoint(op);
  Operation* copy = op->clone();
  copy->setOperand(0, joined(rewriter, x, operandRuns, operandShape));
  copy->setAttr("dims", rewriter.getDenseI64ArrayAttr(reduced));
  copy->getResult(0).setType(typeOf(op->getResult(0)).clone(shape));
  return rewriter.insert(copy)->getResult(0);
}

/// reshape(op(x)) that joins dimensions -> op(reshape(x)).
LogicalResult hoistJoin(ir::ReshapeOp op, PatternRewriter& rewriter) {
  Value x = op.getX();
  Operation* producer = x.getDefiningOp();
  if (!producer || isDynamic(x)) return failure();
  SmallVector<int64_t, 4> shape = squeezed(shapeOf(op));
  std::optional<Runs> runs = joins(shapeOf(x), shape);
  if (!runs || static_cast<int64_t>(shape.size()) >= typeOf(x).getRank()) return failure();
  Value replacement;
  if (isElementwise(producer)) {
    replacement = joinElementwise(producer, *runs, shape, rewriter);
  } else if (auto reduction = dyn_cast<ir::Reduction>(producer);
             reduction && !shape.empty() &&
             static_cast<int64_t>(reduction.reducedDims().size()) + typeOf(x).getRank() ==
                 typeOf(producer->getOperand(0)).getRank()) {
    replacement = joinReduction(reduction, *runs, shape, rewriter);
  } else if (auto source = dyn_cast<ir::BroadcastOp>(producer); source && joinedSource(source, *runs)) {
    rewriter.setInsertionPoint(producer);
    replacement = joined(rewriter, x, *runs, shape);
  }
  if (!replacement) return failure();
  Value wide = reshape(rewriter, producer->getLoc(), replacement, shapeOf(x));
  rewriter.replaceOp(producer, wide);
  return success();
}

/// op(reshape(x), y) where the reshape splits dimensions -> reshape(op(x, joined y)).
struct SinkSplit : OpTraitRewritePattern<ir::ElementwiseTrait> {
  using OpTraitRewritePattern::OpTraitRewritePattern;
  LogicalResult matchAndRewrite(Operation* op, PatternRewriter& rewriter) const override {
    Value result = op->getResult(0);
    if (isDynamic(result)) return failure();
    for (Value operand : op->getOperands()) {
      auto split = operand.getDefiningOp<ir::ReshapeOp>();
      if (!split || isDynamic(split.getX())) continue;
      SmallVector<int64_t, 4> shape = squeezed(shapeOf(split.getX()));
      std::optional<Runs> runs = joins(shapeOf(result), shape);
      if (!runs || static_cast<int64_t>(shape.size()) >= typeOf(result).getRank()) continue;
      Value narrow = joinElementwise(op, *runs, shape, rewriter);
      if (!narrow) continue;
      rewriter.replaceOp(op, reshape(rewriter, op->getLoc(), narrow, shapeOf(result)));
      return success();
    }
    return failure();
  }
};

/// reduce(reshape(x)) -> reshape(reduce(x)) when the reshape splits no reduced dimension off a kept one.
struct ReduceJoined : OpInterfaceRewritePattern<ir::Reduction> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(ir::Reduction op, PatternRewriter& rewriter) const override {
    auto split = op->getOperand(0).getDefiningOp<ir::ReshapeOp>();
    Value result = op->getResult(0);
    if (!split || isDynamic(split) || isDynamic(split.getX()) ||
        op->getAttrOfType<BoolAttr>("keepdim").getValue())
      return failure();
    std::optional<Runs> runs = joins(shapeOf(split), shapeOf(split.getX()));
    if (!runs || typeOf(split.getX()).getRank() >= typeOf(split).getRank()) return failure();
    SmallVector<int64_t> reduced, shape;
    for (auto [dim, run] : llvm::enumerate(*runs)) {
      unsigned count = 0, longer = 0, longerReduced = 0;
      for (unsigned inner = run.first; inner < run.last; ++inner, ++count) {
        longer += shapeOf(split)[inner] != 1;
        longerReduced +=
            shapeOf(split)[inner] != 1 && llvm::is_contained(op.reducedDims(), static_cast<int64_t>(inner));
      }
      if (longerReduced != 0 && longerReduced != longer) return failure();
      if (longerReduced)
        reduced.push_back(dim);
      else
        shape.push_back(shapeOf(split.getX())[dim]);
    }
    Operation* copy = op->clone();
    copy->setOperand(0, split.getX());
    copy->setAttr("dims", rewriter.getDenseI64ArrayAttr(reduced));
    copy->getResult(0).setType(typeOf(result).clone(shape));
    rewriter.insert(copy);
    rewriter.replaceOp(op, reshape(rewriter, op.getLoc(), copy->getResult(0), shapeOf(result)));
    return success();
  }
};

} // namespace

void populateReshapePatterns(RewritePatternSet& patterns) {
  patterns.add<SinkSplit, ReduceJoined>(patterns.getContext());
  patterns.add(hoistJoin);
}

} // namespace kiln::passes
