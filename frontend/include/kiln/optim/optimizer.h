// optim::Optimizer: parameter groups with options, and a state for each parameter.
//
// Steps are made of ordinary tensor ops, so a captured step() fuses with everything around it. Options may
// change at any time: under capture, numbers such as the learning rate are inputs that every replay reads
// anew; what changes the shape of the computation (momentum on or off) is guarded.
#pragma once

#include "kiln/arg.h"
#include "kiln/internal/capture.h"
#include "kiln/tensor.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

/// A field of optimizer options: as KILN_ARG, and writing access makes compiled programs check their guards
/// again.
#define KILN_OPTIMIZER_ARG(T, name)                                                                          \
public:                                                                                                      \
  auto name(T value) -> decltype(*this) {                                                                    \
    this->name##_ = std::move(value);                                                                        \
    ::kiln::internal::bump_structure_epoch();                                                                \
    return *this;                                                                                            \
  }                                                                                                          \
  KILN_OPTIMIZER_ARG_FIELD(T, name)

/// What KILN_DECLARED_ARG is to KILN_ARG, and its setter.
#define KILN_DECLARED_OPTIMIZER_ARG(T, name)                                                                 \
public:                                                                                                      \
  auto name(T value) -> decltype(*this);                                                                     \
  KILN_OPTIMIZER_ARG_FIELD(T, name)
#define KILN_OPTIMIZER_ARG_SETTER(Options, T, name)                                                          \
  auto Options::name(T value) -> decltype(*this) {                                                           \
    this->name##_ = std::move(value);                                                                        \
    ::kiln::internal::bump_structure_epoch();                                                                \
    return *this;                                                                                            \
  }

/// The rest of both.
#define KILN_OPTIMIZER_ARG_FIELD(T, name)                                                                    \
  const T& name() const noexcept {                                                                           \
    return this->name##_;                                                                                    \
  }                                                                                                          \
  T& name() noexcept {                                                                                       \
    ::kiln::internal::bump_structure_epoch();                                                                \
    return this->name##_;                                                                                    \
  }                                                                                                          \
                                                                                                             \
private:                                                                                                     \
  T name##_

namespace kiln::serialize {
class OutputArchive;
class InputArchive;
} // namespace kiln::serialize

namespace kiln::optim {

/// What an optimizer remembers of one parameter.
class OptimizerParamState {
public:
  virtual ~OptimizerParamState() = default;
  virtual std::unique_ptr<OptimizerParamState> clone() const = 0;
  /// Under the names of torch.optim ("exp_avg"). Reading replaces values in place. Unless overridden, Error.
  virtual void serialize(serialize::OutputArchive& archive) const;
  virtual void serialize(serialize::InputArchive& archive);
};
template <class Derived> class OptimizerCloneableParamState : public OptimizerParamState {
public:
  std::unique_ptr<OptimizerParamState> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived&>(*this));
  }
};

class OptimizerOptions {
public:
  virtual ~OptimizerOptions() = default;
  virtual std::unique_ptr<OptimizerOptions> clone() const = 0;
  virtual double get_lr() const = 0;
  virtual void set_lr(double lr) = 0;
  /// Momentum, or Adam's first beta; nothing where the optimizer has neither.
  virtual std::optional<double> momentum_value() const { return {}; }
  virtual void set_momentum(double) {}
  virtual void check() const {} ///< throws Error for values that make no sense
  /// Under the names of torch.optim ("lr"). What an archive lacks stays as it is. Unless overridden, the
  /// learning rate alone.
  virtual void serialize(serialize::OutputArchive& archive) const;
  virtual void serialize(serialize::InputArchive& archive);
};
template <class Derived> class OptimizerCloneableOptions : public OptimizerOptions {
public:
  std::unique_ptr<OptimizerOptions> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived&>(*this));
  }
  double get_lr() const override { return static_cast<const Derived&>(*this).lr(); }
  void set_lr(double lr) override { static_cast<Derived&>(*this).lr(lr); }
  std::optional<double> momentum_value() const override {
    auto& self = static_cast<const Derived&>(*this);
    if constexpr (requires { self.momentum(); }) return self.momentum();
    if constexpr (requires { self.betas(); }) return std::get<0>(self.betas());
    return {};
  }
  void set_momentum(double momentum) override {
    auto& self = static_cast<Derived&>(*this);
    if constexpr (requires { self.momentum(); }) self.momentum(momentum);
    if constexpr (requires { self.betas(); }) self.betas({momentum, std::get<1>(self.betas())});
  }
};

