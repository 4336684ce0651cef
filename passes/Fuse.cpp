// Groups ops into kernels: plans on the fusion graph (FusionPlan.cpp), then writes each group as a
// kiln.fusion.
//   %0 = kiln.matmul %x, %w        ->   %1 = kiln.fusion contraction "matmul_relu_0" (%a = %x, %b = %w) {
//   %1 = kiln.relu %0                     %0 = kiln.matmul %a, %b
//                                         %1 = kiln.relu %0
//                                         kiln.yield %1 }
// Afterwards the function holds fusions, reshapes (aliases) and its return.
#include "FusionPlan.h"
#include "Passes.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_FUSE
#include "kiln/passes/Passes.h.inc"

namespace {

/// One kernel to write: a group, or the loops of a `multi`.
struct Kernel {
  llvm::BitVector nodes;
  SmallVector<int, 4> stored;
  ir::FusionKind kind;
};

class Writer {
public:
  Writer(const FusionGraph& graph, Block& block)
      : graph(graph), block(block), builder(OpBuilder::atBlockTerminator(&block)) {}

  void write(const Kernel& kernel);
  /// Points the return to what the fusions made, and erases what they took.
  void finish();

private:
  Value external(Value value);
  Value internal(Value value);
  Value argumentFor(Value value);
  Value view(Value value, Value source);
  Value copyIn(Operation* op, ValueRange operands);
  std::string nameOf(const Kernel& kernel);

  const FusionGraph& graph;
  Block& block;
  OpBuilder builder;
  llvm::DenseMap<Value, Value> made; ///< old value -> result of a fusion, or a reshape of it
  int count = 0;

  // Of the fusion being written.
  Block* body = nullptr;
  llvm::MapVector<Value, Value> arguments; ///< outer value -> argument of the body
  llvm::DenseMap<Value, Value> inside;     ///< old value -> value in the body
};

Value Writer::external(Value value) {
  if (isa<BlockArgument>(value)) return value;
  if (Value known = made.lookup(value)) return known;
  auto alias = value.getDefiningOp<ir::ReshapeOp>();
  assert(alias && "a value that no kernel stores is read from memory");
  Value source = external(alias.getX());
  return made[value] =
             ir::ReshapeOp::create(builder, alias.getLoc(), alias.getType(), source, alias.getShapeAttr());
}

/// The body's argument through which `value` is read from memory.
Value Writer::argumentFor(Value value) {
  Value outer = external(value);
  Value& argument = arguments[outer];
  if (!argument) argument = body->addArgument(outer.getType(), value.getLoc());
  return argument;
}

/// The op in the body, without the marks of earlier passes.
Value Writer::copyIn(Operation* op, ValueRange operands) {
  Operation* copy = op->clone();
  copy->setOperands(operands);
  copy->removeAttr(kBackward);
  copy->removeAttr(kOrigin);
  copy->removeAttr(kAgain);
  body->push_back(copy);
  return copy->getResult(0);
}

/// `value` as a look at `source`, which is in memory.
Value Writer::view(Value value, Value source) {
  if (value == source) return argumentFor(value);
  Operation* op = value.getDefiningOp();
  return copyIn(op, view(op->getOperand(0), source));
}

Value Writer::internal(Value value) {
  if (Value known = inside.lookup(value)) return known;
  Operation* op = value.getDefiningOp();
  if (op && graph.nodeOf(op) < 0 && FusionGraph::isFree(op)) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(internal(operand));
    return inside[value] = copyIn(op, operands);
  }
  return inside[value] = argumentFor(value);
}

/// "linear_relu_dropout_3": where the ops came from, in order.
std::string Writer::nameOf(const Kernel& kernel) {
  constexpr size_t kMostParts = 4;
  llvm::SmallSetVector<StringRef, 4> parts;
  for (int i : kernel.nodes.set_bits()) {
    Operation* op = graph[i].op;
    auto origin = op->getAttrOfType<StringAttr>(kOrigin);
    parts.insert(origin ? origin.getValue() : op->getName().stripDialect());
  }
  std::string name;
  if (kernel.kind == ir::FusionKind::Multi)
    name = "update_";
  else
    for (StringRef part : ArrayRef(parts.getArrayRef()).take_front(kMostParts))
      name += part.str() + "_";
  return name + std::to_string(count++);
}

