// The tape: edges, nodes, and accumulation into leaves.
#include "core/tape.h"

#include "core/shapes.h"
#include "core/trace.h"
#include "kiln/ops.h"

#include <atomic>
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

} // namespace

Tensor Hooks::run(Tensor gradient) const {
  const auto calls = list; // a hook may remove itself
  for (const auto& [number, hook] : calls) {
    Tensor result = hook(gradient);
    if (!result.defined()) continue;
    if (result.sizes() != gradient.sizes())
      fail("hook: hook has changed the size of value: from " + sizes_of(gradient) + " to " +
           sizes_of(result));
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

Tensor snapshot(const Tensor& whole, const Edge& edge) {
  const Storage& from = *whole.impl()->storage;
  Tensor copy = make_tensor(from.type, from.buffer);
  Storage& to = *copy.impl()->storage;
  to.requires_grad = from.requires_grad && !from.grad_fn;
  to.grad_fn = from.grad_fn;
  to.grad_output = from.grad_output;
  if (to.requires_grad) to.accumulator = edge.node;
  return copy;
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

std::vector<Tensor> FreedNode::backward(const std::vector<Tensor>&, bool) {
  fail("backward: Trying to backward through the graph a second time (a backward() within the compiled call "
       "has freed its saved tensors); pass retain_graph=true the first time");
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

} // namespace internal
} // namespace kiln
