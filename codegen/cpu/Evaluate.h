// Turns a KernelBody's expressions into vector code. The emitter owns the loops; it tells the evaluator which
// domain indices each loop binds, and asks for the value of an expression at `lanes` consecutive positions of
// the last dimension. Whatever does not depend on an inner loop's index is computed before that loop, without
// a hoisting pass.
#pragma once

#include "cpu/Target.h"
#include "kernel/KernelBody.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

#include <map>

namespace kiln::codegen::cpu {

/// One of the vectors that a loop body works on at once: number `unroll` starts unroll*lanes beyond the bound
/// index of the vector dimension. `mask` (vector of i1) is null when all lanes count.
struct Lanes {
  int unroll = 0;
  mlir::Value mask;
};

class Evaluator {
public:
  /// buffers: memref of each fusion input (by Expr::input). The vector dimension is the body's last.
  Evaluator(const KernelBody& body, mlir::OpBuilder& builder, mlir::Location loc,
            llvm::ArrayRef<mlir::Value> buffers, int lanes);

  /// Opens a scope in which `dim` has this index (type index; for the vector dimension: of lane 0 of vector
  /// 0). When the scope is a loop's body, `loop` is that op: what does not depend on it is emitted just
  /// before it. aligned: the index of the vector dimension is a multiple of 64 (random bits are then shared
  /// between vectors).
  void enter(mlir::Operation* loop, llvm::ArrayRef<std::pair<unsigned, mlir::Value>> bound,
             bool aligned = false);
  void leave();

  /// Vector of `lanes` elements at the current indices.
  mlir::Value vector(const Expr* expr, Lanes lanes = {});
  /// The one element of an expression that does not depend on the vector dimension.
  mlir::Value scalar(const Expr* expr);

  /// From now on (in the innermost scope) `expr` has this value: a finished reduction's scalar, a matmul's
  /// vector.
  void bind(const Expr* expr, mlir::Value value, int unroll = 0);

  /// Element number of an access at the current indices (of lane 0, vector `unroll`), type index.
  mlir::Value address(const Access& access, int unroll = 0);
  /// Whether elements from a multiple of 64 on, 64 in a row, have numbers of which the same holds.
  static bool isAligned(const Access& access);
  /// Stores vector `value` of an output at the current indices.
  void store(mlir::Value value, const Output& output, mlir::Value buffer, Lanes lanes = {});
  /// Stores the one element of an output that does not vary along the vector dimension.
  void storeScalar(mlir::Value value, const Output& output, mlir::Value buffer);

  mlir::Value toMemory(mlir::Value value); ///< as it is stored: i1 to i8 for bool

  int lanes() const { return lanes_; }
  unsigned vectorDim() const { return body_.dims.size() - 1; }
  mlir::VectorType vectorType(mlir::Type element) const { return mlir::VectorType::get({lanes_}, element); }

private:
  struct Visit;
  static constexpr int kScalar = -1; ///< in place of the unroll number
  struct Scope {
    mlir::Operation* loop;
    std::uint64_t dims; ///< all that are bound here or further out
    llvm::SmallVector<mlir::Value, 4> indices;
    std::map<std::pair<int, int>, mlir::Value> values; ///< by (expression, unroll or kScalar)
    bool aligned;
  };
  mlir::Value known(int id, int unroll) const;
  int levelOf(std::uint64_t dims) const;
  int levelOf(const Expr* expr) const;
  bool hasBound(const Expr* expr) const;
  void moveTo(int level); ///< sets the builder to where values of that scope are made

  mlir::Value load(const Expr* expr, Lanes lanes, int level);
  mlir::Value generate(const Expr* expr, Lanes lanes, int level);
  mlir::Value compute(const Expr* expr, llvm::ArrayRef<mlir::Value> operands);
  mlir::Value term(const IndexTerm& term, mlir::Value index);
  mlir::Value laneOffsets(const Access& access, Lanes lanes);
  mlir::Value indexConstant(std::int64_t value);
  mlir::Value allTrue();
  mlir::TypedAttr signless(mlir::TypedAttr constant);
  mlir::Value fromMemory(mlir::Value value, mlir::Type element); ///< i8 to i1 for bool

  const KernelBody& body_;
  mlir::OpBuilder& builder_;
  mlir::Location loc_;
  llvm::SmallVector<mlir::Value> buffers_;
  int lanes_;
  llvm::SmallVector<Scope, 4> scopes_;
  mlir::OpBuilder::InsertPoint here_; ///< where the emitter stands while values are made further out
  int depth_ = 0;
  mutable llvm::SmallVector<char> boundCache_;
  mutable std::map<int, int> levels_;
};

} // namespace kiln::codegen::cpu
