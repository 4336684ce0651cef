// What a fusion computes, as both backends see it: an iteration domain and, for each result, an expression
// per element. Shape ops have vanished into affine addresses; adjacent dimensions that every address walks
// together are one. Emitters decide how to walk the domain; nothing here knows of vectors, threads or blocks.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::ir {
class FusionOp;
}

namespace kiln::codegen {

struct Expr;

/// A dimension of the domain. `size` is ShapedType::kDynamic in a one-op elementwise program (then the only
/// one).
struct Dim {
  std::int64_t size = 1;
  bool reduced = false;
};

/// An address part read from memory (take, gather): stride * clamp(index, 0, size - 1). The clamp keeps a
/// wrong index of the user inside the buffer.
struct IndexTerm {
  const Expr* index = nullptr; ///< i64
  std::int64_t stride = 0;
  std::int64_t size = 0;
};

/// Row-major element number in a buffer: offset + sum(strides[d] * i_d) + terms, i_d the domain's indices.
/// Broadcast dimensions have stride 0.
struct Access {
  std::int64_t offset = 0;
  llvm::SmallVector<std::int64_t, 4> strides; ///< one per domain dimension
  llvm::SmallVector<IndexTerm, 1> terms;

  bool operator==(const Access& other) const;
};

/// One value per point of the domain; equal expressions are one node. Operands come before their users in
/// KernelBody::exprs.
struct Expr {
  enum class Kind {
    Load,     ///< element of fusion input `input` at `access`
    Constant, ///< `constant`
    Generate, ///< `op` is IndexExpandable: element number `access` of its result; operands: its scalars
    Compute,  ///< `op` is ScalarExpandable, of operands
    Reduce,   ///< `op` is a Reduction: operands[0] combined over the domain's reduced dimensions
    Bound,    ///< result of an op that the emitter computes itself (the matmul of a contraction fusion)
  };
  explicit Expr(Kind kind, mlir::Type type = {}) : kind(kind), type(type) {}

  Kind kind;
  int id = 0;      ///< position in KernelBody::exprs
  mlir::Type type; ///< element type; i1 for bool (one byte in memory)
  mlir::Operation* op = nullptr;
  int input = -1;
  Access access;
  mlir::TypedAttr constant;
  llvm::SmallVector<const Expr*, 3> operands;
  std::uint64_t dims = 0; ///< bit d: the value depends on domain dimension d
  int phase = 0;          ///< Reduces on the deepest path to it, itself included: what must be finished first

  bool dependsOn(unsigned dim) const { return dims >> dim & 1; }
};

/// Result number `result` of the fusion: element `access` is `value`. Reduced results have stride 0 in the
/// reduced dimensions and are stored once per kept point.
struct Output {
  int result = 0;
  const Expr* value = nullptr;
  Access access;
  bool isStreamed = false; ///< whole vectors of it are stored past the caches, at multiples of their size
};

struct KernelBody {
  KernelBody() = default;
  KernelBody(KernelBody&&) noexcept = default;
  KernelBody& operator=(KernelBody&&) noexcept = default;

  llvm::SmallVector<Dim, 4> dims; ///< at least one
  std::vector<std::unique_ptr<Expr>> exprs;
  llvm::SmallVector<Output, 2> outputs;
  int phases = 0; ///< largest Expr::phase

  bool dynamic() const;
  std::int64_t points() const;     ///< product of all dims (not when dynamic)
  std::int64_t keptPoints() const; ///< product of the dims that are not reduced
  bool isReduction() const { return phases > 0; }
  std::int64_t flops() const; ///< of the whole domain, each expression once; per point when dynamic
  /// Same text for bodies that differ only in dim sizes (and the strides they imply), inputs and results.
  std::string structure() const;
};

/// Merges dimension d+1 into d wherever every address walks them as one.
void collapse(KernelBody& body);

struct AnalyseOptions {
  bool collapse = true; ///< merge adjacent dimensions; contractions keep the matmul's [batch…, M, N]
};

/// Bodies of a fusion: one, or for kind multi one per independent domain. Fails with an error at the op that
/// it cannot express (a reshape inside the fusion that splits a dimension).
mlir::FailureOr<std::vector<KernelBody>> analyse(ir::FusionOp fusion, AnalyseOptions options = {});

/// The body whose domain is `value`'s own shape and whose only output is `value` (an operand of a
/// contraction).
mlir::FailureOr<KernelBody> analyseValue(ir::FusionOp fusion, mlir::Value value, AnalyseOptions options = {});

} // namespace kiln::codegen
