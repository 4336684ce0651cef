// Adam and AdamW.
#include "kiln/optim/adam.h"

#include "optim/number.h"
#include "optim/state_io.h"

#include <algorithm>
#include <map>
#include <utility>

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

namespace detail {
struct LoadedClock {
  double step = 0;
  std::optional<double> beta1_product, beta2_product; ///< Python's have none
  bool operator==(const LoadedClock&) const = default;
};
} // namespace detail

std::tuple<double, double> Adam::betas_of(const OptimizerParamGroup& group) const {
  return static_cast<const AdamOptions&>(group.options()).betas();
}
std::tuple<double, double> AdamW::betas_of(const OptimizerParamGroup& group) const {
  return static_cast<const AdamWOptions&>(group.options()).betas();
}

std::unique_ptr<OptimizerParamState> AdamBase::new_state() const {
  return std::make_unique<AdamParamState>();
}

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

KILN_OPTIMIZER_ARG_SETTER(AdamOptions, AdamOptions::betas_t, betas)
KILN_OPTIMIZER_ARG_SETTER(AdamWOptions, AdamWOptions::betas_t, betas)

template <class Visit, class... Options> static void each_option(Visit visit, Options&... options) {
  visit("lr", options.lr()...);
  visit("betas", options.betas()...);
  visit("eps", options.eps()...);
  visit("weight_decay", options.weight_decay()...);
  visit("amsgrad", options.amsgrad()...);
}
bool AdamOptions::operator==(const AdamOptions& other) const {
  return same_options(*this, other);
}
void AdamOptions::serialize(serialize::OutputArchive& archive) const {
  write_options(archive, *this);
}
void AdamOptions::serialize(serialize::InputArchive& archive) {
  read_options(archive, *this);
}
bool AdamWOptions::operator==(const AdamWOptions& other) const {
  return same_options(*this, other);
}
void AdamWOptions::serialize(serialize::OutputArchive& archive) const {
  write_options(archive, *this);
}
void AdamWOptions::serialize(serialize::InputArchive& archive) {
  read_options(archive, *this);
}

bool AdamParamState::operator==(const AdamParamState& other) const {
  return step() == other.step() && same_values(exp_avg_, other.exp_avg_) &&
         same_values(exp_avg_sq_, other.exp_avg_sq_) && same_values(max_exp_avg_sq_, other.max_exp_avg_sq_);
}
void AdamParamState::serialize(serialize::OutputArchive& archive) const {
  write_step(archive, static_cast<double>(step()));
  archive.write("exp_avg", exp_avg_);
  archive.write("exp_avg_sq", exp_avg_sq_);
  if (max_exp_avg_sq_.defined()) archive.write("max_exp_avg_sq", max_exp_avg_sq_);
  if (!clock_) return;
  // Beyond Python's: the products as they ran, which betas that changed on the way do not give again.
  archive.write("beta1_product", IValue(clock_->beta1_product.item<double>()));
  archive.write("beta2_product", IValue(clock_->beta2_product.item<double>()));
}
void AdamParamState::serialize(serialize::InputArchive& archive) {
  archive.read("exp_avg", exp_avg_);
  archive.read("exp_avg_sq", exp_avg_sq_);
  archive.try_read("max_exp_avg_sq", max_exp_avg_sq_);
  loaded_ = std::make_shared<const detail::LoadedClock>(
      detail::LoadedClock{read_number(archive, "step").value_or(0), read_number(archive, "beta1_product"),
                          read_number(archive, "beta2_product")});
}

// Clocks that all their parameters agree on are set in place, so that captured programs go on with them; the
// others are made anew, one for parameters of the same time.
void AdamBase::state_was_loaded() {
  internal::TraceSuspend eager;
  for (const OptimizerParamGroup& group : std::as_const(param_groups_)) {
    const auto [beta1, beta2] = betas_of(group);
    std::vector<AdamParamState*> states;
    for (const Tensor& param : group.params())
      if (auto found = state_.find(param.impl().get()); found != state_.end() && found->second)
        if (auto& state = static_cast<AdamParamState&>(*found->second); state.loaded_)
          states.push_back(&state);
    std::map<detail::AdamClock*, const detail::LoadedClock*> agreed; // nullptr: its parameters differ
    for (AdamParamState* state : states)
      if (state->clock_) {
        const auto [place, first] = agreed.emplace(state->clock_.get(), state->loaded_.get());
        if (!first && place->second && !(*place->second == *state->loaded_)) place->second = nullptr;
      }
    std::vector<std::pair<detail::LoadedClock, std::shared_ptr<detail::AdamClock>>> made;
    for (AdamParamState* state : states) {
      const detail::LoadedClock loaded = *std::exchange(state->loaded_, nullptr);
      const bool in_place = state->clock_ && agreed.at(state->clock_.get());
      if (!in_place) {
        auto same = std::find_if(made.begin(), made.end(), [&](const auto& m) { return m.first == loaded; });
        if (same != made.end()) {
          state->clock_ = same->second;
          continue;
        }
        state->clock_ = std::make_shared<detail::AdamClock>();
        made.emplace_back(loaded, state->clock_);
      }
      // As the steps would have made them: one multiplication after the other.
      auto product = [&](std::optional<double> stored, double beta) {
        double value = 1;
        for (double i = 0; !stored && i < loaded.step && value > 0; ++i)
          value *= beta;
        return stored.value_or(value);
      };
      set_number(state->clock_->step, loaded.step);
      set_number(state->clock_->beta1_product, product(loaded.beta1_product, beta1));
      set_number(state->clock_->beta2_product, product(loaded.beta2_product, beta2));
    }
  }
}

} // namespace kiln::optim
