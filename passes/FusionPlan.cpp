// Greedy partition of the fusion graph: start with one kernel per node, then make the move that saves most
// time until none saves any. Moves are legal when the result is one kernel (FusionGraph::classify), no cycle
// of kernels appears, and no veto holds.
#include "FusionPlan.h"

#include <queue>

using namespace mlir;

namespace kiln::passes {

FusionPlan::FusionPlan(const FusionGraph& graph, Machine machine)
    : graph(graph), cost(graph, machine), owner_(graph.size()), containing(graph.size()), order(graph.size()),
      position(graph.size()) {
  groups_.resize(graph.size());
  for (int i = 0; i < graph.size(); ++i) {
    groups_[i].nodes.resize(graph.size());
    groups_[i].nodes.set(i);
    owner_[i] = order[i] = position[i] = i;
    containing[i] = {i};
  }
  for (int i = 0; i < graph.size(); ++i)
    refresh(i);
}

/// Nodes that a group of `nodes`, owner of `owned`, must store. Groups `a` and `b` are thought away.
SmallVector<int, 4> FusionPlan::storedBy(const llvm::BitVector& nodes, int a, int b) const {
  SmallVector<int, 4> stored;
  for (int i : nodes.set_bits()) {
    if (owner_[i] != a && owner_[i] != b) continue;
    bool isRead = graph[i].isPinned || llvm::any_of(graph[i].users, [&](int user) {
                    return llvm::any_of(containing[user], [&](int group) {
                      return group != a && group != b && !groups_[group].nodes.test(i);
                    });
                  });
    if (isRead) stored.push_back(i);
  }
  return stored;
}

void FusionPlan::refresh(int group) {
  Group& g = groups_[group];
  ++g.version;
  g.stored = storedBy(g.nodes, group, group);
  if (g.stored.empty()) return; // read by its own copies alone
  std::optional<KernelShape> shape = graph.classify(g.nodes, g.stored);
  assert(shape && "a move made a group that is no kernel");
  g.shape = *shape;
  g.time = cost.time(g.nodes, g.stored, g.shape);
}

/// Calls visit(reader), more than once for some.
template <typename Visit> void FusionPlan::eachReader(int group, Visit visit) const {
  for (int i : groups_[group].stored)
    for (int user : graph[i].users)
      for (int reader : containing[user])
        if (!groups_[reader].nodes.test(i)) visit(reader);
}

SmallVector<int, 8> FusionPlan::readersOf(int group) const {
  llvm::SmallSetVector<int, 8> readers;
  eachReader(group, [&](int reader) { readers.insert(reader); });
  return readers.takeVector();
}

SmallVector<int, 8> FusionPlan::sourcesOf(int group) const {
  llvm::SmallSetVector<int, 8> sources;
  for (int i : groups_[group].nodes.set_bits())
    for (int read : graph[i].reads)
      if (!groups_[group].nodes.test(read)) sources.insert(owner_[read]);
  return sources.takeVector();
}

/// Makes two groups neighbours in the order. False, and nothing done, when a third one reads the first and is
/// read by the second: merged, they would wait for each other.
bool FusionPlan::bringTogether(int a, int b) {
  int first = std::min(position[a], position[b]), last = std::max(position[a], position[b]);
  int leader = order[first], follower = order[last];
  llvm::BitVector waiting(groups_.size()); // for the leader, and before the follower
  SmallVector<int> pending = {leader};
  while (!pending.empty()) {
    int group = pending.pop_back_val();
    bool isBetween = false;
    eachReader(group, [&](int reader) {
      if (reader == follower) isBetween |= group != leader;
      if (position[reader] >= position[follower] || waiting.test(reader)) return;
      waiting.set(reader);
      pending.push_back(reader);
    });
    if (isBetween) return false;
  }
  // First those that wait for neither, then the two, then those that wait for the leader.
  SmallVector<int> sorted, late;
  for (int at = first + 1; at < last; ++at)
    (waiting.test(order[at]) ? late : sorted).push_back(order[at]);
  sorted.append({leader, follower});
  sorted.append(late);
  for (auto [i, group] : llvm::enumerate(sorted)) {
    order[first + i] = group;
    position[group] = first + static_cast<int>(i);
  }
  return true;
}

bool FusionPlan::allowed(const llvm::BitVector& nodes, ArrayRef<int> stored, const KernelShape& shape) const {
  // Pointers to hold in registers or reload in the innermost loop.
  constexpr unsigned kMostBuffers = 24;
  // A contraction's epilogue runs while its tile is in registers or the nearest cache.
  constexpr unsigned kMostEpilogueBuffers = 12;
  // One long row is summed in pieces by many threads; nothing in the same kernel may wait for the sum.
  constexpr int64_t kLongRow = 4096;
  llvm::SmallDenseSet<Value, 16> buffers;
  for (int i : nodes.set_bits()) {
    buffers.insert(graph[i].memory.begin(), graph[i].memory.end());
    for (int read : graph[i].reads)
      if (!nodes.test(read)) buffers.insert(graph[read].op->getResult(0));
  }
  bool isContraction = shape.kind == ir::FusionKind::Contraction;
  if (buffers.size() + stored.size() > (isContraction ? kMostEpilogueBuffers : kMostBuffers)) return false;
  // Updates of state run together at the end, in place (`endLoops`), when all that reads the old state is
  // done.
  if (isContraction && llvm::any_of(stored, [&](int i) { return graph[i].isUpdate; })) return false;
  if (shape.kind == ir::FusionKind::RowReduce && shape.keptPoints() == 1 && shape.points() > kLongRow) {
    for (int i : stored)
      if (numel(graph[i].op->getResult(0)) != 1) return false;
    llvm::BitVector waits(graph.size());
    for (int i : nodes.set_bits()) {
      bool isReduction = isa<ir::Reduction>(graph[i].op);
      bool depends = llvm::any_of(graph[i].reads, [&](int read) { return waits.test(read); });
      if (isReduction && depends) return false;
      if (isReduction || depends) waits.set(i);
    }
  }
  return true;
}

/// Whether a value would be stored that its readers can compute with a few operations from others in memory.
bool FusionPlan::storesTheCheap(const llvm::BitVector& nodes, ArrayRef<int> stored) const {
  constexpr double kFewOperations = 2;
  return stored.size() > 1 && llvm::any_of(stored, [&](int i) {
           return !graph[i].isPinned && isElementwise(graph[i].op) &&
                  cost.operations(i) <= kFewOperations * numel(graph[i].op->getResult(0)) &&
                  llvm::all_of(graph[i].reads, [&](int read) {
                    return !nodes.test(read) || llvm::is_contained(stored, read);
                  });
         });
}

/// Whether a value that backward is to compute again would be stored beside others, most likely by forward.
bool FusionPlan::storesAgain(const llvm::BitVector& nodes, ArrayRef<int> stored) const {
  return llvm::any_of(stored, [&](int i) { return graph[i].isAgain; }) &&
         llvm::any_of(nodes.set_bits(), [&](int i) { return !graph[i].isAgain; });
}

std::optional<double> FusionPlan::valueOfMerge(int from, int into) const {
  const Group &a = groups_[from], &b = groups_[into];
  llvm::BitVector nodes = a.nodes;
  nodes |= b.nodes;
  SmallVector<int, 4> stored = storedBy(nodes, from, into);
  if (stored.empty()) return std::nullopt;
  std::optional<KernelShape> shape = graph.classify(nodes, stored);
  if (!shape || !allowed(nodes, stored, *shape)) return std::nullopt;
  if (storesTheCheap(nodes, stored) || (!mayStoreAgain && storesAgain(nodes, stored))) return std::nullopt;
  // What all its readers can compute for themselves ties no kernel to where it was made.
  bool keepsForOthers = llvm::any_of(stored, [&](int i) { return owner_[i] == from; });
  if (keepsForOthers && readersOf(from).size() > 1)
    if (auto absorbed = valueOfAbsorb(from); absorbed && *absorbed > 0) return std::nullopt;
  return a.time + b.time - cost.time(nodes, stored, *shape);
}

/// The nodes of `from` that `reader` needs when it computes them for itself.
llvm::BitVector FusionPlan::withCopies(int from, int reader) const {
  llvm::BitVector nodes = groups_[reader].nodes;
  SmallVector<int> pending(nodes.set_bits_begin(), nodes.set_bits_end());
  while (!pending.empty())
    for (int read : graph[pending.pop_back_val()].reads)
      if (!nodes.test(read) && groups_[from].nodes.test(read)) {
        nodes.set(read);
        pending.push_back(read);
      }
  return nodes;
}

std::optional<double> FusionPlan::valueOfAbsorb(int from) const {
  const Group& group = groups_[from];
  for (int i : group.nodes.set_bits())
    if (!graph[i].op->hasTrait<ir::Recomputable>() || (graph[i].isPinned && owner_[i] == from))
      return std::nullopt;
  // An epilogue has the contraction's result at hand; every reader would have to fetch it.
  for (int source : sourcesOf(from))
    if (groups_[source].shape.kind == ir::FusionKind::Contraction &&
        groups_[source].shape.domain == group.shape.domain)
      return std::nullopt;
  if (readersOf(from).size() < 2) return std::nullopt; // the same as a merge
  std::optional<double> saved = valueOfCopies(from);
  if (saved) *saved += group.time;
  return saved;
}

/// Time that `reader` saves when it computes what it needs of `from` (less than none, as a rule); nullopt
/// when it would be no kernel.
std::optional<double> FusionPlan::valueOfCopy(int from, int reader) const {
  const Group& old = groups_[reader];
  Copy& known = copies[{from, reader}];
  if (known.fromVersion == groups_[from].version && known.readerVersion == old.version) return known.saved;
  known = {groups_[from].version, old.version, std::nullopt};
  llvm::BitVector nodes = withCopies(from, reader);
  std::optional<KernelShape> shape = graph.classify(nodes, old.stored);
  if (shape && allowed(nodes, old.stored, *shape))
    known.saved = old.time - cost.time(nodes, old.stored, *shape);
  return known.saved;
}

/// The same for all readers together.
std::optional<double> FusionPlan::valueOfCopies(int from) const {
  double sum = 0;
  for (int reader : readersOf(from)) {
    std::optional<double> saved = valueOfCopy(from, reader);
    if (!saved) return std::nullopt;
    sum += *saved;
  }
  return sum;
}

void FusionPlan::merge(int from, int into) {
  for (int i : groups_[from].nodes.set_bits()) {
    if (owner_[i] == from) owner_[i] = into;
    llvm::erase(containing[i], from);
    if (!groups_[into].nodes.test(i)) containing[i].push_back(into);
  }
  groups_[into].nodes |= groups_[from].nodes;
  groups_[from].alive = false;
  refresh(into);
}

/// Returns the readers, which are to be refreshed.
SmallVector<int, 8> FusionPlan::copyIntoReaders(int from) {
  SmallVector<int, 8> readers = readersOf(from);
  for (int reader : readers) {
    llvm::BitVector nodes = withCopies(from, reader);
    for (int i : nodes.set_bits())
      if (!groups_[reader].nodes.test(i)) containing[i].push_back(reader);
    groups_[reader].nodes = std::move(nodes);
  }
  return readers;
}

void FusionPlan::absorb(int from) {
  SmallVector<int, 8> readers = copyIntoReaders(from);
  for (int i : groups_[from].nodes.set_bits()) {
    llvm::erase(containing[i], from);
    if (owner_[i] == from) owner_[i] = -1;
  }
  groups_[from].alive = false;
  for (int reader : readers)
    refresh(reader);
}

/// A number of an optimizer's state (a running product of Adam's betas) is stored, and read by all updates.
/// When each update computes it for itself, none waits for it, and the loop that stores it is one of them.
void FusionPlan::spreadNumbers() {
  auto isEndLoop = [&](int group) {
    return groups_[group].shape.kind == ir::FusionKind::Loop && readersOf(group).empty();
  };
  auto maySpread = [&](int number) {
    const Group& group = groups_[number];
    if (!group.alive || group.shape.kind != ir::FusionKind::Loop || group.shape.points() != 1) return false;
    SmallVector<int, 8> readers = readersOf(number);
    return !readers.empty() && llvm::all_of(readers, isEndLoop) &&
           llvm::any_of(group.stored, [&](int i) { return graph[i].isPinned; }) &&
           llvm::all_of(group.nodes.set_bits(),
                        [&](int i) { return graph[i].op->hasTrait<ir::Recomputable>(); }) &&
           valueOfCopies(number);
  };
  for (bool changed = true; changed;) { // one may hold up another that it reads
    changed = false;
    for (int number = 0; number < static_cast<int>(groups_.size()); ++number) {
      if (!maySpread(number)) continue;
      for (int reader : copyIntoReaders(number))
        refresh(reader);
      refresh(number);
      changed = true;
    }
  }
}

void FusionPlan::propose(std::vector<Move>& moves, int group, bool withSiblings) const {
  auto push = [&](Move::Kind kind, int from, int into, std::optional<double> saved) {
    if (saved && *saved > 0)
      moves.push_back({kind, from, into, groups_[from].version, groups_[into].version, *saved});
  };
  SmallVector<int, 8> sources = sourcesOf(group), readers = readersOf(group);
  for (int source : sources)
    push(Move::Merge, source, group, valueOfMerge(source, group));
  for (int reader : readers)
    push(Move::Merge, group, reader, valueOfMerge(group, reader));
  push(Move::Absorb, group, group, valueOfAbsorb(group));
  if (!withSiblings) return;
  for (int sibling : siblingsOf(group))
    if (!llvm::is_contained(sources, sibling) && !llvm::is_contained(readers, sibling))
      push(Move::Merge, std::min(group, sibling), std::max(group, sibling), valueOfMerge(group, sibling));
}

/// Groups that walk the same domain and read a value in common that is at least as large.
SmallVector<int, 8> FusionPlan::siblingsOf(int group) const {
  const Group& own = groups_[group];
  if (own.shape.kind == ir::FusionKind::Contraction) return {};
  llvm::SmallSetVector<int, 8> siblings;
  auto addReaders = [&](Value value, ArrayRef<int> nodes) {
    if (numel(value) < own.shape.points()) return;
    for (int node : nodes)
      for (int other : containing[node])
        if (const KernelShape& shape = groups_[other].shape; other != group && shape.kind == own.shape.kind &&
                                                             shape.domain == own.shape.domain &&
                                                             shape.reduced == own.shape.reduced)
          siblings.insert(other);
  };
  for (int i : own.nodes.set_bits()) {
    for (Value value : graph[i].memory)
      addReaders(value, graph.usersOf(value));
    for (int read : graph[i].reads)
      if (!own.nodes.test(read)) addReaders(graph[read].op->getResult(0), graph[read].users);
  }
  return siblings.takeVector();
}

void FusionPlan::improve() {
  // What every reader can compute for next to nothing first: it would tie its readers together. Consumers
  // before what they read, so that a chain goes whole.
  constexpr double kNextToNothing = 0.9;
  for (int i = static_cast<int>(groups_.size()) - 1; i >= 0; --i)
    if (auto saved = valueOfAbsorb(i); saved && *saved > kNextToNothing * cost.launch()) absorb(i);
  // Siblings last: joined early they would hold up each other's readers.
  improve(/*withSiblings=*/false);
  improve(/*withSiblings=*/true);
  mayStoreAgain = true;
  improve(/*withSiblings=*/false);
  spreadNumbers();
}

void FusionPlan::improve(bool withSiblings) {
  // Ties go to the pair that comes first in the program: an op joins the contraction before it rather than
  // what follows.
  auto later = [](const Move& a, const Move& b) {
    return std::tuple(a.saved, -a.from, -a.into) < std::tuple(b.saved, -b.from, -b.into);
  };
  std::priority_queue<Move, std::vector<Move>, decltype(later)> queue(later);
  std::vector<Move> fresh;
  auto enqueue = [&](int group) {
    propose(fresh, group, withSiblings);
    for (const Move& move : fresh)
      queue.push(move);
    fresh.clear();
  };
  for (int i = 0; i < static_cast<int>(groups_.size()); ++i)
    if (groups_[i].alive) enqueue(i);
  while (!queue.empty()) {
    Move move = queue.top();
    queue.pop();
    const Group &from = groups_[move.from], &into = groups_[move.into];
    if (!from.alive || !into.alive || from.version != move.fromVersion || into.version != move.intoVersion)
      continue;
    llvm::SmallSetVector<int, 8> changed;
    if (move.kind == Move::Merge) {
      if (!bringTogether(move.from, move.into)) continue;
      merge(move.from, move.into);
      changed.insert(move.into);
    } else {
      std::optional<double> saved = valueOfAbsorb(move.from); // its readers may have changed
      if (!saved || *saved <= 0) continue;
      SmallVector<int, 8> readers = readersOf(move.from);
      absorb(move.from);
      changed.insert(readers.begin(), readers.end());
    }
    for (int group : SmallVector<int>(changed.begin(), changed.end())) {
      enqueue(group);
      for (int source : sourcesOf(group))
        if (changed.insert(source))
          if (auto saved = valueOfAbsorb(source); saved && *saved > 0)
            queue.push(
                {Move::Absorb, source, source, groups_[source].version, groups_[source].version, *saved});
    }
  }
}

std::vector<int> FusionPlan::endLoops() const {
  std::vector<int> loops;
  for (auto [i, group] : llvm::enumerate(groups_))
    if (group.alive && group.shape.kind == ir::FusionKind::Loop && readersOf(i).empty()) loops.push_back(i);
  return loops;
}

} // namespace kiln::passes
