// The tape: nodes, the walk of backward(), and accumulation into leaves.
#include "core/tape.h"

#include "core/eager.h"
#include "core/programs.h"
#include "core/trace.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"
#include "kiln/warning.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace kiln {

namespace {
thread_local bool grad_enabled = true;
}
bool GradMode::is_enabled() {
  return grad_enabled;
}
void GradMode::set_enabled(bool enabled) {
  grad_enabled = enabled;
}

namespace internal {

namespace {

std::atomic<std::uint64_t> next_sequence{1};

// The end of a path: adds what arrives to the leaf's grad().
struct AccumulateNode : TapeNode {
  explicit AccumulateNode(StoragePtr leaf) : leaf(std::move(leaf)) { sequence = 0; }
  std::string name() const override { return "AccumulateGrad"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& gradients, bool) override {
    if (gradients[0].defined()) accumulate_grad(*leaf, gradients[0]);
    return {};
  }
  const Hooks* hooks_of(std::uint32_t) const override { return leaf->hooks.get(); }
  StoragePtr leaf;
};

// By node: whether what flows through it reaches a tensor whose gradient was asked for.
using Usefulness = std::unordered_map<const TapeNode*, bool>;
thread_local const Usefulness* useful = nullptr; ///< of this thread's backward(); null: everything is

} // namespace

Tensor Hooks::run(Tensor gradient) const {
  const auto calls = list; // a hook may remove itself
  for (const auto& [number, hook] : calls) {
    Tensor result = hook(gradient);
    if (!result.defined()) continue;
    if (result.sizes() != gradient.sizes())
      fail("hook: hook has changed the size of value: from " + to_string(gradient.sizes().shape()) + " to " +
           to_string(result.sizes().shape()));
    if (result.dtype() != gradient.dtype())
      fail("hook: hook has changed the type of value: from " + std::string(to_string(gradient.dtype())) +
           " to " + std::string(to_string(result.dtype())));
    gradient = read(result);
  }
  return gradient;
}

TapeNode::TapeNode() : sequence(next_sequence.fetch_add(1, std::memory_order_relaxed)) {}

// A long chain of nodes would otherwise be destroyed by recursion as deep as the chain.
TapeNode::~TapeNode() {
  std::vector<std::shared_ptr<TapeNode>> pending;
  auto take = [&](TapeNode& node) {
    for (Edge& edge : node.inputs)
      if (edge.node && edge.node.use_count() == 1) pending.push_back(std::move(edge.node));
  };
  take(*this);
  while (!pending.empty()) {
    auto node = std::move(pending.back());
    pending.pop_back();
    node->release();
    take(*node);
  }
}

autograd::edge_list TapeNode::next_edges() const {
  autograd::edge_list edges;
  for (const Edge& edge : inputs)
    edges.push_back({edge.node, edge.output});
  return edges;
}

bool is_wanted(const Edge& edge) {
  if (!edge.node) return false;
  if (!useful) return true;
  const auto found = useful->find(edge.node.get());
  return found != useful->end() && found->second;
}

Edge gradient_edge(const Tensor& x) {
  Storage& storage = *x.impl()->storage;
  if (storage.grad_fn) return {storage.grad_fn, storage.grad_output};
  if (!storage.requires_grad) return {};
  auto node = storage.accumulator.lock();
  if (!node) {
    node = std::make_shared<AccumulateNode>(storage.shared_from_this());
    node->outputs = {storage.type};
    storage.accumulator = node;
  }
  return {node, 0};
}

bool wants_gradient(std::span<const Tensor> operands) {
  for (const Tensor& x : operands)
    if (x.impl()->storage->needs_grad()) return true;
  return false;
}

void record_on_tape(std::shared_ptr<TapeNode> node, std::span<Tensor> results) {
  for (std::uint32_t i = 0; i < results.size(); ++i) {
    Storage& storage = *results[i].impl()->storage;
    node->outputs.push_back(storage.type);
    if (!is_floating(storage.type.dtype)) continue;
    storage.grad_fn = node;
    storage.grad_output = i;
  }
}

ProgramNode::ProgramNode(std::string name, std::shared_ptr<const ir::Program> program,
                         std::vector<Tensor> saved)
    : name_(std::move(name)), program_(std::move(program)) {
  // The values, not the tensors: a later in-place write must not change what the derivative sees.
  saved_.reserve(saved.size());
  for (Tensor& x : saved) {
    Storage& from = *x.impl()->storage;
    Tensor copy = make_tensor(from.type, from.buffer);
    Storage& to = *copy.impl()->storage;
    to.requires_grad = from.requires_grad && !from.grad_fn;
    to.grad_fn = from.grad_fn;
    to.grad_output = from.grad_output;
    inputs.push_back(gradient_edge(x)); // keeps the leaf's accumulator alive
    if (to.requires_grad) to.accumulator = inputs.back().node;
    saved_.push_back(std::move(copy));
  }
}

void ProgramNode::release() {
  released_ = true;
  saved_.clear();
}

namespace {
// Whether anything in a compiled program looks at its i-th input: else nothing depends on it.
bool reads(const runtime::Executable& program, std::size_t input) {
  const auto slot = static_cast<std::int32_t>(input);
  for (const runtime::Launch& launch : program.artifact().launches)
    if (std::find(launch.slots.begin(), launch.slots.end(), slot) != launch.slots.end()) return true;
  for (std::size_t i = 0; i < static_cast<std::size_t>(program.artifact().outputs); ++i)
    if (program.output_alias(i) == slot) return true;
  return false;
}
} // namespace

std::vector<Tensor> ProgramNode::backward(const std::vector<Tensor>& gradients, bool create_graph) {
  if (released_)
    fail("backward: Trying to backward through the graph a second time (" + name_ +
         " has freed its saved tensors); pass retain_graph=true the first time");
  // inputs…, seeds of the outputs that something flows into -> gradients of the inputs that want one
  auto vjp = std::make_shared<ir::Program>(*program_);
  vjp->name = name_;
  std::vector<Tensor> arguments = saved_;
  std::vector<ir::ValueId> outputs, seeds, wanted;
  std::vector<std::size_t> places;
  // Inputs come first in a program's values, so seeds are inserted after the inputs and all later ids move
  // up.
  std::uint32_t count = 0;
  for (const Tensor& g : gradients)
    count += g.defined();
  const std::uint32_t base = vjp->inputs;
  auto moved = [&](ir::ValueId v) { return v < base ? v : v + count; };
  for (auto& call : vjp->calls) {
    for (auto& v : call.operands)
      v = moved(v);
    for (auto& v : call.results)
      v = moved(v);
  }
  for (auto& v : vjp->outputs)
    v = moved(v);
  std::vector<TensorType> seed_types;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    outputs.push_back(vjp->outputs[i]);
    seeds.push_back(base + static_cast<std::uint32_t>(seeds.size()));
    seed_types.push_back(this->outputs[i]);
    arguments.push_back(gradients[i]);
  }
  vjp->values.insert(vjp->values.begin() + base, seed_types.begin(), seed_types.end());
  vjp->inputs += count;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].node) wanted.push_back(static_cast<ir::ValueId>(i)), places.push_back(i);
  std::vector<ir::ValueId> operands = outputs;
  operands.insert(operands.end(), seeds.begin(), seeds.end());
  operands.insert(operands.end(), wanted.begin(), wanted.end());
  vjp->outputs =
      vjp->add_call("gradient", operands, {{"outputs", static_cast<std::int64_t>(outputs.size())}});
  vjp->donations.clear();

  std::vector<Tensor> results;
  {
    AutoGradMode mode(false);
    results = run_program(*vjp, arguments);
  }
  if (create_graph && wants_gradient(arguments)) {
    auto node = std::make_shared<ProgramNode>(name_ + "Backward", vjp, arguments);
    // The derivative of a sum looks at no operand: no second derivative flows there.
    if (!Trace::current()) {
      const CompiledProgram compiled = load_program(*vjp);
      for (std::size_t i = 0; i < node->inputs.size(); ++i)
        if (!reads(*compiled.forward, i)) node->inputs[i] = {};
    }
    record_on_tape(std::move(node), results);
  }
  std::vector<Tensor> by_input(inputs.size());
  for (std::size_t i = 0; i < places.size(); ++i)
    by_input[places[i]] = results[i];
  return by_input;
}

