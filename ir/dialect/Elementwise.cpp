// Elementwise ops: derivatives, and how the activations open.
#include "Rules.h"

#include <numbers>

using namespace mlir;

namespace kiln::ir {
namespace {

constexpr double kTanhCubic = 0.044715; ///< gelu's tanh form: tanh(sqrt(2 / pi) * (x + 0.044715 x^3))
const double kSqrt2OverPi = std::sqrt(2 / std::numbers::pi);

/// Normal distribution at x: P(X <= x), and the tanh of its usual approximation.
Term normalCdf(const Term& x) {
  return (erf(x * (1 / std::numbers::sqrt2)) + 1.0) * 0.5;
}
Term geluTanh(const Term& x) {
  return tanh((x + x * x * x * kTanhCubic) * kSqrt2OverPi);
}

Term geluSlope(const Term& x) {
  return normalCdf(x) + x * exp(x * x * -0.5) * (1 / std::sqrt(2 * std::numbers::pi));
}

Term geluTanhSlope(const Term& x) {
  Term t = geluTanh(x);
  Term inner = (x * x * (3 * kTanhCubic) + 1.0) * kSqrt2OverPi;
  return (t + 1.0) * 0.5 + x * (1 - t * t) * inner * 0.5;
}

Term siluSlope(const Term& x) {
  Term s = sigmoid(x);
  return s * (x * (1 - s) + 1.0);
}

/// dropout(relu(x)) in reverse: when g is a dropout's gradient and the dropout of this very relu is at hand,
/// its sign tells mask and relu at once, and neither random bits nor relu's own result are needed again.
Term reluGradient(const Term& g, const Term& y) {
  if (auto back = g.operator Value().getDefiningOp<DropoutOp>())
    for (Operation* user : y.operator Value().getUsers())
      if (auto forward = dyn_cast<DropoutOp>(user); forward && forward.getState() == back.getState() &&
                                                    forward.getOffset() == back.getOffset() &&
                                                    forward.getP() == back.getP()) {
        // One after the other: the order in which a C++ compiler evaluates arguments would be that of the
        // ops.
        const Term kept = gt(g.at(forward), 0);
        const Term scaled = g.at(back.getX()) * (1 / (1 - forward.getP().convertToDouble()));
        return where(kept, scaled, 0);
      }
  return where(gt(y, 0), g, 0);
}

/// Gradient through a conversion: none from or to what has no derivative.
Value castGradient(const Term& g, const Term& x, const Term& y) {
  return is_floating(x.dtype()) && is_floating(y.dtype()) ? Value(cast(g, x.dtype())) : Value();
}

} // namespace

KILN_UNARY_VJP(NegOp, -g)
KILN_UNARY_VJP(AbsOp, g* sign(x))
KILN_UNARY_VJP(ExpOp, g* y)
KILN_UNARY_VJP(Expm1Op, g*(y + 1.0))
KILN_UNARY_VJP(LogOp, g / x)
KILN_UNARY_VJP(Log1pOp, g / (x + 1.0))
KILN_UNARY_VJP(SqrtOp, g / (y * 2.0))
KILN_UNARY_VJP(RsqrtOp, g * y * y * y * -0.5)
KILN_UNARY_VJP(SinOp, g* cos(x))
KILN_UNARY_VJP(CosOp, -(g* sin(x)))
KILN_UNARY_VJP(TanhOp, g * (1 - y * y))
KILN_UNARY_VJP(ErfOp, g* exp(-(x* x)) * (2 / std::sqrt(std::numbers::pi)))
KILN_UNARY_VJP(AtanOp, g / (x * x + 1.0))
KILN_UNARY_VJP(SigmoidOp, g*(y * (1 - y)))
KILN_UNARY_VJP(ReluOp, reluGradient(g, y))
KILN_UNARY_VJP(CastOp, castGradient(g, x, y))
KILN_UNARY_VJP(GeluOp, g*(getApproximate() == "tanh" ? geluTanhSlope(x) : geluSlope(x)))
KILN_UNARY_VJP(SiluOp, g* siluSlope(x))
KILN_UNARY_VJP(SoftplusOp, g* sigmoid(x))

KILN_BINARY_VJP(AddOp, g, g)
KILN_BINARY_VJP(SubOp, g, -g)
KILN_BINARY_VJP(MulOp, g* b, g* a)
KILN_BINARY_VJP(DivOp, g / b, -(g* y) / b)
// 0^0 = 1 has no slope by its base, and 0^b none by its exponent.
KILN_BINARY_VJP(PowOp, where(eq(b, 0), 0, g * b * pow(a, b - 1.0)), where(eq(a, 0), 0, g * y * log(a)))
KILN_BINARY_VJP(FmodOp, g, -(g* trunc(a / b)))
KILN_BINARY_VJP(Atan2Op, g* b / (a * a + b * b), -(g* a) / (a * a + b * b))
// Equal operands share the gradient.
KILN_BINARY_VJP(MaximumOp, where(lt(a, b), 0, where(eq(a, b), g * 0.5, g)),
                where(lt(b, a), 0, where(eq(a, b), g * 0.5, g)))
KILN_BINARY_VJP(MinimumOp, where(gt(a, b), 0, where(eq(a, b), g * 0.5, g)),
                where(gt(b, a), 0, where(eq(a, b), g * 0.5, g)))

Gradients WhereOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]), condition = g.at(getCondition()), lhs = g.at(getLhs()),
                                       rhs = g.at(getRhs());
  return {Value(), sumTo(where(condition, g, 0), lhs.shape()), sumTo(where(condition, 0, g), rhs.shape())};
}

SmallVector<Value> GeluOp::decompose(OpBuilder& builder) {
  Term x(builder, getLoc(), getX());
  return {getApproximate() == "tanh" ? x * ((geluTanh(x) + 1.0) * 0.5) : x * normalCdf(x)};
}

SmallVector<Value> SiluOp::decompose(OpBuilder& builder) {
  Term x(builder, getLoc(), getX());
  return {x * sigmoid(x)};
}

// log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|)).
SmallVector<Value> SoftplusOp::decompose(OpBuilder& builder) {
  Term x(builder, getLoc(), getX());
  return {relu(x) + log1p(exp(-abs(x)))};
}

} // namespace kiln::ir
