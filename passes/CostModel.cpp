// Bytes and operations of a kernel made of a set of nodes.
#include "CostModel.h"

using namespace mlir;

namespace kiln::passes {

double CostModel::transfer(int64_t bytes) const {
  double bandwidth = bytes <= machine.nearCache  ? machine.nearBandwidth
                     : bytes <= machine.farCache ? machine.farBandwidth
                                                 : machine.memoryBandwidth;
  return bytes / bandwidth;
}

double CostModel::operations(int node) const {
  Operation* op = graph[node].op;
  // Ten rounds of two wide multiplications for four numbers.
  constexpr double kGenerate = 20;
  constexpr double kIndirect = 8;
  double perElement = 1;
  int64_t count = numel(op->getResult(0));
  if (auto expandable = dyn_cast<ir::ScalarExpandable>(op))
    perElement = expandable.flopsPerElement();
  else if (isa<ir::IndexExpandable>(op))
    perElement = kGenerate;
  else if (op->hasTrait<ir::IndirectRead>())
    perElement = kIndirect;
  else if (isa<ir::Reduction>(op))
    count = numel(op->getOperand(0));
  return perElement * count;
}

double CostModel::compute(const llvm::BitVector& set, const KernelShape& shape) const {
  double vectorOps = 0, flops = 0;
  for (int i : set.set_bits()) {
    Operation* op = graph[i].op;
    if (op->hasTrait<ir::ContractionTrait>()) {
      Value lhs = op->getOperand(0), rhs = op->getOperand(1), result = op->getResult(0);
      // result elements times the length of the sum: |lhs| * |rhs| = batch * result * K^2.
      double batch = numel(shapeOf(result).drop_back(2));
      flops += 2 * numel(result) *
               std::sqrt(double(numel(lhs)) * numel(rhs) / (batch * std::max<int64_t>(numel(result), 1)));
      continue;
    }
    double cost = operations(i);
    // An op of fewer elements than the kernel's points, and not one of its rows, is computed again for each
    // point that reads it; a single number is computed once per piece of the loop.
    int64_t own = numel(op->getResult(0));
    constexpr int64_t kPieces = 32;
    if (!isa<ir::Reduction>(op) && own != shape.points() && own != shape.keptPoints())
      cost *= double(own == 1 ? std::min(kPieces, shape.points()) : std::max(shape.points(), own)) / own;
    vectorOps += cost;
  }
  return vectorOps / machine.vectorOps + flops / machine.flops;
}

double CostModel::time(const llvm::BitVector& set, ArrayRef<int> stored, const KernelShape& shape) const {
  double moved = 0;
  llvm::SmallDenseSet<Value, 16> arguments;
  llvm::BitVector reads(graph.size());
  for (int i : set.set_bits()) {
    for (int read : graph[i].reads)
      if (!set.test(read)) reads.set(read);
    arguments.insert(graph[i].memory.begin(), graph[i].memory.end());
  }
  for (int read : reads.set_bits())
    moved += transfer(bytesOf(graph[read].op->getResult(0)));
  for (Value argument : arguments)
    moved += transfer(bytesOf(argument));
  for (int i : stored)
    moved += transfer(bytesOf(graph[i].op->getResult(0)));
  return machine.launch + (moved + compute(set, shape)) / machine.threads;
}

} // namespace kiln::passes
