// Learning-rate schedulers of a number of steps.
#include "kiln/optim/schedulers.h"

#include "kiln/runtime/error.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kiln::optim {

namespace {

void check(bool valid, const char* scheduler, const std::string& what) {
  if (!valid) throw Error(std::string(scheduler) + ": " + what);
}

/// From `from` (part 0) to `to` (part 1) along half a cosine.
double along_cosine(double from, double to, double part) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * part)) / 2;
}

} // namespace

KILN_ARG_SETTER(OneCycleLROptions, std::string, anneal_strategy)

LRScheduler::LRScheduler(Optimizer& optimizer) : optimizer_(optimizer) {
  base_lrs_ = get_current_lrs();
}

void LRScheduler::step() {
  set_optimizer_lrs(get_lrs());
  ++step_count_;
}
void LRScheduler::base_lrs(std::vector<double> rates) {
  base_lrs_ = std::move(rates);
}
std::vector<double> LRScheduler::get_last_lr() const {
  return get_current_lrs();
}
std::vector<double> LRScheduler::get_current_lrs() const {
  std::vector<double> rates;
  for (const OptimizerParamGroup& group : std::as_const(optimizer_).param_groups())
    rates.push_back(group.options().get_lr());
  return rates;
}

void LRScheduler::set_optimizer_lrs(const std::vector<double>& learning_rates) {
  auto& groups = optimizer_.param_groups();
  if (learning_rates.size() != 1 && learning_rates.size() != groups.size())
    throw Error("LRScheduler: Number of learning rates not equal to the number of param groups: got " +
                std::to_string(learning_rates.size()) + ", wanted " + std::to_string(groups.size()));
  for (std::size_t i = 0; i < groups.size(); ++i)
    groups[i].options().set_lr(learning_rates[learning_rates.size() == 1 ? 0 : i]);
}

std::vector<double> LRScheduler::scaled(double factor) const {
  std::vector<double> rates = base_lrs_;
  for (double& rate : rates)
    rate *= factor;
  return rates;
}

void ClosedFormLR::start() {
  set_optimizer_lrs(rates_after(0));
}
std::vector<double> ClosedFormLR::get_lrs() {
  return rates_after(step_count_ + 1);
}

StepLR::StepLR(Optimizer& optimizer, std::int64_t step_size, double gamma)
    : LRScheduler(optimizer), step_size_(step_size), gamma_(gamma) {
  check(step_size > 0, "StepLR", "got step_size " + std::to_string(step_size) + ", wanted above 0");
}
std::vector<double> StepLR::get_lrs() {
  const std::int64_t before = std::max<std::int64_t>(step_count_, 0); // -1: SequentialLR asks where it starts
  const std::int64_t times = before / step_size_;
  return scaled(std::pow(gamma_, static_cast<double>(times)));
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<std::int64_t> milestones, double gamma)
    : ClosedFormLR(optimizer), milestones_(std::move(milestones)), gamma_(gamma) {
  std::sort(milestones_.begin(), milestones_.end());
}
std::vector<double> MultiStepLR::rates_after(std::int64_t steps) {
  const auto passed = std::upper_bound(milestones_.begin(), milestones_.end(), steps);
  return scaled(std::pow(gamma_, static_cast<double>(passed - milestones_.begin())));
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma) : ClosedFormLR(optimizer), gamma_(gamma) {}
std::vector<double> ExponentialLR::rates_after(std::int64_t steps) {
  return scaled(std::pow(gamma_, static_cast<double>(steps)));
}

LambdaLR::LambdaLR(Optimizer& optimizer, Factor factor)
    : LambdaLR(optimizer, std::vector<Factor>(std::as_const(optimizer).param_groups().size(), factor)) {}
LambdaLR::LambdaLR(Optimizer& optimizer, std::vector<Factor> factors)
    : ClosedFormLR(optimizer), factors_(std::move(factors)) {
  check(factors_.size() == base_lrs().size(), "LambdaLR",
        "Expected " + std::to_string(base_lrs().size()) + " lr_lambdas, but got " +
            std::to_string(factors_.size()));
  start();
}
std::vector<double> LambdaLR::rates_after(std::int64_t steps) {
  std::vector<double> rates = base_lrs();
  for (std::size_t i = 0; i < rates.size(); ++i)
    rates[i] *= factors_[i](steps);
  return rates;
}

