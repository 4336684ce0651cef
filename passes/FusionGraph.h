// The program as `fuse` sees it: nodes that must be computed by some kernel, and what sets of nodes make one
// kernel.
//
// Free ops (constants, iota, broadcasts, reshapes that only add or drop dimensions of size 1) are no nodes:
// whoever reads their result computes it again at no cost. Other reshapes are aliases between kernels: what
// they reshape must be in memory. Nor are shape ops nodes through which only contractions look.
#pragma once

#include "Util.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"

#include <vector>

namespace kiln::passes {

/// What a set of nodes would be as one kernel.
struct KernelShape {
  ir::FusionKind kind = ir::FusionKind::Loop;
  llvm::SmallVector<int64_t, 4> domain; ///< without dimensions of size 1
  llvm::SmallVector<bool, 4> reduced;   ///< per dimension of the domain
  int64_t points() const { return numel(domain); }
  int64_t keptPoints() const;
};

struct Node {
  mlir::Operation* op;
  llvm::SmallVector<int, 4> reads;          ///< nodes whose value this one needs (through free ops)
  llvm::SmallVector<int, 1> aliased;        ///< those of them that it sees through a reshape, hence in memory
  llvm::SmallVector<mlir::Value, 4> memory; ///< values outside any node that it needs: arguments
  llvm::SmallVector<int, 4> users;
  bool isAgain = false;  ///< rematerialise wants its readers to compute it
  bool isUpdate = false; ///< its value is stored over an argument that the caller gave up
  bool isPinned = false; ///< its value must be in memory: returned, reshaped, operand of a contraction …
};

class FusionGraph {
public:
  explicit FusionGraph(mlir::Block& block);

  int size() const { return static_cast<int>(nodes.size()); }
  const Node& operator[](int node) const { return nodes[node]; }
  int nodeOf(mlir::Operation* op) const { return numberOf.lookup_or(op, -1); }
  /// Nodes with this value in their `memory`.
  llvm::ArrayRef<int> usersOf(mlir::Value memory) const;

  /// The kernel that `set` makes when it stores the values of `stored`; nullopt when no kind of kernel does
  /// it.
  std::optional<KernelShape> classify(const llvm::BitVector& set, llvm::ArrayRef<int> stored) const;

  /// Whether readers of the op's result compute it again instead of reading it.
  static bool isFree(mlir::Operation* op);
  static bool isUnitReshape(mlir::Operation* op);
  /// Whether a kernel reads this operand from memory, so that it cannot be computed on the way.
  static bool readsFromMemory(mlir::Operation* op, unsigned operand);
  /// What must be in memory for the op's operand: the operand, or what a contraction sees it in (View.h).
  static mlir::Value sourceOf(mlir::OpOperand& operand);

private:
  void findViews(mlir::Block& block);
  void addReads(Node& node);
  bool isAligned(const llvm::BitVector& set, const KernelShape& shape, int anchor) const;
  bool followsDomain(mlir::Value use, const llvm::BitVector& tainted, const KernelShape& shape) const;

  std::vector<Node> nodes;
  llvm::DenseMap<mlir::Operation*, int> numberOf;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<int, 2>> memoryUsers;
  llvm::SmallPtrSet<mlir::Operation*, 8> onlyViewed; ///< shape ops whose every reader looks through them
};

} // namespace kiln::passes
