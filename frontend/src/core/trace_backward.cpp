// backward() within a capture. What lies between the values that gradients are asked of becomes `gradient`
// calls; at a call of autograd::Function, a hook, or an intermediate whose gradient is wanted, the walk
// stops, does what is to be done there on the host (recording what that computes), and goes on.
#include "core/tape.h"
#include "core/trace.h"
#include "kiln/ops.h"

#include <algorithm>
#include <functional>
#include <set>

namespace kiln::internal {

// Values are numbered in the order of their making: once no larger one is left, a value's gradient is
// complete.
class Trace::Backward {
public:
  Backward(Trace& trace, bool retain_graph, bool create_graph, const std::vector<ir::ValueId>* wanted)
      : trace(trace), retain_graph(retain_graph), create_graph(create_graph), visited(trace.calls_.size()) {
    if (wanted) asked.insert(wanted->begin(), wanted->end());
    takes_all = !wanted;
  }

  void add(ir::ValueId value, const Tensor& gradient) {
    if (!gradient.defined() || !trace.values_[value].needs_grad) return;
    Tensor& sum = pending[value];
    sum = sum.defined() ? sum + gradient : gradient;
  }

  void run() {
    std::vector<ir::ValueId> starts;
    for (const auto& [value, gradient] : pending)
      starts.push_back(value);
    const Reach all = reach(starts, /*through_stops=*/true);
    stops.insert(all.stops.begin(), all.stops.end());
    while (!pending.empty()) {
      if (stops.empty() || pending.begin()->first > *stops.begin())
        differentiate();
      else
        visit(*stops.begin());
    }
    if (!retain_graph)
      for (std::size_t i = 0; i < visited.size(); ++i)
        if (visited[i]) trace.freed_[i] = true;
  }

  std::map<ir::ValueId, Tensor> gradients; ///< of leaves, and of what was asked for

private:
  struct Reach {
    std::set<ir::ValueId> leaves, stops;
  };

  bool is_leaf(ir::ValueId value) const { return trace.values_[value].leaf != nullptr; }
  bool is_stop(ir::ValueId value) const {
    return !is_leaf(value) && (trace.values_[value].is_special() || asked.contains(value));
  }

  Reach reach(std::vector<ir::ValueId> work, bool through_stops) {
    Reach found;
    std::vector<bool> seen(trace.values_.size());
    const std::set<ir::ValueId> starts(work.begin(), work.end());
    while (!work.empty()) {
      const ir::ValueId id = work.back();
      work.pop_back();
      const Value& value = trace.values_[id];
      if (seen[id] || !value.needs_grad) continue;
      seen[id] = true;
      if (value.leaf) {
        found.leaves.insert(id);
        continue;
      }
      if (is_stop(id) && (through_stops || !starts.contains(id))) {
        found.stops.insert(id);
        if (!through_stops) continue;
      }
      if (value.function >= 0) {
        const FunctionRecord& function = trace.functions_[static_cast<std::size_t>(value.function)];
        work.insert(work.end(), function.arguments.begin(), function.arguments.end());
        found.stops.insert(function.results.begin(), function.results.end());
        continue;
      }
      if (value.call < 0) continue;
      const auto call = static_cast<std::size_t>(value.call);
      if (trace.freed_[call])
        fail("backward: Trying to backward through the graph a second time (" + trace.calls_[call].op +
             " has freed its saved tensors); pass retain_graph=true the first time");
      if (call < visited.size()) visited[call] = true;
      for (ir::ValueId operand : trace.calls_[call].operands)
        work.push_back(operand);
    }
    return found;
  }

