// What a kernel costs, in nanoseconds: enough to compare two ways to group the same ops, no more.
//   time = launch + bytes moved / bandwidth of the cache level that holds the buffer + operations / rate
// A sum, not the larger of the two: a core overlaps them badly, and a saved byte must count in every kernel.
// The figures are those of one core of a server CPU of 2024 (README.md); threads divide the work but not the
// launch.
#pragma once

#include "FusionGraph.h"

namespace kiln::passes {

struct Machine {
  double launch = 300;         ///< ns: call, fork and join
  double flops = 100;          ///< floating-point operations per ns in a contraction
  double vectorOps = 60;       ///< simple operations per ns in a fused loop
  int64_t nearCache = 1 << 20; ///< bytes that stay close to the core between two kernels
  int64_t farCache = 24 << 20;
  double nearBandwidth = 100, farBandwidth = 50, memoryBandwidth = 15; ///< bytes per ns
  int threads = 1;
};

class CostModel {
public:
  CostModel(const FusionGraph& graph, Machine machine) : graph(graph), machine(machine) {}
  double time(const llvm::BitVector& set, llvm::ArrayRef<int> stored, const KernelShape& shape) const;
  double transfer(int64_t bytes) const; ///< time to read or write one buffer
  double launch() const { return machine.launch; }
  double operations(int node) const; ///< simple operations for all elements of a node's result

private:
  double compute(const llvm::BitVector& set, const KernelShape& shape) const;
  const FusionGraph& graph;
  Machine machine;
};

} // namespace kiln::passes
