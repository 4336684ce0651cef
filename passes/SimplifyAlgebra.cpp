// Algebra on elementwise ops: folding of constants, neutral elements, inverses, chains with constants.
// Floating-point rules hold for every input, NaN and infinities included, but for the sign of a zero, and for
// one rule: x*a*b with constants a and b becomes x*(a*b), which may round once instead of twice and, where
// a*b is in range, leaves out that x*a was not.
#include "Simplify.h"
#include "Util.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;

namespace kiln::passes {
namespace {

TypedAttr scalarAttr(Type type, double number) {
  if (isa<FloatType>(type)) return FloatAttr::get(type, number);
  return IntegerAttr::get(type, static_cast<int64_t>(number));
}

/// Value of elementwise `op` on constants: its scalar expansion, folded op by op.
std::optional<double> evaluate(Operation* op, ArrayRef<double> operands) {
  auto expandable = dyn_cast<ir::ScalarExpandable>(op);
  auto isSignless = [](Type type) {
    Type element = cast<RankedTensorType>(type).getElementType();
    return isa<FloatType>(element) || element.isSignlessInteger();
  };
  if (!expandable || !llvm::all_of(op->getOperandTypes(), isSignless) ||
      !isSignless(op->getResult(0).getType()))
    return std::nullopt;
  Block block;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointToEnd(&block);
  SmallVector<Value> scalars;
  for (auto [operand, number] : llvm::zip(op->getOperands(), operands))
    scalars.push_back(arith::ConstantOp::create(builder, op->getLoc(),
                                                scalarAttr(typeOf(operand).getElementType(), number)));
  Value result = expandable.expandScalar(builder, scalars);
  llvm::DenseMap<Value, Attribute> known;
  for (Operation& step : block) {
    SmallVector<Attribute> inputs;
    for (Value input : step.getOperands())
      inputs.push_back(known.lookup(input));
    SmallVector<OpFoldResult> folded;
    if (step.getNumRegions() || failed(step.fold(inputs, folded)) || folded.empty()) return std::nullopt;
    for (auto [value, fold] : llvm::zip(step.getResults(), folded)) {
      Attribute attr = dyn_cast<Attribute>(fold);
      known[value] = attr ? attr : known.lookup(cast<Value>(fold));
    }
  }
  Attribute attr = known.lookup(result);
  if (auto number = dyn_cast_or_null<FloatAttr>(attr)) return number.getValueAsDouble();
  if (auto number = dyn_cast_or_null<IntegerAttr>(attr))
    return number.getType().isInteger(1) ? double(number.getValue().getZExtValue()) : double(number.getInt());
  return std::nullopt;
}

/// Elementwise op on constants -> a constant; on broadcasts of one shape -> broadcast of the op on what they
/// broadcast.
struct HoistAboveBroadcast : OpTraitRewritePattern<ir::ElementwiseTrait> {
  using OpTraitRewritePattern::OpTraitRewritePattern;
  LogicalResult matchAndRewrite(Operation* op, PatternRewriter& rewriter) const override {
    RankedTensorType type = typeOf(op->getResult(0));
    SmallVector<double> numbers;
    SmallVector<Value> sources;
    Value widest;
    for (Value operand : op->getOperands()) {
      if (auto number = splatOf(operand)) {
        numbers.push_back(*number);
        sources.push_back(nullptr);
        continue;
      }
      auto broadcast = operand.getDefiningOp<ir::BroadcastOp>();
      if (!broadcast || (widest && shapeOf(widest) != shapeOf(broadcast.getX()))) return failure();
      widest = broadcast.getX();
      sources.push_back(widest);
    }
    if (op->getNumOperands() == 0) return failure();
    if (widest) {
      for (auto [source, operand] : llvm::zip(sources, op->getOperands()))
        if (!source)
          source =
              constant(rewriter, op->getLoc(), typeOf(operand).clone(shapeOf(widest)), *splatOf(operand));
      Operation* small = cloneWithShape(rewriter, op, sources, shapeOf(widest));
      rewriter.replaceOpWithNewOp<ir::BroadcastOp>(op, type, small->getResult(0), type.getShape());
      return success();
    }
    std::optional<double> number = evaluate(op, numbers);
    if (!number || (type.getElementType().isInteger(64) && std::abs(*number) > 9e15)) return failure();
    rewriter.replaceOp(op, constant(rewriter, op->getLoc(), type, *number));
    return success();
  }
};

bool isFloat(Value value) {
  return isa<FloatType>(typeOf(value).getElementType());
}

/// The operands of a commutative op as (any, constant).
template <typename Op> std::optional<std::pair<Value, double>> withConstant(Op op) {
  if (auto number = splatOf(op.getRhs())) return std::pair{op.getLhs(), *number};
  if (auto number = splatOf(op.getLhs())) return std::pair{op.getRhs(), *number};
  return std::nullopt;
}

/// Whether a number of this element type can hold `number` with all its digits: it neither overflows nor
/// comes near zero.
bool isInRange(double number, Type element) {
  llvm::APFloat value(number);
  bool losesInfo;
  value.convert(cast<FloatType>(element).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return value.isNormal();
}

LogicalResult simplifyMul(ir::MulOp op, PatternRewriter& rewriter) {
  auto parts = withConstant(op);
  if (!parts) return failure();
  auto [x, number] = *parts;
  if (number == 1) {
    rewriter.replaceOp(op, x);
    return success();
  }
  if (number == -1) {
    rewriter.replaceOpWithNewOp<ir::NegOp>(op, op.getType(), x);
    return success();
  }
  // 0 * x is not 0 when x is infinite or NaN.
  if (number == 0 && !isFloat(op)) {
    rewriter.replaceOp(op, constant(rewriter, op.getLoc(), typeOf(op), 0));
    return success();
  }
  auto inner = x.getDefiningOp<ir::MulOp>();
  if (auto innerParts = inner && isFloat(op) ? withConstant(inner) : std::nullopt;
      innerParts && isInRange(innerParts->second * number, typeOf(op).getElementType())) {
    RankedTensorType scalar = typeOf(op).clone(ArrayRef<int64_t>{});
    Value product = ir::MulOp::create(rewriter, op.getLoc(), scalar,
                                      constant(rewriter, op.getLoc(), scalar, innerParts->second),
                                      constant(rewriter, op.getLoc(), scalar, number));
    rewriter.replaceOpWithNewOp<ir::MulOp>(op, op.getType(), innerParts->first,
                                           broadcast(rewriter, op.getLoc(), product, shapeOf(op)));
    return success();
  }
  if (auto neg = x.getDefiningOp<ir::NegOp>()) {
    rewriter.replaceOpWithNewOp<ir::MulOp>(op, op.getType(), neg.getX(),
                                           constant(rewriter, op.getLoc(), typeOf(op), -number));
    return success();
  }
  return failure();
}

LogicalResult simplifyAdd(ir::AddOp op, PatternRewriter& rewriter) {
  if (auto parts = withConstant(op); parts && parts->second == 0) {
    rewriter.replaceOp(op, parts->first);
    return success();
  }
  for (auto [x, y] : {std::pair{op.getLhs(), op.getRhs()}, std::pair{op.getRhs(), op.getLhs()}})
    if (auto neg = y.getDefiningOp<ir::NegOp>()) {
      rewriter.replaceOpWithNewOp<ir::SubOp>(op, op.getType(), x, neg.getX());
      return success();
    }
  return failure();
}

LogicalResult simplifySub(ir::SubOp op, PatternRewriter& rewriter) {
  if (isSplat(op.getRhs(), 0))
    rewriter.replaceOp(op, op.getLhs());
  else if (isSplat(op.getLhs(), 0))
    rewriter.replaceOpWithNewOp<ir::NegOp>(op, op.getType(), op.getRhs());
  else if (auto neg = op.getRhs().getDefiningOp<ir::NegOp>())
    rewriter.replaceOpWithNewOp<ir::AddOp>(op, op.getType(), op.getLhs(), neg.getX());
  else
    return failure();
  return success();
}

LogicalResult simplifyDiv(ir::DivOp op, PatternRewriter& rewriter) {
  std::optional<double> number = splatOf(op.getRhs());
  int exponent;
  if (number == 1)
    rewriter.replaceOp(op, op.getLhs());
  else if (number && isFloat(op) && std::abs(std::frexp(*number, &exponent)) == 0.5 &&
           isInRange(1 / *number, typeOf(op).getElementType()))
    // The inverse of a power of two is exact.
    rewriter.replaceOpWithNewOp<ir::MulOp>(op, op.getType(), op.getLhs(),
                                           constant(rewriter, op.getLoc(), typeOf(op), 1 / *number));
  else
    return failure();
  return success();
}

LogicalResult simplifyPow(ir::PowOp op, PatternRewriter& rewriter) {
  std::optional<double> number = splatOf(op.getRhs());
  Value x = op.getLhs();
  auto product = [&](Value a, Value b) {
    return ir::MulOp::create(rewriter, op.getLoc(), op.getType(), a, b);
  };
  if (number == 1)
    rewriter.replaceOp(op, x);
  else if (number == 2)
    rewriter.replaceOp(op, product(x, x));
  else if (number == 3)
    rewriter.replaceOp(op, product(product(x, x), x));
  else if (number == -1 && isFloat(op))
    rewriter.replaceOpWithNewOp<ir::DivOp>(op, op.getType(), constant(rewriter, op.getLoc(), typeOf(op), 1),
                                           x);
  else
    return failure();
  return success();
}

LogicalResult simplifyNeg(ir::NegOp op, PatternRewriter& rewriter) {
  if (auto inner = op.getX().getDefiningOp<ir::NegOp>())
    rewriter.replaceOp(op, inner.getX());
  else if (auto inner = op.getX().getDefiningOp<ir::SubOp>(); inner && inner->hasOneUse())
    rewriter.replaceOpWithNewOp<ir::SubOp>(op, op.getType(), inner.getRhs(), inner.getLhs());
  else
    return failure();
  return success();
}

LogicalResult simplifyNot(ir::NotOp op, PatternRewriter& rewriter) {
  auto inner = op.getX().getDefiningOp<ir::NotOp>();
  if (!inner) return failure();
  rewriter.replaceOp(op, inner.getX());
  return success();
}

LogicalResult simplifyWhere(ir::WhereOp op, PatternRewriter& rewriter) {
  if (op.getLhs() == op.getRhs())
    rewriter.replaceOp(op, op.getLhs());
  else if (auto number = splatOf(op.getCondition()))
    rewriter.replaceOp(op, *number != 0 ? op.getLhs() : op.getRhs());
  else if (auto inverse = op.getCondition().getDefiningOp<ir::NotOp>())
    rewriter.replaceOpWithNewOp<ir::WhereOp>(op, op.getType(), inverse.getX(), op.getRhs(), op.getLhs());
  else
    return failure();
  return success();
}

LogicalResult simplifyCast(ir::CastOp op, PatternRewriter& rewriter) {
  if (op.getType() != op.getX().getType()) return failure();
  rewriter.replaceOp(op, op.getX());
  return success();
}

} // namespace

void populateAlgebraPatterns(RewritePatternSet& patterns) {
  patterns.add<HoistAboveBroadcast>(patterns.getContext());
  patterns.add(simplifyMul);
  patterns.add(simplifyAdd);
  patterns.add(simplifySub);
  patterns.add(simplifyDiv);
  patterns.add(simplifyPow);
  patterns.add(simplifyNeg);
  patterns.add(simplifyNot);
  patterns.add(simplifyWhere);
  patterns.add(simplifyCast);
}

} // namespace kiln::passes