std::vector<Tensor> FreedNode::backward(const std::vector<Tensor>&, bool) {
  fail("backward: Trying to backward through the graph a second time (a backward() within the compiled call "
       "has freed its saved tensors); pass retain_graph=true the first time");
}

std::vector<Tensor> run_program(const ir::Program& program, std::span<const Tensor> inputs) {
  if (Trace* trace = Trace::current()) {
    std::vector<Tensor> values(program.values.size());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      values[i] = read(inputs[i]);
    for (const ir::OpCall& call : program.calls) {
      std::vector<Tensor> operands;
      std::vector<TensorType> types;
      for (ir::ValueId v : call.operands)
        operands.push_back(values[v]), types.push_back(program.values[v]);
      if (call.results.size() == 1) {
        values[call.results[0]] =
            trace->record(call.op, operands, call.attrs, program.values[call.results[0]]);
        continue;
      }
      const auto results = trace->record_many(call.op, operands, call.attrs);
      for (std::size_t i = 0; i < results.size(); ++i)
        values[call.results[i]] = results[i];
    }
    std::vector<Tensor> outputs;
    for (ir::ValueId v : program.outputs)
      outputs.push_back(values[v]);
    return outputs;
  }
  const CompiledProgram compiled = load_program(program);
  std::vector<void*> in, out;
  std::vector<runtime::Buffer> keep;
  for (const Tensor& x : inputs) {
    keep.push_back(host_value(x));
    in.push_back(keep.back().data());
  }
  std::vector<Tensor> results;
  for (ir::ValueId v : program.outputs) {
    const TensorType& type = program.values[v];
    results.push_back(make_tensor(type, runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()))));
    out.push_back(results.back().impl()->storage->buffer.data());
  }
  compiled.forward->run(in, out);
  return results;
}

