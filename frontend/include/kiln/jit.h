// jit::compile: the same calls, the same results, compiled. The whole compile API is on this page.
#pragma once

#include "kiln/autograd.h"
#include "kiln/tensor.h"

#include <functional>
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
  std::vector<std::string> ops;   ///< what was fused
  std::int64_t bytes = 0, flops = 0;
  double microseconds = 0;        ///< of one run; 0 unless profiled
};

/// Sizes of a compiled program's buffers in bytes.
struct Memory {
  std::int64_t peak = 0, lower_bound = 0;
};

/// What every compiled callable offers beside its call.
class Compiled {
public:
  using Body = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
  enum class Kind { Step, Model };
  Compiled(Kind kind, std::string name, Body body);

  std::vector<Tensor> run(const std::vector<Tensor>& arguments, const std::string& constants = {}) const;

  /// What was captured, compiled, reused, split or recompiled, and why: one line each, oldest first.
  std::string explain() const;
  /// The IR of the program that ran last, at a stage. Throws Error before the first call.
  std::string ir(Stage stage) const;
  /// The kernels of the program that ran last, in launch order; with `profile`, timed on its next runs' inputs.
  std::vector<Kernel> kernels() const;
  Memory memory() const;
  /// Writes the IR of every stage and every kernel's source below `directory`, which is created.
  void dump(const std::string& directory) const;
  int programs() const; ///< distinct programs compiled so far

private:
  struct State;
  std::shared_ptr<State> state_;
};

namespace detail {
template <class T> void collect(std::vector<Tensor>& tensors, std::string& constants, const T& value) {
  if constexpr (std::is_convertible_v<const T&, const Tensor&>) tensors.push_back(value);
  else if constexpr (std::is_arithmetic_v<T>) constants += std::to_string(value) + ";";
  else for (const Tensor& tensor : value) tensors.push_back(tensor);
}
template <class T> std::decay_t<T> rebuild(const std::vector<Tensor>& tensors, std::size_t& next, const T& like) {
  if constexpr (std::is_convertible_v<const T&, const Tensor&>) return tensors[next++];
  else if constexpr (std::is_arithmetic_v<T>) return like;
  else {
    std::decay_t<T> list = like;
    for (Tensor& tensor : list) tensor = tensors[next++];
    return list;
  }
}
template <class R> std::vector<Tensor> flatten(R&& result) {
  using T = std::decay_t<R>;
  if constexpr (std::is_same_v<T, Tensor>) return {std::forward<R>(result)};
  else if constexpr (std::is_same_v<T, std::vector<Tensor>>) return std::forward<R>(result);
  else return std::apply([](auto&&... parts) { return std::vector<Tensor>{parts...}; }, std::forward<R>(result));
}
template <class R> R unflatten(std::vector<Tensor>&& results) {
  if constexpr (std::is_same_v<R, Tensor>) return std::move(results.at(0));
  else if constexpr (std::is_same_v<R, std::vector<Tensor>>) return std::move(results);
  else return [&]<std::size_t... i>(std::index_sequence<i...>) { return R{results.at(i)...}; }(
                  std::make_index_sequence<std::tuple_size_v<R>>{});
}
} // namespace detail

/// A compiled function. Arguments: tensors, lists of tensors, and numbers (a program for each value of those);
/// result: a tensor, a list or tuple of tensors, or nothing.
template <class F> class CompiledFunction {
public:
  CompiledFunction(Compiled::Kind kind, std::string name, F function)
      : function_(std::make_shared<F>(std::move(function))), kind_(kind), name_(std::move(name)) {}

  template <class... Args> auto operator()(const Args&... args) {
    using R = std::decay_t<std::invoke_result_t<F&, const Args&...>>;
    std::vector<Tensor> tensors;
    tensors.reserve(sizeof...(Args));
    std::string constants;
    (detail::collect(tensors, constants, args), ...);
    bind<R, Args...>(args...);
    auto results = compiled_->run(tensors, constants);
    if constexpr (!std::is_void_v<R>) return detail::unflatten<R>(std::move(results));
  }
  const Compiled& operator*() const { return *compiled_; }
  /// The record of what was compiled. Throws Error before the first call.
  std::string explain() const { return get().explain(); }
  std::string ir(Stage stage) const { return get().ir(stage); }
  std::vector<Kernel> kernels() const { return get().kernels(); }
  Memory memory() const { return get().memory(); }
  void dump(const std::string& directory) const { get().dump(directory); }
  int programs() const { return get().programs(); }

private:
  const Compiled& get() const {
    if (!compiled_) throw Error("jit: " + name_ + " has not been called yet");
    return *compiled_;
  }
  // The body rebuilds the argument list from the tensors that the tracer passes; made once for each call signature.
  template <class R, class... Args> void bind(const Args&... args) {
    if (compiled_ && signature_ == (std::size_t{0} + ... + sizeof(Args)) && !(false || ... || std::is_arithmetic_v<Args>))
      return;
    signature_ = (std::size_t{0} + ... + sizeof(Args));
    auto copies = std::make_shared<std::tuple<Args...>>(args...);
    current_ = [function = function_, copies](const std::vector<Tensor>& tensors) -> std::vector<Tensor> {
      std::size_t next = 0;
      auto call = [&](const auto&... like) -> decltype(auto) {
        auto rebuilt = std::tuple<Args...>{detail::rebuild(tensors, next, like)...};
        return std::apply(*function, rebuilt);
      };
      if constexpr (std::is_void_v<R>) return std::apply(call, *copies), std::vector<Tensor>{};
      else return detail::flatten(std::apply(call, *copies));
    };
    if (!compiled_) compiled_ = std::make_shared<Compiled>(kind_, name_, [this_ = &current_store()](const std::vector<Tensor>& t) { return (*this_)(t); });
  }
  Compiled::Body& current_store() { return current_; }

  std::shared_ptr<F> function_;
  Compiled::Kind kind_;
  std::string name_;
  Compiled::Body current_;
  std::size_t signature_ = 0;
  std::shared_ptr<Compiled> compiled_;
};

/// Compiles a function: a lambda that is a whole training step (forward, backward(), optimizer.step()) becomes one
/// program that updates the state it uses in place.
template <class F>
  requires(!requires(F f) { f.ptr(); })
CompiledFunction<F> compile(F function, std::string name = "step") {
  return CompiledFunction<F>(Compiled::Kind::Step, std::move(name), std::move(function));
}

/// Compiles a model held by a ModuleHolder: forward now, backward through the tape, both compiled.
template <class Holder>
  requires requires(Holder h) { h.ptr(); }
auto compile(Holder model, std::string name = "model") {
  auto call = [model](const auto&... args) mutable { return model(args...); };
  return CompiledFunction<decltype(call)>(Compiled::Kind::Model, std::move(name), std::move(call));
}

} // namespace kiln::jit