  // One `gradient` call: from the pending values above all stops, to leaves and stops.
  void differentiate() {
    std::vector<ir::ValueId> roots, wrt;
    std::vector<Tensor> seeds;
    while (!pending.empty() && (stops.empty() || pending.begin()->first > *stops.begin())) {
      const auto [value, gradient] = *pending.begin();
      pending.erase(pending.begin());
      if (is_leaf(value)) {
        keep(value, gradient);
        continue;
      }
      roots.push_back(value);
      seeds.push_back(gradient);
    }
    const Reach found = reach(roots, /*through_stops=*/false);
    for (ir::ValueId id : found.leaves)
      if (takes_all || asked.contains(id) || trace.values_[id].leaf->grad_fn) wrt.push_back(id);
    wrt.insert(wrt.end(), found.stops.begin(), found.stops.end());
    if (wrt.empty()) return;
    std::vector<ir::ValueId> operands = roots;
    for (const Tensor& seed : seeds)
      operands.push_back(trace.value_of(read(seed)));
    operands.insert(operands.end(), wrt.begin(), wrt.end());
    std::vector<TensorType> types;
    for (ir::ValueId id : wrt)
      types.push_back(trace.values_[id].type);
    const std::vector<ir::ValueId> results =
        trace.add_call("gradient", operands, {{"outputs", static_cast<std::int64_t>(roots.size())}}, types);
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      trace.values_[results[i]].needs_grad = create_graph;
      trace.values_[results[i]].tainted = !create_graph;
      const Tensor gradient = trace.tensor_of(results[i]);
      if (is_leaf(wrt[i]))
        keep(wrt[i], gradient);
      else
        add(wrt[i], gradient);
    }
  }

  void keep(ir::ValueId value, const Tensor& gradient) {
    Tensor& sum = gradients[value];
    sum = sum.defined() ? sum + gradient : gradient;
  }

  // Hooks, and what keeps the gradient of an intermediate.
  Tensor observed(ir::ValueId value) {
    Tensor gradient;
    if (const auto found = pending.find(value); found != pending.end()) {
      gradient = found->second;
      pending.erase(found);
    }
    stops.erase(value);
    if (!gradient.defined()) return gradient;
    const auto hooks = trace.values_[value].hooks;
    if (hooks) gradient = hooks->run(gradient);
    if (const StoragePtr storage = trace.values_[value].retained.lock()) {
      trace.note_grad_change(storage);
      storage->grad = gradient;
    }
    if (asked.contains(value)) gradients[value] = gradient;
    return gradient;
  }

  void visit(ir::ValueId value) {
    const std::int64_t index = trace.values_[value].function;
    if (index < 0) {
      if (const Tensor gradient = observed(value); gradient.defined()) pending[value] = gradient;
      return;
    }
    FunctionRecord function = trace.functions_[static_cast<std::size_t>(index)];
    std::vector<Tensor> arrived;
    bool any = false;
    for (ir::ValueId result : function.results) {
      arrived.push_back(observed(result));
      any |= arrived.back().defined();
    }
    if (!any) return;
    const std::vector<Tensor> flows = function.node->backward(arrived, create_graph);
    for (std::size_t i = 0; i < function.arguments.size(); ++i)
      add(function.arguments[i], flows[i]);
    if (retain_graph) return;
    function.node->release();
    for (ir::ValueId result : function.results)
      trace.freed_[static_cast<std::size_t>(trace.values_[result].call)] = true;
  }

  Trace& trace;
  bool retain_graph, create_graph, takes_all = true;
  std::map<ir::ValueId, Tensor, std::greater<>> pending;
  std::set<ir::ValueId, std::greater<>> stops;
  std::set<ir::ValueId> asked;
  std::vector<bool> visited; ///< by call
};

std::vector<Tensor> Trace::backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
                                    const std::vector<Tensor>* wanted, bool retain_graph, bool create_graph) {
  AutoGradMode mode(create_graph);
  std::vector<ir::ValueId> targets;
  if (wanted)
    for (const Tensor& x : *wanted) {
      targets.push_back(value_of(read(x)));
      if (!values_[targets.back()].needs_grad)
        fail("grad: One of the differentiated Tensors does not require grad");
    }
  Backward walk(*this, retain_graph, create_graph, wanted ? &targets : nullptr);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    walk.add(value_of(read(outputs[i])), gradients[i]);
  walk.run();

  // Values from outside the capture that are no leaves: the tape goes on from there.
  std::vector<Tensor> outer, outer_gradients;
  for (const auto& [value, gradient] : walk.gradients) {
    const StoragePtr leaf = values_[value].leaf;
    if (!leaf) continue;
    if (leaf->grad_fn) {
      outer.push_back(whole(leaf));
      outer_gradients.push_back(gradient);
    } else if (!wanted) {
      accumulate_grad(*leaf, leaf->hooks ? leaf->hooks->run(gradient) : gradient);
    }
  }
  if (!wanted) {
    if (!outer.empty()) run_backward(outer, outer_gradients, nullptr, retain_graph, create_graph);
    return {};
  }
  std::vector<Tensor> results(targets.size()), beyond;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (const auto found = walk.gradients.find(targets[i]); found != walk.gradients.end())
      results[i] = found->second;
    if (const StoragePtr leaf = values_[targets[i]].leaf; leaf && !outer.empty() && !results[i].defined())
      beyond.push_back(whole(leaf)), places.push_back(i);
  }
  if (!beyond.empty()) {
    const auto more = run_backward(outer, outer_gradients, &beyond, retain_graph, create_graph);
    for (std::size_t i = 0; i < places.size(); ++i)
      results[places[i]] = more[i];
  }
  return results;
}