LinearLR::LinearLR(Optimizer& optimizer, double start_factor, double end_factor, std::int64_t total_iters)
    : ClosedFormLR(optimizer), start_factor_(start_factor), end_factor_(end_factor),
      total_iters_(total_iters) {
  check(start_factor > 0 && start_factor <= 1, "LinearLR",
        "Starting multiplicative factor expected to be greater than 0 and less or equal to 1, got " +
            std::to_string(start_factor));
  check(end_factor >= 0 && end_factor <= 1, "LinearLR",
        "Ending multiplicative factor expected to be between 0 and 1, got " + std::to_string(end_factor));
  check(total_iters > 0, "LinearLR", "got total_iters " + std::to_string(total_iters) + ", wanted above 0");
  start();
}
std::vector<double> LinearLR::rates_after(std::int64_t steps) {
  const double part = static_cast<double>(std::min(steps, total_iters_)) / static_cast<double>(total_iters_);
  return scaled(start_factor_ + (end_factor_ - start_factor_) * part);
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, std::int64_t T_max, double eta_min)
    : ClosedFormLR(optimizer), t_max_(T_max), eta_min_(eta_min) {
  check(T_max > 0, "CosineAnnealingLR", "got T_max " + std::to_string(T_max) + ", wanted above 0");
}
std::vector<double> CosineAnnealingLR::rates_after(std::int64_t steps) {
  std::vector<double> rates = base_lrs();
  for (double& rate : rates)
    rate = along_cosine(rate, eta_min_, static_cast<double>(steps) / static_cast<double>(t_max_));
  return rates;
}

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(Optimizer& optimizer, std::int64_t T_0,
                                                         std::int64_t T_mult, double eta_min)
    : ClosedFormLR(optimizer), t_0_(T_0), t_mult_(T_mult), eta_min_(eta_min) {
  check(T_0 > 0, "CosineAnnealingWarmRestarts",
        "Expected positive integer T_0, but got " + std::to_string(T_0));
  check(T_mult >= 1, "CosineAnnealingWarmRestarts",
        "Expected integer T_mult >= 1, but got " + std::to_string(T_mult));
}
std::vector<double> CosineAnnealingWarmRestarts::rates_after(std::int64_t steps) {
  std::int64_t within = steps, length = t_0_;
  if (t_mult_ == 1) {
    within %= length;
  } else {
    while (within >= length) {
      within -= length;
      length *= t_mult_;
    }
  }
  std::vector<double> rates = base_lrs();
  for (double& rate : rates)
    rate = along_cosine(rate, eta_min_, static_cast<double>(within) / static_cast<double>(length));
  return rates;
}

PolynomialLR::PolynomialLR(Optimizer& optimizer, std::int64_t total_iters, double power)
    : ClosedFormLR(optimizer), total_iters_(total_iters), power_(power) {
  check(total_iters > 0, "PolynomialLR",
        "got total_iters " + std::to_string(total_iters) + ", wanted above 0");
}
std::vector<double> PolynomialLR::rates_after(std::int64_t steps) {
  const double part = static_cast<double>(std::min(steps, total_iters_)) / static_cast<double>(total_iters_);
  return scaled(std::pow(1 - part, power_));
}

SequentialLR::SequentialLR(Optimizer& optimizer, std::vector<std::shared_ptr<LRScheduler>> schedulers,
                           std::vector<std::int64_t> milestones)
    : ClosedFormLR(optimizer), schedulers_(std::move(schedulers)), milestones_(std::move(milestones)) {
  check(!schedulers_.empty() && milestones_.size() + 1 == schedulers_.size(), "SequentialLR",
        "expects number of schedulers provided to be one more than the number of milestone points, but got "
        "number of schedulers " +
            std::to_string(schedulers_.size()) + " and the number of milestones to be equal to " +
            std::to_string(milestones_.size()));
  check(std::is_sorted(milestones_.begin(), milestones_.end()), "SequentialLR", "milestones must rise");
  for (const auto& scheduler : schedulers_)
    check(scheduler && &scheduler->optimizer_ == &optimizer, "SequentialLR",
          "expects all schedulers to belong to the same optimizer");
  // Schedulers that start below the base rate changed it when they were made: all start from the first one's
  // base.
  for (const auto& scheduler : schedulers_)
    scheduler->base_lrs(schedulers_.front()->base_lrs());
  base_lrs(schedulers_.front()->base_lrs());
  start();
}
std::vector<double> SequentialLR::rates_after(std::int64_t steps) {
  const auto at = static_cast<std::size_t>(std::upper_bound(milestones_.begin(), milestones_.end(), steps) -
                                           milestones_.begin());
  LRScheduler& scheduler = *schedulers_[at];
  scheduler.step_count_ = steps - (at == 0 ? 0 : milestones_[at - 1]) - 1; // its step comes now
  return scheduler.get_lrs();
}

} // namespace kiln::optim
