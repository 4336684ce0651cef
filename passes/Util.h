// Small questions that every pass asks of tensors and constants, and the marks that passes leave on ops.
#pragma once

#include "KilnOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <optional>

namespace kiln::passes {

/// On ops that a gradient brought in: rematerialise cuts the program between the others and these.
inline constexpr llvm::StringLiteral kBackward = "kiln.backward";
/// On ops that a composite opened into, or that an op's derivative built: that op's name. Kernels are named
/// by it.
inline constexpr llvm::StringLiteral kOrigin = "kiln.origin";

/// On a planned function: its slots, and the sizes that the plan reached.
inline constexpr llvm::StringLiteral kPlan = "kiln.plan";
/// On ops that backward computes again rather than read what forward computed.
inline constexpr llvm::StringLiteral kAgain = "kiln.again";
/// On arguments that the caller gives up: the number of the output that is stored in their place.
inline constexpr llvm::StringLiteral kDonated = "kiln.donated";

/// On a joint @main: how many inputs and outputs are forward's. On a split module: where each residual is.
inline constexpr llvm::StringLiteral kForwardInputs = "kiln.forward_inputs";
inline constexpr llvm::StringLiteral kForwardOutputs = "kiln.forward_outputs";
inline constexpr llvm::StringLiteral kResiduals = "kiln.residuals";

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return typeOf(value).getShape();
}
/// Elements; a dimension that only the caller knows counts as `kAssumedDynamic`.
int64_t numel(llvm::ArrayRef<int64_t> shape);
inline int64_t numel(mlir::Value value) {
  return numel(shapeOf(value));
}
int64_t bytesOf(mlir::Value value); ///< a bool takes one byte
inline constexpr int64_t kAssumedDynamic = 1 << 20;

/// `shape` without its dimensions of size 1.
llvm::SmallVector<int64_t, 4> squeezed(llvm::ArrayRef<int64_t> shape);

/// The number that every element of `value` is, seen through broadcasts and reshapes.
std::optional<double> splatOf(mlir::Value value);
inline bool isSplat(mlir::Value value, double number) {
  return splatOf(value) == number;
}

/// kiln.constant of `type`, every element `number`.
mlir::Value constant(mlir::OpBuilder& builder, mlir::Location loc, mlir::RankedTensorType type,
                     double number);
/// `value` with `shape`; itself when it has it.
mlir::Value reshape(mlir::OpBuilder& builder, mlir::Location loc, mlir::Value value,
                    llvm::ArrayRef<int64_t> shape);
mlir::Value broadcast(mlir::OpBuilder& builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> shape);
mlir::Value transpose(mlir::OpBuilder& builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> permutation);

bool isElementwise(mlir::Operation* op);
/// Copy of elementwise `op` on other operands, all of `shape`.
mlir::Operation* cloneWithShape(mlir::OpBuilder& builder, mlir::Operation* op, mlir::ValueRange operands,
                                llvm::ArrayRef<int64_t> shape);

/// Erases ops whose results nobody uses, the last first.
void eraseDead(mlir::Block& block);
/// Merges ops that compute the same from the same; marks do not count. Returns how many went.
int shareEqualOps(mlir::Block& block);

/// Puts a mark on every op that a builder inserts while it lives.
class MarkInserted : public mlir::OpBuilder::Listener {
public:
  MarkInserted(mlir::OpBuilder& builder, bool backward, mlir::StringAttr origin);
  ~MarkInserted() override;
  void notifyOperationInserted(mlir::Operation* op, mlir::OpBuilder::InsertPoint previous) override;
  mlir::Operation* first() const { return first_; }

private:
  mlir::OpBuilder& builder_;
  bool backward_;
  mlir::StringAttr origin_;
  mlir::Operation* first_ = nullptr;
};

} // namespace kiln::passes