void Writer::write(const Kernel& kernel) {
  arguments.clear();
  inside.clear();
  Region region;
  body = &region.emplaceBlock();
  SmallVector<Location> locations;
  for (int i : kernel.nodes.set_bits()) {
    Operation* op = graph[i].op;
    SmallVector<Value> operands;
    for (OpOperand& operand : op->getOpOperands())
      operands.push_back(FusionGraph::readsFromMemory(op, operand.getOperandNumber())
                             ? view(operand.get(), FusionGraph::sourceOf(operand))
                             : internal(operand.get()));
    inside[op->getResult(0)] = copyIn(op, operands);
    if (!llvm::is_contained(locations, op->getLoc())) locations.push_back(op->getLoc());
  }
  SmallVector<Value> yields, inputs;
  for (int i : kernel.stored)
    yields.push_back(inside[graph[i].op->getResult(0)]);
  OpBuilder inner(builder.getContext());
  inner.setInsertionPointToEnd(body);
  ir::YieldOp::create(inner, builder.getUnknownLoc(), yields);
  for (auto& [outer, argument] : arguments)
    inputs.push_back(outer);
  auto fusion = ir::FusionOp::create(builder, builder.getFusedLoc(locations), TypeRange(ValueRange(yields)),
                                     inputs, ir::FusionKindAttr::get(builder.getContext(), kernel.kind),
                                     builder.getStringAttr(nameOf(kernel)), DenseI64ArrayAttr());
  fusion.getBody().takeBody(region);
  for (auto [i, result] : llvm::zip(kernel.stored, fusion.getResults()))
    made[graph[i].op->getResult(0)] = result;
}

void Writer::finish() {
  Operation* terminator = block.getTerminator();
  for (OpOperand& operand : terminator->getOpOperands())
    operand.set(external(operand.get()));
  eraseDead(block);
}

/// The loops but for those with a result that is to be stored in an argument which another of them reads.
std::vector<int> loopsToJoin(func::FuncOp func, const FusionGraph& graph, const FusionPlan& plan) {
  std::vector<int> loops = plan.endLoops();
  llvm::DenseMap<Value, llvm::SmallSetVector<int, 2>> readers;
  for (int group : loops)
    for (int i : plan.groups()[group].nodes.set_bits())
      for (Value value : graph[i].memory)
        readers[value].insert(group);
  llvm::DenseSet<int> apart;
  Operation* terminator = func.getBody().front().getTerminator();
  for (BlockArgument argument : func.getArguments()) {
    auto donated = func.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), kDonated);
    if (!donated) continue;
    Operation* source = terminator->getOperand(donated.getInt()).getDefiningOp();
    int node = source ? graph.nodeOf(source) : -1;
    if (node < 0) continue;
    int group = plan.owner(node);
    if (llvm::any_of(readers[argument], [&](int reader) { return reader != group; })) apart.insert(group);
  }
  llvm::erase_if(loops, [&](int group) { return apart.contains(group); });
  return loops;
}

/// The kernels in an order in which each comes after those that it reads.
std::vector<Kernel> kernelsOf(func::FuncOp func, const FusionGraph& graph, const FusionPlan& plan) {
  int size = plan.groups().size();
  std::vector<int> joined = loopsToJoin(func, graph, plan), lead(size);
  for (int i = 0; i < size; ++i)
    lead[i] = i;
  // Updates are small: one launch for all of them beats one each, whatever they read.
  bool isMulti = joined.size() > 1;
  if (isMulti)
    for (int group : joined)
      lead[group] = joined.back();

  std::vector<int> waits(size), position(size);
  std::vector<SmallVector<int, 4>> next(size);
  for (int i = 0; i < size; ++i) {
    const Group& group = plan.groups()[i];
    if (!group.alive) continue;
    position[lead[i]] = std::max(position[lead[i]], group.stored.empty() ? 0 : group.stored.back());
    for (int source : plan.sourcesOf(i)) {
      ++waits[lead[i]];
      next[lead[source]].push_back(lead[i]);
    }
  }
  auto later = [&](int a, int b) { return std::pair(position[a], a) > std::pair(position[b], b); };
  std::vector<int> ready;
  for (int i = 0; i < size; ++i)
    if (plan.groups()[i].alive && lead[i] == i && waits[i] == 0) ready.push_back(i);
  std::make_heap(ready.begin(), ready.end(), later);
  std::vector<Kernel> kernels;
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), later);
    int i = ready.back();
    ready.pop_back();
    const Group& group = plan.groups()[i];
    if (isMulti && i == joined.back()) {
      Kernel kernel{llvm::BitVector(graph.size()), {}, ir::FusionKind::Multi};
      for (int member : joined) {
        kernel.nodes |= plan.groups()[member].nodes;
        llvm::append_range(kernel.stored, plan.groups()[member].stored);
      }
      kernels.push_back(std::move(kernel));
    } else if (!group.stored.empty()) {
      kernels.push_back({group.nodes, group.stored, group.shape.kind});
    }
    for (int reader : next[i])
      if (--waits[reader] == 0) {
        ready.push_back(reader);
        std::push_heap(ready.begin(), ready.end(), later);
      }
  }
  return kernels;
}

struct Fuse : impl::FuseBase<Fuse> {
  using FuseBase::FuseBase;
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    Block& block = func.getBody().front();
    eraseDead(block);
    FusionGraph graph(block);
    Machine machine;
    machine.threads = threads;
    FusionPlan plan(graph, machine);
    plan.improve();
    Writer writer(graph, block);
    for (const Kernel& kernel : kernelsOf(func, graph, plan))
      writer.write(kernel);
    writer.finish();
  }
};

} // namespace
} // namespace kiln::passes
