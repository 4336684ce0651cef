// Hooks of modules. Those of backward() stand at two calls of autograd::Function that return what they are
// given: one behind the outputs, through which gradients come in, and one before the inputs, through which
// they leave. Under capture that is all that needs to be known of them.
#include "kiln/nn/hooks.h"

#include "kiln/function.h"
#include "kiln/module.h"

#include <algorithm>

namespace kiln::internal {

struct ModuleHook {
  ModuleHookKind kind;
  std::uint64_t id;
  ModuleHookFunction call;
};
/// Replaced as a whole by each change, so that a call goes on with those it began with.
struct ModuleHooks {
  std::vector<ModuleHook> list;
};

} // namespace kiln::internal

namespace kiln::nn {

RemovableHandle Module::add_hook(internal::ModuleHookKind kind, internal::ModuleHookFunction hook) {
  auto hooks = state_->hooks ? std::make_shared<internal::ModuleHooks>(*state_->hooks)
                             : std::make_shared<internal::ModuleHooks>();
  const std::uint64_t id = state_->next_hook++;
  hooks->list.push_back({kind, id, std::move(hook)});
  state_->hooks = std::move(hooks);
  state_->changed();
  return RemovableHandle(state_, id);
}

RemovableHandle::RemovableHandle(std::weak_ptr<internal::ModuleState> state, std::uint64_t id)
    : state_(std::move(state)), id_(id) {}
void RemovableHandle::remove() {
  const auto state = state_.lock();
  if (!state || !state->hooks) return;
  auto hooks = std::make_shared<internal::ModuleHooks>(*state->hooks);
  const bool there = std::erase_if(hooks->list, [&](const auto& hook) { return hook.id == id_; }) > 0;
  if (!there) return;
  state->hooks = hooks->list.empty() ? nullptr : std::move(hooks);
  state->changed();
}

} // namespace kiln::nn

namespace kiln::internal {

namespace {

std::vector<Tensor> values(const std::vector<Tensor*>& slots) {
  std::vector<Tensor> list;
  for (const Tensor* slot : slots)
    list.push_back(*slot);
  return list;
}

void check_count(const nn::Module& module, const char* hook, std::size_t got, std::size_t wanted) {
  if (got != wanted)
    throw Error(module.name() + ": a " + hook + " returned " + std::to_string(got) + " tensors, wanted " +
                std::to_string(wanted));
}

bool wants_gradient(const Tensor& x) {
  return x.defined() && x.requires_grad();
}

// Passes the tensors that want a gradient through an autograd::Function of the given backward.
template <class Backward> bool pass_through(std::vector<Tensor*> slots, Backward backward) {
  std::erase_if(slots, [](const Tensor* slot) { return !wants_gradient(*slot); });
  if (slots.empty()) return false;
  const std::vector<Tensor> tensors = values(slots);
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    places.push_back(static_cast<std::int64_t>(i));
  const std::vector<Tensor> passed = autograd::FunctionCall::run(
      "BackwardHookFunction", tensors, places,
      [&](autograd::AutogradContext* context) {
        context->set_materialize_grads(false);
        return tensors;
      },
      [backward](autograd::AutogradContext*, std::vector<Tensor> gradients) {
        return backward(std::move(gradients));
      });
  for (std::size_t i = 0; i < slots.size(); ++i)
    *slots[i] = passed[i];
  return true;
}

// By position, those of tensors that want none undefined.
std::vector<Tensor> spread(const std::vector<bool>& wanted, const std::vector<Tensor>& gradients) {
  std::vector<Tensor> all(wanted.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]) all[i] = gradients[next++];
  return all;
}

std::vector<bool> which_want_gradient(const std::vector<Tensor*>& slots) {
  std::vector<bool> wanted;
  for (const Tensor* slot : slots)
    wanted.push_back(wants_gradient(*slot));
  return wanted;
}

} // namespace

const Tensor& only_tensor(const std::vector<Tensor>& list) {
  if (list.size() != 1)
    throw Error("module hook: it takes a Tensor where the module has " + std::to_string(list.size()) +
                ": let it take a const std::vector<Tensor>&");
  return list[0];
}

