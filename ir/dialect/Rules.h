// The one shape in which derivatives of elementwise ops are written:
//   KILN_UNARY_VJP(ExpOp, g * y)            g: gradient of the result, x: operand, y: result
//   KILN_BINARY_VJP(MulOp, g * b, g * a)    a, b: operands; each gradient is summed to its operand's shape
#pragma once

#include "Term.h"

namespace kiln::ir {

using Gradients = llvm::SmallVector<mlir::Value>;

/// Gradients of an op into which nothing flows.
inline Gradients noGradients(mlir::Operation* op) {
  return Gradients(op->getNumOperands());
}

} // namespace kiln::ir

#define KILN_UNARY_VJP(OP, ...)                                                                              \
  ::kiln::ir::Gradients OP::vjp(::mlir::OpBuilder& builder, ::mlir::ValueRange grads) {                      \
    if (!grads[0]) return noGradients(*this);                                                                \
    Term g(builder, getLoc(), grads[0]);                                                                     \
    [[maybe_unused]] Term x = g.at(getX()), y = g.at(getResult());                                           \
    return {__VA_ARGS__};                                                                                    \
  }

#define KILN_BINARY_VJP(OP, A, B)                                                                            \
  ::kiln::ir::Gradients OP::vjp(::mlir::OpBuilder& builder, ::mlir::ValueRange grads) {                      \
    if (!grads[0]) return noGradients(*this);                                                                \
    Term g(builder, getLoc(), grads[0]);                                                                     \
    [[maybe_unused]] Term a = g.at(getLhs()), b = g.at(getRhs()), y = g.at(getResult());                     \
    return {sumTo(A, a.shape()), sumTo(B, b.shape())};                                                       \
  }