/// Parameters that share options. Copying copies the options; the tensors stay shared.
class OptimizerParamGroup {
public:
  OptimizerParamGroup(std::vector<Tensor> params);
  OptimizerParamGroup(std::vector<Tensor> params, std::unique_ptr<OptimizerOptions> options);
  OptimizerParamGroup(const OptimizerParamGroup& other);
  OptimizerParamGroup(OptimizerParamGroup&&) noexcept; // captured programs point into the options
  OptimizerParamGroup& operator=(OptimizerParamGroup&&) noexcept;
  ~OptimizerParamGroup();

  bool has_options() const { return options_ != nullptr; }
  /// Throw Error when there are none.
  OptimizerOptions& options() { return *shared_options(); }
  const OptimizerOptions& options() const { return *shared_options(); }
  void set_options(std::unique_ptr<OptimizerOptions> options);
  std::vector<Tensor>& params();
  const std::vector<Tensor>& params() const { return params_; }
  const std::shared_ptr<OptimizerOptions>& shared_options() const;

private:
  std::vector<Tensor> params_;
  std::shared_ptr<OptimizerOptions> options_;
};

class Optimizer {
public:
  using LossClosure = std::function<Tensor()>;
  using State = std::unordered_map<void*, std::unique_ptr<OptimizerParamState>>;

  /// Throw Error when there is no parameter at all, and for parameters that add_param_group refuses.
  Optimizer(std::vector<OptimizerParamGroup> param_groups, std::unique_ptr<OptimizerOptions> defaults);
  Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults);
  Optimizer(const Optimizer&) = delete;
  Optimizer(Optimizer&&) noexcept;
  virtual ~Optimizer();

  /// Updates every parameter that has a gradient. With a closure, calls it first (with gradients on) and
  /// returns its loss.
  virtual Tensor step(LossClosure closure = nullptr);
  /// Forgets all gradients, or fills them with zeros.
  void zero_grad(bool set_to_none = true);

  /// A group without options gets the defaults. Throws Error for parameters that are undefined, not leaves,
  /// not of floating point, or in a group already.
  void add_param_group(const OptimizerParamGroup& param_group);
  void add_parameters(const std::vector<Tensor>& parameters); ///< to the first group

  const std::vector<Tensor>& parameters() const; ///< of the first group
  std::size_t size() const noexcept;             ///< number of parameters in all groups
  OptimizerOptions& defaults() noexcept { return *defaults_; }
  const OptimizerOptions& defaults() const noexcept { return *defaults_; }
  std::vector<OptimizerParamGroup>& param_groups() noexcept { return param_groups_; }
  const std::vector<OptimizerParamGroup>& param_groups() const noexcept { return param_groups_; }
  /// By parameter (the address of what its handles point to).
  State& state() noexcept { return state_; }
  const State& state() const noexcept { return state_; }

  /// All options and states, as torch.optim's state_dict(). Loading throws Error, and changes nothing, when
  /// the groups have other numbers of parameters or a state does not fit its parameter.
  virtual void save(serialize::OutputArchive& archive) const;
  virtual void load(serialize::InputArchive& archive);
  /// The first half of load: reads and checks. What it returns makes the change.
  std::function<void()> prepare_load(const serialize::InputArchive& archive);

protected:
  /// An empty state of the optimizer's kind, for load. Unless overridden, Error.
  virtual std::unique_ptr<OptimizerParamState> new_state() const;
  /// Whether every tensor of a parameter's state, but for single numbers, has the parameter's shape.
  virtual bool has_elementwise_state() const { return true; }
  /// Throws Error when a state that was read does not fit in another way.
  virtual void check_state(const OptimizerParamState&) const {}
  /// Called at the end of a load.
  virtual void state_was_loaded() {}

  /// One step of one group; gradients are off. `params`: those that have a gradient. An optimizer overrides
  /// this, or step() itself.
  virtual void update(const OptimizerParamGroup& group, const std::vector<Tensor>& params);
  virtual const char* name() const { return "Optimizer"; } ///< "SGD", for errors

  /// The state of a parameter; a new one is handed to `start`, which runs eagerly even under capture, so that
  /// the first captured step and later ones are the same program.
  template <class S, class Start> S& state_of(const Tensor& param, Start&& start) {
    std::unique_ptr<OptimizerParamState>& slot = slot_of(param);
    if (!slot) {
      internal::TraceSuspend eager;
      auto fresh = std::make_unique<S>();
      start(*fresh);
      slot = std::move(fresh);
    }
    return static_cast<S&>(*slot);
  }
  std::unique_ptr<OptimizerParamState>& slot_of(const Tensor& param);

  std::vector<OptimizerParamGroup> param_groups_;
  State state_;
  std::unique_ptr<OptimizerOptions> defaults_;

private:
  void check_parameter(const Tensor& param) const;
  std::shared_ptr<std::uint64_t> version_; // counts changes of the groups
};

} // namespace kiln::optim
