// Turns a KernelBody's expressions into scalar code. The emitter owns the loops; it tells the evaluator which
// domain indices each scope binds, and asks for values at the current indices. What does not depend on an
// inner scope's indices is computed before that scope. Several consecutive elements of a dimension can be
// loaded and stored as one vector; the computation between stays scalar, in a short unrolled loop.
#pragma once

#include "cuda/Kernel.h"

#include <map>

namespace kiln::codegen::cuda {

class Evaluator {
public:
  Evaluator(const KernelBody& body, KernelBuilder& kernel);

  using Bound = llvm::ArrayRef<std::pair<unsigned, mlir::Value>>;
  /// Opens a scope inside `op` (a loop or condition) in which these dims have these indices. `linear`, when
  /// given, is the row-major number of the point in the whole domain.
  void enter(mlir::Operation* op, Bound bound, mlir::Value linear = {});
  void leave();

  /// The one element at the current indices.
  mlir::Value value(const Expr* expr);
  /// From now on (in the innermost scope) `expr` has this value: a finished reduction, a matmul's element.
  void bind(const Expr* expr, mlir::Value value);
  mlir::Value address(const Access& access);
  void store(const Output& output, mlir::Value value);

  /// Elements of `dim` that one thread can take at once: 16 bytes of the widest type that is read or written
  /// contiguously, or 1 when addresses do not allow vectors.
  static int vectorWidth(const KernelBody& body, unsigned dim);

  /// Evaluates `exprs` at `width` consecutive indices of `dim` from `start`. Loads go by vectors where they
  /// can. `each` gets the values at one of them, in a scope where `dim` is bound; it returns what it carries
  /// on.
  /// `begin`, when given, is called first, with the number of the element: it may bind what belongs to it.
  Values lanes(unsigned dim, mlir::Value start, int width, llvm::ArrayRef<const Expr*> exprs,
               mlir::ValueRange carried, llvm::ArrayRef<std::string> carriedNames,
               llvm::function_ref<Values(mlir::ValueRange values, mlir::ValueRange carried)> each,
               mlir::Value linear = {}, llvm::function_ref<void(mlir::Value lane)> begin = {});
  /// Evaluates and stores outputs at `width` consecutive indices of `dim`.
  void storeLanes(unsigned dim, mlir::Value start, int width, llvm::ArrayRef<const Output*> outputs,
                  mlir::Value linear = {}, llvm::function_ref<void(mlir::Value lane)> begin = {});
  /// The values of `expr` at `width` consecutive indices of `dim`, as a vector of `type`'s elements.
  mlir::Value vector(unsigned dim, mlir::Value start, const Expr* expr, mlir::VectorType type,
                     const std::string& name);

private:
  struct Scope {
    mlir::Operation* op;
    std::uint64_t dims; ///< all that are bound here or further out
    llvm::SmallVector<mlir::Value, 4> indices;
    mlir::Value linear;
    std::map<int, mlir::Value> values;
    llvm::SmallVector<std::pair<Access, mlir::Value>, 4> addresses;
    mlir::Value lane;                   ///< set in the scope of one vector element
    std::map<int, mlir::Value> vectors; ///< loads that were made as vectors, by expression
  };

  int levelOf(std::uint64_t dims) const;
  int levelOf(const Expr* expr);
  int levelOf(const Access& access);
  /// Runs `make` where code of that level goes.
  mlir::Value in(int level, llvm::function_ref<mlir::Value()> make);
  mlir::Value compute(const Expr* expr, int level);
  mlir::Value generate(const Expr* expr, mlir::ValueRange scalars);
  mlir::Value loadVector(const Expr* load, int width);
  void gatherLoads(const Expr* expr, unsigned dim, int width, llvm::SmallVectorImpl<const Expr*>& loads);
  bool isFullAccess(const Access& access) const;

  const KernelBody& body_;
  KernelBuilder& kernel_;
  llvm::SmallVector<Scope, 4> scopes_;
  std::map<int, int> levels_; ///< levelOf of expressions; valid until the scopes change
};

/// Whether `width` elements along `dim` are one aligned vector.
bool isVectorAccess(const Access& access, unsigned dim, int width);

} // namespace kiln::codegen::cuda