void accumulate_grad(Storage& leaf, const Tensor& gradient) {
  if (Trace* trace = Trace::current()) trace->note_grad_read(leaf.shared_from_this());
  if (!leaf.grad.defined()) {
    leaf.grad = gradient;
    return;
  }
  // A new tensor rather than an in-place sum when the sum is to be differentiated.
  if (GradMode::is_enabled())
    leaf.grad = leaf.grad + gradient;
  else
    leaf.grad.add_(gradient);
}

namespace {

// Marks the nodes that lead to one of those that are marked already. Depth first, without recursion.
void mark_useful(Usefulness& nodes, const std::vector<std::shared_ptr<TapeNode>>& roots) {
  struct Visit {
    const TapeNode* node;
    std::size_t next = 0;
  };
  std::vector<Visit> path;
  std::unordered_set<const TapeNode*> entered;
  auto enter = [&](const TapeNode* node) {
    if (node && entered.insert(node).second) path.push_back({node});
  };
  for (const auto& root : roots) {
    enter(root.get());
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next < node->inputs.size()) {
        enter(node->inputs[next++].node.get());
        continue;
      }
      const TapeNode* done = node;
      if (done->inputs.empty() && done->sequence != 0) nodes[done] = true; // a graph that was freed says so
      for (const Edge& edge : done->inputs)
        if (edge.node && nodes[edge.node.get()]) nodes[done] = true;
      path.pop_back();
    }
  }
}

struct UsefulScope {
  explicit UsefulScope(const Usefulness* nodes) : previous(std::exchange(useful, nodes)) {}
  ~UsefulScope() { useful = previous; }
  UsefulScope(const UsefulScope&) = delete;
  const Usefulness* previous;
};

