// autograd::Function: running a user's forward, and the tape's or the trace's node for its backward.
#include "kiln/function.h"

#include "core/shapes.h"
#include "core/tape.h"
#include "core/trace.h"
#include "kiln/ops.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>

namespace kiln::autograd {

using namespace internal;

namespace {

std::string readable(const std::string& mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  const std::string name = status == 0 && text ? text : mangled;
  std::free(text);
  return name;
}

bool contains(const variable_list& list, const Tensor& x) {
  return std::any_of(list.begin(), list.end(), [&](const Tensor& each) {
    return each.defined() && each.impl()->storage == x.impl()->storage;
  });
}

// x's present value, recorded or not. `edges` keeps alive where a leaf's gradient goes.
Tensor snapshot(const Tensor& x, std::vector<internal::Edge>* edges = nullptr) {
  if (Trace* trace = Trace::current()) return trace->snapshot(read(x));
  const Tensor value = read(x);
  const internal::Edge edge = gradient_edge(value);
  Tensor copy = internal::snapshot(value, edge);
  if (edges && copy.is_leaf() && edge.node) edges->push_back(edge);
  return copy;
}

} // namespace

void detail::collect_tensor(variable_list& tensors, std::vector<std::int64_t>& places,
                            const Tensor& argument) {
  places.push_back(argument.defined() ? static_cast<std::int64_t>(tensors.size()) : -1);
  if (argument.defined()) tensors.push_back(argument);
}

AutogradContext::AutogradContext() = default;
AutogradContext::~AutogradContext() = default;

void AutogradContext::save_for_backward(variable_list tensors) {
  saved_ = std::move(tensors);
}
void AutogradContext::mark_dirty(const variable_list& arguments) {
  dirty_ = arguments;
}
void AutogradContext::mark_non_differentiable(const variable_list& results) {
  constant_ = results;
}
variable_list AutogradContext::get_saved_variables() const {
  if (freed_)
    fail("backward: Trying to backward through the graph a second time (a Function has freed its saved "
         "tensors); pass "
         "retain_graph=true the first time");
  variable_list tensors = saved_;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto result = i < saved_result_.size() ? saved_result_[i] : -1;
    const auto node = std::dynamic_pointer_cast<TapeNode>(node_.lock());
    if (result < 0 || !node || Trace::current()) continue;
    tensors[i] = snapshot(tensors[i]);
    Storage& storage = *tensors[i].impl()->storage;
    storage.grad_fn = node;
    storage.grad_output = static_cast<std::uint32_t>(result);
  }
  return tensors;
}

bool AutogradContext::needs_input_grad(std::size_t i) const {
  if (i >= wanted_.size() || !wanted_[i]) return false;
  const auto node = std::dynamic_pointer_cast<TapeNode>(node_.lock());
  return !node || i >= node->inputs.size() || is_wanted(node->inputs[i]);
}
bool AutogradContext::needs_input_grad(std::initializer_list<IndexRange> ranges) const {
  for (const auto& [from, to] : ranges)
    for (std::size_t i = from; i < to; ++i)
      if (needs_input_grad(i)) return true;
  return false;
}

struct FunctionCall::Call {
  std::string name;
  std::shared_ptr<AutogradContext> context = std::make_shared<AutogradContext>();
  std::vector<std::int64_t> places;
  std::vector<TensorType> types;     ///< of the tensor arguments
  std::vector<internal::Edge> edges; ///< of leaves among the arguments and what was saved

  variable_list differentiate(const Backward& backward, variable_list gradients,
                              const std::vector<TensorType>& results) const {
    if (context->freed_) context->get_saved_variables(); // throws
    gradients.resize(results.size());
    for (std::size_t i = 0; i < results.size(); ++i)
      if (!gradients[i].defined() && context->materialize_)
        gradients[i] = zeros(results[i].shape, TensorOptions(results[i].dtype));
    const variable_list flows = backward(context.get(), std::move(gradients));
    if (flows.size() < places.size())
      fail("backward: function " + name + " returned an incorrect number of gradients (expected " +
           std::to_string(places.size()) + ", got " + std::to_string(flows.size()) + ")");
    variable_list by_argument(types.size());
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (!flows[i].defined()) continue;
      if (i >= places.size() || places[i] < 0)
        fail("backward: function " + name + " returned a gradient different than undefined at position " +
             std::to_string(i + 1) + ", but the corresponding forward input was not a Variable");
      const auto place = static_cast<std::size_t>(places[i]);
      if (flows[i].impl()->type.shape != types[place].shape)
        fail("backward: function " + name + " returned an invalid gradient at index " + std::to_string(i) +
             " - got " + sizes_of(flows[i]) + " but expected shape compatible with " +
             to_string(types[place].shape));
      by_argument[place] = read(flows[i].to(types[place].dtype));
    }
    return by_argument;
  }
};