HookResult hook_result(std::nullopt_t) {
  return {};
}
HookResult hook_result(Tensor result) {
  return result.defined() ? HookResult{true, {std::move(result)}} : HookResult();
}
HookResult hook_result(std::vector<Tensor> result) {
  return {true, std::move(result)};
}

/// What the backward hooks of one call wait for.
struct HookedCall::Gradients {
  ModuleStatePtr state;
  std::shared_ptr<const ModuleHooks> hooks;
  std::vector<bool> inputs, outputs; ///< which of them want a gradient
  std::vector<Tensor> of_outputs;    ///< once they are there

  /// Calls the hooks; gradients of the inputs may be replaced. A module that is gone has none.
  void run(std::vector<Tensor>& of_inputs) {
    const std::vector<Tensor> arrived =
        of_outputs.empty() ? std::vector<Tensor>(outputs.size()) : std::exchange(of_outputs, {});
    nn::Module* module = state->module;
    if (!module) return;
    ModuleScope scope(&state->path);
    const bool none_wanted = std::find(inputs.begin(), inputs.end(), true) == inputs.end();
    for (const ModuleHook& hook : hooks->list) {
      if (hook.kind != ModuleHookKind::Backward) continue;
      auto [replaces, replaced] = hook.call(*module, of_inputs, arrived);
      if (!replaces) continue;
      check_count(*module, "full backward hook", replaced.size(), inputs.size());
      if (none_wanted &&
          std::any_of(replaced.begin(), replaced.end(), [](const Tensor& x) { return x.defined(); }))
        throw Error(module->name() + ": a full backward hook returned gradients of inputs, none of which "
                                     "wants one");
      of_inputs = std::move(replaced);
    }
  }
};

HookedCall::HookedCall(const ModuleStatePtr& state) : state_(state), hooks_(state->hooks) {}
HookedCall::~HookedCall() = default;

void HookedCall::enter(const std::vector<Tensor*>& inputs) {
  bool backward = false;
  for (const ModuleHook& hook : hooks_->list) {
    backward |= hook.kind == ModuleHookKind::Backward;
    if (hook.kind != ModuleHookKind::BeforeForward) continue;
    const auto [replaces, replaced] = hook.call(*state_->module, values(inputs), {});
    if (!replaces) continue;
    check_count(*state_->module, "forward pre-hook", replaced.size(), inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      *inputs[i] = replaced[i];
  }
  if (backward && GradMode::is_enabled()) {
    gradients_ = std::make_shared<Gradients>();
    gradients_->state = state_;
    gradients_->hooks = hooks_;
    gradients_->inputs = which_want_gradient(inputs);
    pass_through(inputs, [waiting = gradients_](std::vector<Tensor> arrived) {
      std::vector<Tensor> of_inputs = spread(waiting->inputs, arrived);
      waiting->run(of_inputs);
      std::vector<Tensor> leaving;
      for (std::size_t i = 0; i < of_inputs.size(); ++i)
        if (waiting->inputs[i]) leaving.push_back(of_inputs[i]);
      return leaving;
    });
  }
  inputs_ = values(inputs);
}

void HookedCall::leave(const std::vector<Tensor*>& outputs) {
  for (const ModuleHook& hook : hooks_->list) {
    if (hook.kind != ModuleHookKind::AfterForward) continue;
    const auto [replaces, replaced] = hook.call(*state_->module, inputs_, values(outputs));
    if (!replaces) continue;
    check_count(*state_->module, "forward hook", replaced.size(), outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i)
      *outputs[i] = replaced[i];
  }
  if (!gradients_) return;
  gradients_->outputs = which_want_gradient(outputs);
  pass_through(outputs, [waiting = gradients_](std::vector<Tensor> arrived) {
    waiting->of_outputs = spread(waiting->outputs, arrived);
    if (std::find(waiting->inputs.begin(), waiting->inputs.end(), true) == waiting->inputs.end()) {
      std::vector<Tensor> none(waiting->inputs.size());
      waiting->run(none);
    }
    return arrived;
  });
}

} // namespace kiln::internal
