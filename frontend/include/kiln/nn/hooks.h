// Hooks of modules: functions that look at, and may replace, what a module is called with, what it returns,
// and the gradients of both. As those of torch.nn.Module in Python.
#pragma once

#include "kiln/internal/module_state.h"

#include <concepts>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace kiln::nn {

/// What a registration returns. Copies stand for the same hook; dropping them leaves it in place.
class RemovableHandle {
public:
  RemovableHandle() = default;
  /// The hook is not called any more. Does nothing when it was removed before or its module is gone.
  void remove();

private:
  friend class Module;
  RemovableHandle(std::weak_ptr<internal::ModuleState> state, std::uint64_t id);
  std::weak_ptr<internal::ModuleState> state_;
  std::uint64_t id_ = 0;
};

} // namespace kiln::nn

namespace kiln::internal {

/// What takes the place of the inputs (before forward, and their gradients) or of the outputs (after
/// forward).
struct HookResult {
  bool replaces = false;
  std::vector<Tensor> tensors;
};
/// A hook as it is kept: lists of tensors, the second one empty before forward.
using ModuleHookFunction =
    std::function<HookResult(nn::Module&, const std::vector<Tensor>&, const std::vector<Tensor>&)>;

enum class ModuleHookKind : std::uint8_t { BeforeForward, AfterForward, Backward };

/// One call of a module that has hooks. They see the tensors that the arguments and the result hold, in
/// order.
class HookedCall {
public:
  explicit HookedCall(const ModuleStatePtr& state);
  ~HookedCall();
  HookedCall(const HookedCall&) = delete;
  /// Before forward: runs the hooks that come first; tensors may be replaced.
  void enter(const std::vector<Tensor*>& inputs);
  /// After it.
  void leave(const std::vector<Tensor*>& outputs);

private:
  struct Gradients;
  ModuleStatePtr state_;
  std::shared_ptr<const ModuleHooks> hooks_;
  std::vector<Tensor> inputs_;
  std::shared_ptr<Gradients> gradients_;
};

/// Finds the tensors in a value: a tensor, or a list, optional or tuple of values.
template <class T> inline constexpr bool holds_tensors = false;
template <> inline constexpr bool holds_tensors<Tensor> = true;
template <class T> inline constexpr bool holds_tensors<std::vector<T>> = holds_tensors<T>;
template <class T> inline constexpr bool holds_tensors<std::optional<T>> = holds_tensors<T>;
template <class A, class B>
inline constexpr bool holds_tensors<std::pair<A, B>> = holds_tensors<A> || holds_tensors<B>;
template <class... T> inline constexpr bool holds_tensors<std::tuple<T...>> = (... || holds_tensors<T>);

template <class T> void collect_tensors(std::vector<Tensor*>& found, T& value) {
  if constexpr (!holds_tensors<T>)
    return;
  else if constexpr (std::same_as<T, Tensor>)
    found.push_back(&value);
  else if constexpr (requires { value.has_value(); }) {
    if (value) collect_tensors(found, *value);
  } else if constexpr (requires { std::tuple_size<T>::value; })
    std::apply([&](auto&... parts) { (collect_tensors(found, parts), ...); }, value);
  else
    for (auto& part : value)
      collect_tensors(found, part);
}

/// Calls forward between the hooks. Arguments that hold tensors are copies, in which hooks replace them.
template <class Contained, class... Args> auto call_with_hooks(Contained& module, Args&&... args) {
  std::tuple<
      std::conditional_t<holds_tensors<std::remove_cvref_t<Args>>, std::remove_cvref_t<Args>, Args&&>...>
  held(std::forward<Args>(args)...);
  std::vector<Tensor*> inputs, outputs;
  std::apply([&](auto&... each) { (collect_tensors(inputs, each), ...); }, held);
  HookedCall call(module.internal_state());
  call.enter(inputs);
  auto forward = [&](auto&... each) { return module.forward(static_cast<Args&&>(each)...); };
  if constexpr (std::is_void_v<decltype(std::apply(forward, held))>) {
    std::apply(forward, held);
    call.leave(outputs);
  } else {
    auto result = std::apply(forward, held);
    collect_tensors(outputs, result);
    call.leave(outputs);
    return result;
  }
}

// From what users write to a ModuleHookFunction.

/// The one tensor of a list. Throws Error when there are more or none.
const Tensor& only_tensor(const std::vector<Tensor>& list);

HookResult hook_result(std::nullopt_t);
HookResult hook_result(Tensor result);
HookResult hook_result(std::vector<Tensor> result);
template <class T> HookResult hook_result(std::optional<T> result) {
  return result ? hook_result(std::move(*result)) : HookResult();
}

template <class Call> HookResult call_hook(Call call) {
  if constexpr (std::is_void_v<decltype(call())>)
    return call(), HookResult();
  else
    return hook_result(call());
}

/// Hooks before forward: of the module and its inputs.
template <class Hook> ModuleHookFunction hook_of_inputs(Hook hook) {
  return [hook = std::move(hook)](nn::Module& module, const std::vector<Tensor>& inputs,
                                  const std::vector<Tensor>&) mutable {
    return call_hook([&] {
      if constexpr (std::invocable<Hook&, nn::Module&, const std::vector<Tensor>&>)
        return hook(module, inputs);
      else
        return hook(module, only_tensor(inputs));
    });
  };
}
/// The others: of the module and two lists.
template <class Hook> ModuleHookFunction hook_of_both(Hook hook) {
  return [hook = std::move(hook)](nn::Module& module, const std::vector<Tensor>& inputs,
                                  const std::vector<Tensor>& outputs) mutable {
    return call_hook([&] {
      if constexpr (std::invocable<Hook&, nn::Module&, const std::vector<Tensor>&,
                                   const std::vector<Tensor>&>)
        return hook(module, inputs, outputs);
      else
        return hook(module, only_tensor(inputs), only_tensor(outputs));
    });
  };
}

} // namespace kiln::internal