std::vector<Tensor> walk(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
                         const std::vector<Tensor>* wanted, bool retain_graph, bool create_graph) {
  AutoGradMode mode(create_graph);
  // Consumers were made after producers, so taking the newest node first sees every gradient before it is
  // used.
  auto newer = [](const std::shared_ptr<TapeNode>& a, const std::shared_ptr<TapeNode>& b) {
    return a->sequence != b->sequence ? a->sequence > b->sequence : a.get() > b.get();
  };
  std::map<std::shared_ptr<TapeNode>, std::vector<Tensor>, decltype(newer)> pending(newer);
  auto add = [&](const Edge& edge, const Tensor& gradient) {
    auto& slots = pending[edge.node];
    if (slots.size() < edge.node->outputs.size()) slots.resize(edge.node->outputs.size());
    Tensor& slot = slots[edge.output];
    slot = slot.defined() ? slot + gradient : gradient;
  };
  std::map<std::pair<const TapeNode*, std::uint32_t>, std::vector<std::size_t>> captured;
  std::vector<Tensor> results(wanted ? wanted->size() : 0);
  std::vector<Edge> goals; // keeps the nodes: one that nothing leads to is held by nobody else
  if (wanted)
    for (std::size_t i = 0; i < wanted->size(); ++i) {
      const Edge edge = gradient_edge((*wanted)[i]);
      if (!edge.node) fail("grad: One of the differentiated Tensors does not require grad");
      captured[{edge.node.get(), edge.output}].push_back(i);
      goals.push_back(edge);
    }
  Usefulness nodes;
  if (wanted) {
    std::vector<std::shared_ptr<TapeNode>> roots;
    for (const Tensor& output : outputs)
      roots.push_back(gradient_edge(output).node);
    for (const auto& [place, results_at] : captured)
      nodes[place.first] = true;
    mark_useful(nodes, roots);
  }
  const UsefulScope scope(wanted ? &nodes : nullptr);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    add(gradient_edge(outputs[i]), gradients[i]);

  std::vector<std::shared_ptr<TapeNode>> visited;
  while (!pending.empty()) {
    auto entry = pending.extract(pending.begin());
    const auto& node = entry.key();
    auto& grads = entry.mapped();
    for (std::uint32_t i = 0; i < grads.size(); ++i) {
      if (!grads[i].defined()) continue;
      if (const Hooks* hooks = node->hooks_of(i)) grads[i] = hooks->run(grads[i]);
      if (auto found = captured.find({node.get(), i}); found != captured.end())
        for (std::size_t place : found->second)
          results[place] = grads[i];
      if (i < node->retained.size())
        if (auto storage = node->retained[i].lock())
          storage->grad = storage->grad.defined() ? storage->grad + grads[i] : grads[i];
    }
    const bool leaf = node->sequence == 0;
    if (leaf && wanted) continue; // autograd::grad accumulates nowhere
    if (!node->inputs.empty() && std::none_of(node->inputs.begin(), node->inputs.end(), is_wanted)) continue;
    const std::vector<Tensor> flows = node->backward(grads, create_graph);
    for (std::size_t i = 0; i < flows.size(); ++i)
      if (flows[i].defined() && is_wanted(node->inputs[i])) add(node->inputs[i], flows[i]);
    if (!leaf) visited.push_back(node);
  }
  if (!retain_graph)
    for (const auto& node : visited)
      node->release();
  return results;
}

// As many backward() calls within backward() calls share a stack; each further batch gets a thread's.
constexpr int kNestedOnOneStack = 64;
thread_local int nesting = 0;

struct Nested {
  Nested() { ++nesting; }
  ~Nested() { --nesting; }
  Nested(const Nested&) = delete;
};

} // namespace

std::vector<Tensor> run_backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
                                 const std::vector<Tensor>* wanted, bool retain_graph, bool create_graph) {
  if (nesting < kNestedOnOneStack) {
    const Nested nested;
    return walk(outputs, gradients, wanted, retain_graph, create_graph);
  }
  std::vector<Tensor> results;
  std::exception_ptr exception;
  const bool grad = GradMode::is_enabled();
  WarningHandler* handler = Warning::get_warning_handler();
  std::thread deeper([&] {
    GradMode::set_enabled(grad);
    Warning::set_warning_handler(handler);
    try {
      results = run_backward(outputs, gradients, wanted, retain_graph, create_graph);
    } catch (...) {
      exception = std::current_exception();
    }
  });
  deeper.join();
  if (exception) std::rethrow_exception(exception);
  return results;
}

} // namespace internal
} // namespace kiln