std::vector<StoragePtr> Trace::leaves() const {
  std::vector<StoragePtr> found;
  for (const Value& value : values_)
    if (value.leaf && std::find(found.begin(), found.end(), value.leaf) == found.end())
      found.push_back(value.leaf);
  return found;
}

void Trace::record_function(std::shared_ptr<FunctionNode> node, const std::vector<Tensor>& arguments,
                            const std::vector<Tensor>& results, const std::vector<bool>& differentiable) {
  FunctionRecord function;
  function.node = std::move(node);
  for (const Tensor& x : arguments)
    function.arguments.push_back(value_of(x));
  for (std::size_t i = 0; i < results.size(); ++i) {
    Storage& storage = *results[i].impl()->storage;
    const ir::ValueId value = value_of(whole(results[i].impl()->storage));
    const TensorType type = values_[value].type;
    // A value of its own, behind which the walk of backward() finds the function.
    const ir::ValueId fresh = add_call("detach", {value}, {}, std::span(&type, 1)).front();
    if (differentiable[i]) {
      values_[fresh].needs_grad = true;
      values_[fresh].function = static_cast<std::int64_t>(functions_.size());
    }
    function.results.push_back(fresh);
    storage.value = fresh;
  }
  functions_.push_back(std::move(function));
}

bool Trace::hook(const Tensor& whole, std::shared_ptr<Hooks> hooks) {
  Value& value = values_[value_of(whole)];
  if (value.leaf) return false;
  value.hooks = std::move(hooks);
  return true;
}

bool Trace::retain(const Tensor& whole) {
  Value& value = values_[value_of(whole)];
  if (value.leaf) return false;
  value.retained = whole.impl()->storage;
  return true;
}

std::vector<bool> Trace::freed_values() const {
  std::vector<bool> freed(values_.size());
  for (std::size_t id = 0; id < values_.size(); ++id) { // operands come before results
    const Value& value = values_[id];
    if (!value.needs_grad || value.leaf || value.call < 0) continue;
    const auto call = static_cast<std::size_t>(value.call);
    const auto& operands = value.function >= 0
                               ? functions_[static_cast<std::size_t>(value.function)].arguments
                               : calls_[call].operands;
    freed[id] = freed_[call] ||
                std::any_of(operands.begin(), operands.end(), [&](ir::ValueId v) { return freed[v]; });
  }
  return freed;
}

bool Trace::needs_host_backward(const std::vector<Tensor>& results) {
  if (functions_.empty() &&
      std::none_of(values_.begin(), values_.end(), [](const Value& v) { return v.hooks != nullptr; }))
    return false;
  std::vector<ir::ValueId> work;
  for (const Tensor& x : results)
    work.push_back(value_of(read(x)));
  for (const StoragePtr& storage : written())
    work.push_back(storage->value);
  std::vector<bool> seen(values_.size());
  while (!work.empty()) {
    const ir::ValueId id = work.back();
    work.pop_back();
    if (id >= seen.size() || seen[id] || !values_[id].needs_grad) continue;
    seen[id] = true;
    const std::int64_t call = values_[id].call;
    if (call >= 0 && freed_[static_cast<std::size_t>(call)])
      continue; // nothing can be differentiated any more
    if (values_[id].function >= 0 || values_[id].hooks) return true;
    if (values_[id].leaf || call < 0) continue;
    const auto& operands = calls_[static_cast<std::size_t>(call)].operands;
    work.insert(work.end(), operands.begin(), operands.end());
  }
  return false;
}

} // namespace kiln::internal
