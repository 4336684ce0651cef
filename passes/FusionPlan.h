// A partition of the fusion graph into kernels, and the moves that improve it.
//
// A group is a set of nodes. A cheap node may be in several groups, each computing it for itself; the group
// that owns a node is the one that stores its value when some other group reads it.
#pragma once

#include "CostModel.h"

namespace kiln::passes {

struct Group {
  llvm::BitVector nodes;
  KernelShape shape;
  llvm::SmallVector<int, 4> stored; ///< owned nodes whose value is needed in memory
  double time = 0;
  int version = 0; ///< changes with the group: moves that were computed for an older one are void
  bool alive = true;
};

class FusionPlan {
public:
  FusionPlan(const FusionGraph& graph, Machine machine);
  void improve(); ///< greedily, the move that saves most first
  const std::vector<Group>& groups() const { return groups_; }
  int owner(int node) const { return owner_[node]; } ///< -1 when every reader has a copy
  /// Loops that no kernel reads: they may run as one.
  std::vector<int> endLoops() const;
  llvm::SmallVector<int, 8> readersOf(int group) const;
  llvm::SmallVector<int, 8> sourcesOf(int group) const;

private:
  /// Merge: `into` takes the nodes of `from`. Absorb: all readers of `from` copy what they need, and it goes.
  struct Move {
    enum Kind { Merge, Absorb } kind;
    int from, into;
    int fromVersion, intoVersion;
    double saved;
  };
  std::optional<double> valueOfMerge(int from, int into) const;
  std::optional<double> valueOfAbsorb(int from) const;
  std::optional<double> valueOfCopies(int from) const;
  std::optional<double> valueOfCopy(int from, int reader) const;
  void improve(bool withSiblings);
  void propose(std::vector<Move>& moves, int group, bool withSiblings) const;
  void merge(int from, int into);
  void absorb(int from);
  llvm::SmallVector<int, 8> copyIntoReaders(int from);
  void spreadNumbers();

  bool allowed(const llvm::BitVector& nodes, llvm::ArrayRef<int> stored, const KernelShape& shape) const;
  bool storesTheCheap(const llvm::BitVector& nodes, llvm::ArrayRef<int> stored) const;
  bool storesAgain(const llvm::BitVector& nodes, llvm::ArrayRef<int> stored) const;
  llvm::SmallVector<int, 8> siblingsOf(int group) const;
  template <typename Visit> void eachReader(int group, Visit visit) const;
  bool bringTogether(int a, int b);
  llvm::BitVector withCopies(int from, int reader) const;
  llvm::SmallVector<int, 4> storedBy(const llvm::BitVector& nodes, int a, int b) const;
  void refresh(int group);

  const FusionGraph& graph;
  CostModel cost;
  std::vector<Group> groups_;
  std::vector<int> owner_;
  bool mayStoreAgain = false;
  std::vector<llvm::SmallVector<int, 2>> containing; ///< groups with the node
  /// Groups, each after those that it reads, and where each stands: a path between two lies between them.
  std::vector<int> order, position;
  /// What valueOfCopy found for these versions. A number with a hundred readers is weighed whenever one of
  /// them changes.
  struct Copy {
    int fromVersion = 0, readerVersion = 0; ///< those of groups start at 1
    std::optional<double> saved;
  };
  mutable llvm::DenseMap<std::pair<int, int>, Copy> copies;
};

} // namespace kiln::passes
