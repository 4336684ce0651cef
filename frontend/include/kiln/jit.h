// jit::compile: the same calls, the same results, compiled. The whole compile API is on this page.
#pragma once

#include "kiln/autograd.h"
#include "kiln/tensor.h"

#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace kiln::jit {

/// Stages of the IR whose text `ir()` gives.
enum class Stage { Captured, Differentiated, Decomposed, Simplified, LaidOut, Fused, Planned };

/// One kernel of a compiled program.
struct Kernel {
  std::string name, kind, location, source;
  std::vector<std::string> ops; ///< what was fused
  std::int64_t bytes = 0, flops = 0;
  double microseconds = 0; ///< of one run; 0 unless profiled
};

/// Sizes of a compiled program's buffers in bytes.
struct Memory {
  std::int64_t peak = 0, lower_bound = 0;
};

/// What every compiled callable offers beside its call.
class Compiled {
public:
  /// The function on the tracer's tensors: called by a capture only, while `run` is on the stack.
  using Body = std::vector<Tensor> (*)(void* context, const std::vector<Tensor>& arguments);
  explicit Compiled(std::string name);

  /// What was captured, compiled, reused, split or recompiled, and why: one line each, oldest first.
  std::string explain() const;
  /// The IR of the program that ran last, at a stage. Throws Error before the first call.
  std::string ir(Stage stage) const;
  /// The kernels of the program that ran last, in launch order. `profile_runs` > 0 times them on copies of
  /// its state.
  std::vector<Kernel> kernels(int profile_runs = 0) const;
  Memory memory() const;
  /// Writes the IR of every stage and every kernel's source below `directory`, which is created. Environment
  /// variable KILN_DUMP=dir does so for every program that a process captures, each below dir/NAME-HASH.
  void dump(const std::string& directory) const;
  int programs() const; ///< distinct programs captured so far

protected:
  std::vector<Tensor> run(const std::vector<Tensor>& arguments, const std::string& constants, Body body,
                          void* context) const;

private:
  struct State;
  std::shared_ptr<State> state_;
};

namespace detail {
/// Adds a number to the key that chooses a program, all its digits.
void add_constant(std::string& constants, double value);
void add_constant(std::string& constants, long long value);
std::vector<Tensor> list_with_room(std::size_t tensors); ///< an empty one
void add_tensor(std::vector<Tensor>& tensors, const Tensor& tensor);

template <class T> void collect(std::vector<Tensor>& tensors, std::string& constants, const T& value) {
  if constexpr (std::is_convertible_v<const T&, const Tensor&>)
    add_tensor(tensors, value);
  else if constexpr (std::is_arithmetic_v<T>)
    add_constant(constants, std::conditional_t<std::is_floating_point_v<T>, double, long long>(value));
  else
    for (const Tensor& tensor : value)
      add_tensor(tensors, tensor);
}
template <class T>
std::decay_t<T> rebuild(const std::vector<Tensor>& tensors, std::size_t& next, const T& like) {
  if constexpr (std::is_convertible_v<const T&, const Tensor&>)
    return tensors[next++];
  else if constexpr (std::is_arithmetic_v<T>)
    return like;
  else {
    std::decay_t<T> list = like;
    for (Tensor& tensor : list)
      tensor = tensors[next++];
    return list;
  }
}
template <class R> std::vector<Tensor> flatten(R&& result) {
  using T = std::decay_t<R>;
  if constexpr (std::is_same_v<T, Tensor>)
    return {std::forward<R>(result)};
  else if constexpr (std::is_same_v<T, std::vector<Tensor>>)
    return std::forward<R>(result);
  else
    return std::apply([](auto&&... parts) { return std::vector<Tensor>{parts...}; }, std::forward<R>(result));
}
template <class R> R unflatten(std::vector<Tensor>&& results) {
  if constexpr (std::is_same_v<R, Tensor>)
    return std::move(results.at(0));
  else if constexpr (std::is_same_v<R, std::vector<Tensor>>)
    return std::move(results);
  else
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
      return R{results.at(i)...};
    }(std::make_index_sequence<std::tuple_size_v<R>>{});
}
} // namespace detail

/// A compiled function; copies share what was compiled. Arguments: tensors, lists of tensors, and numbers (a
/// program for each value of those); result: a tensor, a list or tuple of tensors, or nothing.
template <class F> class CompiledFunction : public Compiled {
public:
  CompiledFunction(std::string name, F function)
      : Compiled(std::move(name)), function_(std::make_shared<F>(std::move(function))) {}

  template <class... Args> auto operator()(const Args&... args) const {
    using R = std::decay_t<std::invoke_result_t<F&, const Args&...>>;
    std::vector<Tensor> tensors = detail::list_with_room(sizeof...(Args));
    std::string constants;
    (detail::collect(tensors, constants, args), ...);
    auto body = [&](const std::vector<Tensor>& traced) -> std::vector<Tensor> {
      std::size_t next = 0;
      std::tuple<Args...> rebuilt{detail::rebuild(traced, next, args)...};
      if constexpr (std::is_void_v<R>)
        return std::apply(*function_, rebuilt), std::vector<Tensor>{};
      else
        return detail::flatten(std::apply(*function_, rebuilt));
    };
    auto results = run(
        tensors, constants,
        [](void* context, const std::vector<Tensor>& traced) {
          return (*static_cast<decltype(body)*>(context))(traced);
        },
        &body);
    if constexpr (!std::is_void_v<R>) return detail::unflatten<R>(std::move(results));
  }

private:
  std::shared_ptr<F> function_;
};

/// Compiles a function: a lambda that is a whole training step (forward, backward(), optimizer.step())
/// becomes one program that updates the state it uses in place.
template <class F>
  requires(!requires(F f) { f.ptr(); })
CompiledFunction<F> compile(F function, std::string name = "step") {
  return CompiledFunction<F>(std::move(name), std::move(function));
}

/// Compiles a model held by a ModuleHolder: forward now, backward through the tape, both compiled.
template <class Holder>
  requires requires(Holder h) { h.ptr(); }
auto compile(Holder model, std::string name = "model") {
  auto call = [model](const auto&... args) mutable { return model(args...); };
  return CompiledFunction<decltype(call)>(std::move(name), std::move(call));
}

} // namespace kiln::jit
