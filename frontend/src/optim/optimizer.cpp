// Optimizer: groups, gradients and the frame of a step.
#include "kiln/optim/optimizer.h"

#include "kiln/autograd.h"

#include <utility>

namespace kiln::optim {

namespace {

class GroupsGuard : public internal::Guard {
public:
  GroupsGuard(std::shared_ptr<const std::uint64_t> version, const char* name)
      : version_(std::move(version)), was_(*version_), name_(name) {}
  bool holds() const override { return *version_ == was_; }
  std::string describe() const override { return std::string(name_) + " had other parameter groups"; }

private:
  std::shared_ptr<const std::uint64_t> version_;
  std::uint64_t was_;
  const char* name_;
};

} // namespace

OptimizerParamGroup::OptimizerParamGroup(std::vector<Tensor> params) : params_(std::move(params)) {}
OptimizerParamGroup::OptimizerParamGroup(std::vector<Tensor> params,
                                         std::unique_ptr<OptimizerOptions> options)
    : params_(std::move(params)), options_(std::move(options)) {}
OptimizerParamGroup::OptimizerParamGroup(const OptimizerParamGroup& other)
    : params_(other.params_), options_(other.options_ ? other.options_->clone() : nullptr) {}
OptimizerParamGroup::OptimizerParamGroup(OptimizerParamGroup&&) noexcept = default;
OptimizerParamGroup& OptimizerParamGroup::operator=(OptimizerParamGroup&&) noexcept = default;
OptimizerParamGroup::~OptimizerParamGroup() = default;

const std::shared_ptr<OptimizerOptions>& OptimizerParamGroup::shared_options() const {
  if (!options_) throw Error("OptimizerParamGroup: the group has no options yet");
  return options_;
}
void OptimizerParamGroup::set_options(std::unique_ptr<OptimizerOptions> options) {
  options_ = std::move(options);
  internal::bump_structure_epoch();
}
std::vector<Tensor>& OptimizerParamGroup::params() {
  internal::bump_structure_epoch();
  return params_;
}

Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer::~Optimizer() = default;

std::unique_ptr<OptimizerParamState>& Optimizer::slot_of(const Tensor& param) {
  return state_[param.impl().get()];
}

Optimizer::Optimizer(std::vector<OptimizerParamGroup> param_groups,
                     std::unique_ptr<OptimizerOptions> defaults)
    : defaults_(std::move(defaults)), version_(std::make_shared<std::uint64_t>(0)) {
  defaults_->check();
  for (const OptimizerParamGroup& group : param_groups)
    add_param_group(group);
  if (size() == 0) throw Error("Optimizer: optimizer got an empty parameter list");
}
Optimizer::Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults)
    : Optimizer(std::vector<OptimizerParamGroup>{OptimizerParamGroup(std::move(parameters))},
                std::move(defaults)) {}

void Optimizer::check_parameter(const Tensor& param) const {
  if (!param.defined()) throw Error("Optimizer: a parameter is undefined");
  if (!param.is_leaf())
    throw Error("Optimizer: can't optimize a non-leaf Tensor: got the result of " +
                (param.grad_fn() ? param.grad_fn()->name() : std::string("an operation")));
  if (!param.is_floating_point())
    throw Error("Optimizer: got a parameter of " + std::string(kiln::name(param.dtype())) +
                ", wanted a floating-point one");
  for (const OptimizerParamGroup& group : param_groups_)
    for (const Tensor& present : group.params())
      if (present.is_same(param))
        throw Error("Optimizer: some parameters appear in more than one parameter group, or twice in one");
}

void Optimizer::add_param_group(const OptimizerParamGroup& param_group) {
  OptimizerParamGroup group(std::vector<Tensor>{});
  if (param_group.has_options())
    group.set_options(param_group.options().clone());
  else
    group.set_options(defaults_->clone());
  group.options().check();
  param_groups_.push_back(std::move(group));
  try {
    for (const Tensor& param : param_group.params()) {
      check_parameter(param);
      param_groups_.back().params().push_back(param);
    }
  } catch (...) {
    param_groups_.pop_back();
    throw;
  }
  ++*version_;
  internal::bump_structure_epoch();
}

void Optimizer::add_parameters(const std::vector<Tensor>& parameters) {
  for (const Tensor& param : parameters) {
    check_parameter(param);
    param_groups_.at(0).params().push_back(param);
  }
  ++*version_;
  internal::bump_structure_epoch();
}

const std::vector<Tensor>& Optimizer::parameters() const {
  return param_groups_.at(0).params();
}

std::size_t Optimizer::size() const noexcept {
  std::size_t count = 0;
  for (const OptimizerParamGroup& group : param_groups_)
    count += group.params().size();
  return count;
}

void Optimizer::zero_grad(bool set_to_none) {
  for (const OptimizerParamGroup& group : std::as_const(param_groups_)) {
    for (Tensor param : group.params()) {
      // Dropped without a look: what it was before must not become a fact that a capture relies on.
      if (set_to_none) {
        param.mutable_grad() = Tensor();
      } else if (param.grad().defined()) {
        NoGradGuard no_grad;
        param.mutable_grad().detach_().zero_();
      }
    }
  }
}

void Optimizer::update(const OptimizerParamGroup&, const std::vector<Tensor>&) {
  throw Error(std::string(name()) + ": overrides neither update() nor step()");
}

Tensor Optimizer::step(LossClosure closure) {
  Tensor loss;
  if (closure) {
    AutoGradMode enabled(true);
    loss = closure();
  }
  NoGradGuard no_grad;
  if (internal::is_capturing()) internal::record_guard(std::make_shared<GroupsGuard>(version_, name()));
  for (const OptimizerParamGroup& group : std::as_const(param_groups_)) {
    std::vector<Tensor> with_grad;
    for (const Tensor& param : group.params())
      if (param.grad().defined()) with_grad.push_back(param);
    if (!with_grad.empty()) update(group, with_grad);
  }
  return loss;
}

} // namespace kiln::optim
