// backward() and autograd::grad(): the walk of the tape.
#include "core/apply.h"
#include "core/tape.h"
#include "kiln/ops.h"
#include "kiln/warning.h"

#include <algorithm>
#include <map>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace kiln::internal {

namespace {
// By node: whether what flows through it reaches a tensor whose gradient was asked for.
using Usefulness = std::unordered_map<const TapeNode*, bool>;
thread_local const Usefulness* useful = nullptr; ///< of this thread's backward(); null: everything is

} // namespace

bool is_wanted(const Edge& edge) {
  if (!edge.node) return false;
  if (!useful) return true;
  const auto found = useful->find(edge.node.get());
  return found != useful->end() && found->second;
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

} // namespace kiln::internal
