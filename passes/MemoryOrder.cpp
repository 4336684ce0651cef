// The launch order: every kernel after what it reads, and after all that read the state it overwrites. Of two
// orders, the program's own and one that takes the kernel that frees most first, the one with the lower peak
// is kept.
#include "MemoryPlan.h"

using namespace mlir;

namespace kiln::passes {
namespace {

struct Step {
  ir::FusionOp fusion;
  SmallVector<int, 4> after; ///< steps that must come later
  SmallVector<int, 4> reads; ///< temporaries
  int waits = 0;
  int64_t allocates = 0;
};

struct Temporary {
  int64_t bytes = 0;
  int readers = 0;
};

class Scheduler {
public:
  Scheduler(func::FuncOp func, const Donations& donations);
  std::vector<int> order(bool byMemory) const;
  int64_t peak(const std::vector<int>& order) const;
  void apply(const std::vector<int>& order, Block& block) const;

private:
  std::vector<Step> steps;
  std::vector<Temporary> temporaries;
};

Scheduler::Scheduler(func::FuncOp func, const Donations& donations) {
  Block& block = func.getBody().front();
  llvm::DenseMap<Operation*, int> number;
  llvm::DenseMap<Value, int> temporaryOf;
  llvm::SmallDenseSet<Value> outputs;
  for (Value value : block.getTerminator()->getOperands())
    outputs.insert(rootOf(value));
  for (auto fusion : block.getOps<ir::FusionOp>()) {
    int current = number[fusion] = steps.size();
    Step& step = steps.emplace_back();
    step.fusion = fusion;
    llvm::SmallSetVector<int, 4> sources;
    for (Value input : fusion.getInputs()) {
      Value root = rootOf(input);
      if (Operation* source = root.getDefiningOp()) sources.insert(number[source]);
      if (auto found = temporaryOf.find(root); found != temporaryOf.end())
        if (!llvm::is_contained(step.reads, found->second)) {
          step.reads.push_back(found->second);
          ++temporaries[found->second].readers;
        }
    }
    for (int source : sources) {
      steps[source].after.push_back(current);
      ++step.waits;
    }
    for (Value result : fusion.getResults())
      if (!outputs.contains(result)) {
        temporaryOf[result] = temporaries.size();
        temporaries.push_back({bytesOf(result), 0});
        step.allocates += bytesOf(result);
      }
  }
  // All that reads an argument comes before the kernel that overwrites it.
  for (auto [output, target] : llvm::enumerate(donations)) {
    Operation* writer =
        target < 0 ? nullptr : rootOf(block.getTerminator()->getOperand(output)).getDefiningOp();
    if (!writer) continue;
    for (Step& step : steps)
      if (step.fusion != writer && llvm::any_of(step.fusion.getInputs(), [&](Value input) {
            return rootOf(input) == func.getArgument(target);
          })) {
        step.after.push_back(number[writer]);
        ++steps[number[writer]].waits;
      }
  }
}

std::vector<int> Scheduler::order(bool byMemory) const {
  std::vector<int> waits, readers, ready, result;
  for (const Temporary& temporary : temporaries)
    readers.push_back(temporary.readers);
  for (auto [i, step] : llvm::enumerate(steps)) {
    waits.push_back(step.waits);
    if (step.waits == 0) ready.push_back(i);
  }
  auto growth = [&](int i) {
    int64_t bytes = steps[i].allocates;
    for (int temporary : steps[i].reads)
      if (readers[temporary] == 1) bytes -= temporaries[temporary].bytes;
    return bytes;
  };
  while (!ready.empty()) {
    auto best = llvm::min_element(ready, [&](int a, int b) {
      if (!byMemory) return a < b;
      return std::pair(growth(a), a) < std::pair(growth(b), b);
    });
    int i = *best;
    ready.erase(best);
    result.push_back(i);
    for (int temporary : steps[i].reads)
      --readers[temporary];
    for (int next : steps[i].after)
      if (--waits[next] == 0) ready.push_back(next);
  }
  assert(result.size() == steps.size() && "launches wait for each other");
  return result;
}

int64_t Scheduler::peak(const std::vector<int>& order) const {
  std::vector<int> readers;
  for (const Temporary& temporary : temporaries)
    readers.push_back(temporary.readers);
  int64_t live = 0, most = 0;
  for (int i : order) {
    live += steps[i].allocates;
    most = std::max(most, live);
    for (int temporary : steps[i].reads)
      if (--readers[temporary] == 0) live -= temporaries[temporary].bytes;
  }
  return most;
}

void Scheduler::apply(const std::vector<int>& order, Block& block) const {
  Operation* terminator = block.getTerminator();
  llvm::SmallPtrSet<Operation*, 16> placed;
  for (int i : order) {
    ir::FusionOp fusion = steps[i].fusion;
    // Reshapes follow what they reshape.
    for (Value input : fusion.getInputs()) {
      SmallVector<Operation*> aliases;
      for (Operation* op = input.getDefiningOp(); isa_and_nonnull<ir::ReshapeOp>(op);
           op = op->getOperand(0).getDefiningOp())
        aliases.push_back(op);
      for (Operation* alias : llvm::reverse(aliases))
        if (placed.insert(alias).second) alias->moveBefore(terminator);
    }
    fusion->moveBefore(terminator);
  }
}

} // namespace

void orderLaunches(func::FuncOp func, const Donations& donations) {
  Scheduler scheduler(func, donations);
  std::vector<int> plain = scheduler.order(false), byMemory = scheduler.order(true);
  const std::vector<int>& best = scheduler.peak(byMemory) < scheduler.peak(plain) ? byMemory : plain;
  Block& block = func.getBody().front();
  scheduler.apply(best, block);
  // Reshapes that only the return reads come last (listed first: a walk would meet again those it has moved).
  for (auto alias : llvm::to_vector(block.getOps<ir::ReshapeOp>()))
    if (llvm::all_of(alias->getUsers(),
                     [](Operation* user) { return user->hasTrait<OpTrait::IsTerminator>(); }))
      alias->moveBefore(block.getTerminator());
}

} // namespace kiln::passes