variable_list FunctionCall::run(const std::string& mangled, const variable_list& arguments,
                                const std::vector<std::int64_t>& places, const Forward& forward,
                                const Backward& backward) {
  bool records = false;
  for (const Tensor& x : arguments)
    records |= x.requires_grad();
  records &= GradMode::is_enabled();
  Trace* trace = Trace::current();
  if (trace && records && trace->functions_split()) {
    trace->flush("an autograd::Function, " + readable(mangled) +
                 ", whose gradient is taken outside the compiled function");
    TraceSuspend suspend;
    return run(mangled, arguments, places, forward, backward);
  }

  auto call = std::make_shared<Call>();
  call->name = "CppNode<" + readable(mangled) + ">";
  call->places = places;
  AutogradContext& context = *call->context;
  variable_list inputs;
  for (const Tensor& x : arguments) {
    context.wanted_.push_back(x.requires_grad());
    call->types.push_back(x.impl()->type);
    inputs.push_back(snapshot(x, &call->edges));
  }
  variable_list results;
  {
    NoGradGuard guard;
    results = forward(&context);
  }
  for (const Tensor& result : results)
    if (!result.defined()) fail(call->name + ": forward returned an undefined tensor");
  if (!records) return results;

  auto node = std::make_shared<FunctionNode>();
  node->function = call->name;
  node->call = [call, backward](const variable_list& gradients, const std::vector<TensorType>& types) {
    return call->differentiate(backward, gradients, types);
  };
  node->forget = [call] {
    call->context->freed_ = true;
    call->context->saved_.clear();
  };
  context.node_ = node;

  // Results that carry gradient: values of their own, or (written in place) the argument's storage.
  for (const Tensor& x : context.dirty_)
    if (x.defined() && x.is_leaf() && x.requires_grad())
      fail(call->name + ": a leaf Variable that requires grad is being used in an in-place operation.");
  const variable_list returned = results;
  std::vector<bool> differentiable;
  for (Tensor& result : results) {
    differentiable.push_back(is_floating(result.dtype()) && !contains(context.constant_, result));
    const bool dirty = contains(context.dirty_, result);
    if (dirty && !trace) ++result.impl()->storage->version; // forward may have written through an address
    if (!dirty) result = snapshot(result.detach());
    node->outputs.push_back(result.impl()->type);
  }
  if (trace) {
    trace->record_function(node, inputs, results, differentiable);
  } else {
    for (const Tensor& x : inputs)
      node->inputs.push_back(gradient_edge(x));
    for (std::uint32_t i = 0; i < results.size(); ++i) {
      Storage& storage = *results[i].impl()->storage;
      if (!differentiable[i]) continue;
      storage.requires_grad = false;
      storage.grad_fn = node;
      storage.grad_output = i;
    }
  }
  // What was saved: results without their edge to the node, which would otherwise own itself.
  for (Tensor& x : context.saved_) {
    std::int64_t result = -1;
    for (std::size_t i = 0; i < returned.size(); ++i)
      if (x.defined() && x.impl()->storage == returned[i].impl()->storage &&
          x.impl()->lens.size() == returned[i].impl()->lens.size() && !contains(arguments, x))
        result = static_cast<std::int64_t>(i);
    context.saved_result_.push_back(result);
    if (!x.defined()) continue;
    if (result < 0)
      x = snapshot(x, &call->edges);
    else
      x = trace ? snapshot(results[static_cast<std::size_t>(result)]) : snapshot(x.detach());
  }
  return results;
}

} // namespace kiln::autograd
