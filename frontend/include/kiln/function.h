// autograd::Function: an op with a forward and a backward of the user's.
//
//   struct Clip : autograd::Function<Clip> {
//     static Tensor forward(autograd::AutogradContext* ctx, Tensor x, double limit) {
//       ctx->save_for_backward({x});
//       ctx->saved_data["limit"] = limit;
//       return x.clamp(-limit, limit);
//     }
//     static autograd::variable_list backward(autograd::AutogradContext* ctx, autograd::variable_list grads)
//     {
//       return {grads[0], Tensor()}; // one for each argument of forward
//     }
//   };
//   Tensor y = Clip::apply(x, 1.0);
//
// Under capture both are traced through: they are part of the program.
#pragma once

#include "kiln/autograd.h"
#include "kiln/serialize/ivalue.h"

#include <initializer_list>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <unordered_map>
#include <utility>

namespace kiln::autograd {

using IndexRange = std::pair<std::size_t, std::size_t>; ///< from the first to before the second

/// What forward hands to backward.
class AutogradContext {
public:
  AutogradContext();
  AutogradContext(const AutogradContext&) = delete;
  ~AutogradContext();

  /// Numbers, texts and tensors that are neither argument nor result.
  std::unordered_map<std::string, IValue> saved_data;
  void save_for_backward(variable_list tensors);   ///< arguments and results
  variable_list get_saved_variables() const;       ///< throws Error once the graph was freed
  void mark_dirty(const variable_list& arguments); ///< written in place by forward
  void mark_non_differentiable(const variable_list& results);
  /// Whether backward gets zeros, rather than undefined tensors, for results that nothing flows into.
  /// Default: yes.
  void set_materialize_grads(bool value) { materialize_ = value; }
  /// Whether the i-th tensor among forward's arguments wants a gradient, or any of those in the ranges.
  bool needs_input_grad(std::size_t i) const;
  bool needs_input_grad(std::initializer_list<IndexRange> ranges) const;

private:
  friend struct FunctionCall;
  variable_list saved_, dirty_, constant_;
  bool materialize_ = true;
  std::vector<bool> wanted_;               ///< by tensor argument
  std::vector<std::int64_t> saved_result_; ///< by saved tensor: which result it is, or -1
  std::weak_ptr<kiln::Node> node_;
  bool freed_ = false;
};

/// The part of apply() that is the same for all functions.
struct FunctionCall {
  using Forward = std::function<variable_list(AutogradContext*)>;
  using Backward = std::function<variable_list(AutogradContext*, variable_list)>;
  /// arguments: the tensors among forward's arguments. `places`: by argument of forward, its number among
  /// them, or -1.
  static variable_list run(const std::string& name, const variable_list& arguments,
                           const std::vector<std::int64_t>& places, const Forward& forward,
                           const Backward& backward);

private:
  struct Call;
};

namespace detail {
/// Adds an argument of forward to FunctionCall::run's first lists; undefined where it is no tensor.
void collect_tensor(variable_list& tensors, std::vector<std::int64_t>& places, const Tensor& argument);
template <class A>
void collect(variable_list& tensors, std::vector<std::int64_t>& places, const A& argument) {
  if constexpr (std::is_convertible_v<const A&, const Tensor&>)
    collect_tensor(tensors, places, argument);
  else if constexpr (std::is_same_v<A, std::optional<Tensor>>)
    collect_tensor(tensors, places, argument.value_or(Tensor()));
  else if constexpr (std::is_same_v<A, variable_list>)
    for (const Tensor& tensor : argument)
      collect_tensor(tensors, places, tensor);
  else
    collect_tensor(tensors, places, Tensor());
}
} // namespace detail

template <class T> struct Function {
  /// Calls T::forward(context, arguments…) and records T::backward. Returns what forward returns: a tensor or
  /// a list.
  template <class X = T, class... Args> static auto apply(Args&&... args) {
    using Result = decltype(X::forward(static_cast<AutogradContext*>(nullptr), std::forward<Args>(args)...));
    variable_list tensors;
    std::vector<std::int64_t> places;
    (detail::collect(tensors, places, args), ...);
    variable_list results = FunctionCall::run(
        typeid(X).name(), tensors, places,
        [&](AutogradContext* context) -> variable_list {
          if constexpr (std::is_same_v<Result, variable_list>)
            return X::forward(context, std::forward<Args>(args)...);
          else
            return {X::forward(context, std::forward<Args>(args)...)};
        },
        [](AutogradContext* context, variable_list gradients) {
          return X::backward(context, std::move(gradients));
        });
    if constexpr (std::is_same_v<Result, variable_list>)
      return results;
    else
      return results.at(0);
  }
};

} // namespace kiln::autograd
