// Adam and AdamW.
#include "kiln/optim/adam.h"

#include "optim/number.h"

#include <algorithm>
#include <map>

namespace kiln::optim {

template class OptimizerCloneableOptions<AdamOptions>;
template class OptimizerCloneableOptions<AdamWOptions>;
template class OptimizerCloneableParamState<AdamParamState>;

Adam::Adam(std::vector<OptimizerParamGroup> param_groups, AdamOptions defaults)
    : AdamBase(std::move(param_groups), std::make_unique<AdamOptions>(defaults)) {}
Adam::Adam(std::vector<Tensor> params, AdamOptions defaults)
    : AdamBase(std::move(params), std::make_unique<AdamOptions>(defaults)) {}

AdamW::AdamW(std::vector<OptimizerParamGroup> param_groups, AdamWOptions defaults)
    : AdamBase(std::move(param_groups), std::make_unique<AdamWOptions>(defaults)) {}
AdamW::AdamW(std::vector<Tensor> params, AdamWOptions defaults)
    : AdamBase(std::move(params), std::make_unique<AdamWOptions>(defaults)) {}

namespace {
template <class Options> void check_adam(const Options& options, const char* name) {
  check_option(options.lr() >= 0, name, "learning rate", options.lr());
  check_option(options.eps() >= 0, name, "epsilon value", options.eps());
  const auto [beta1, beta2] = options.betas();
  check_option(0 <= beta1 && beta1 < 1, name, "beta parameter at index 0", beta1);
  check_option(0 <= beta2 && beta2 < 1, name, "beta parameter at index 1", beta2);
  check_option(options.weight_decay() >= 0, name, "weight_decay value", options.weight_decay());
}
} // namespace

void AdamOptions::check() const {
  check_adam(*this, "Adam");
}
void AdamWOptions::check() const {
  check_adam(*this, "AdamW");
}

std::int64_t AdamParamState::step() const {
  return clock_ ? static_cast<std::int64_t>(clock_->step.item<double>()) : 0;
}

// A parameter that has no gradient this time stays behind: it takes a copy of the clock before the others
// advance it.
void AdamBase::separate_clocks(const OptimizerParamGroup& group, const std::vector<Tensor>& params) {
  if (params.size() == group.params().size()) return;
  std::map<const detail::AdamClock*, std::shared_ptr<detail::AdamClock>> copies; // of the clocks that advance
  for (const Tensor& param : params)
    if (auto found = state_.find(param.impl().get()); found != state_.end())
      copies[static_cast<AdamParamState&>(*found->second).clock_.get()] = nullptr;
  for (const Tensor& param : group.params()) {
    auto found = state_.find(param.impl().get());
    if (found == state_.end() || param.grad().defined()) continue;
    auto& clock = static_cast<AdamParamState&>(*found->second).clock_;
    auto advancing = copies.find(clock.get());
    if (advancing == copies.end()) continue;
    if (!advancing->second) {
      internal::TraceSuspend eager;
      advancing->second = std::make_shared<detail::AdamClock>(
          detail::AdamClock{clock->step.clone(), clock->beta1_product.clone(), clock->beta2_product.clone()});
    }
    clock = advancing->second;
  }
}

template <class Options>
void AdamBase::update_with(const OptimizerParamGroup& group, const std::vector<Tensor>& params,
                           bool decoupled) {
  const auto& options = static_cast<const Options&>(group.options());
  const Hyper hyper(group.shared_options());
  const bool decays = hyper.is_set(options.weight_decay(), "weight_decay");
  const bool amsgrad = hyper.is_set(options.amsgrad(), "amsgrad");
  const Number lr = hyper.number(options.lr()), eps = hyper.number(options.eps());
  const Number beta1 = hyper.number(std::get<0>(options.betas())),
               beta2 = hyper.number(std::get<1>(options.betas()));
  const Number rest1 = Number(1) - beta1, rest2 = Number(1) - beta2;
  const Number decay = hyper.number(options.weight_decay());
  const Number shrink = decays && decoupled ? Number(1) - lr * decay : Number(1);
  separate_clocks(group, params);

  // Of each clock: the size of its parameters' step, and what corrects the bias of their second moment.
  struct Correction {
    Number step_size, second;
  };
  std::map<const detail::AdamClock*, Correction> corrections;
  std::shared_ptr<detail::AdamClock> fresh_clock;

  for (Tensor param : params) {
    auto& state = state_of<AdamParamState>(param, [&](AdamParamState& fresh) {
      if (!fresh_clock)
        fresh_clock = std::make_shared<detail::AdamClock>(
            detail::AdamClock{zeros({}, kFloat64), ones({}, kFloat64), ones({}, kFloat64)});
      fresh.clock_ = fresh_clock;
      fresh.exp_avg_ = zeros_like(param.detach());
      fresh.exp_avg_sq_ = zeros_like(param.detach());
    });
    if (amsgrad && !state.max_exp_avg_sq_.defined()) {
      internal::TraceSuspend eager;
      state.max_exp_avg_sq_ = zeros_like(param.detach());
    }
    detail::AdamClock& clock = *state.clock_;
    auto correction = corrections.find(&clock);
    if (correction == corrections.end()) {
      clock.step.add_(1);
      beta1.scale(clock.beta1_product);
      beta2.scale(clock.beta2_product);
      correction = corrections
                       .emplace(&clock, Correction{lr / (Number(1) - Number(clock.beta1_product)),
                                                   sqrt(Number(1) - Number(clock.beta2_product))})
                       .first;
    }

    Tensor grad = param.grad().detach();
    if (decays && decoupled) shrink.scale(param);
    if (decays && !decoupled) grad = grad + param.detach() * decay;
    beta1.scale(state.exp_avg_);
    state.exp_avg_.add_(grad * rest1);
    beta2.scale(state.exp_avg_sq_);
    state.exp_avg_sq_.add_(grad * grad * rest2);
    Tensor second = state.exp_avg_sq_;
    if (amsgrad) second = state.max_exp_avg_sq_.copy_(maximum(state.max_exp_avg_sq_, state.exp_avg_sq_));
    const Tensor denominator = kiln::sqrt(second) / correction->second.second + eps;
    param.sub_(state.exp_avg_ / denominator * correction->second.step_size);
  }
}

void Adam::update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) {
  update_with<AdamOptions>(group, params, false);
}
void AdamW::update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) {
  update_with<AdamWOptions>(group, params, true);
}

} // namespace kiln::optim
