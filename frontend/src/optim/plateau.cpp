// ReduceLROnPlateau.
#include "kiln/optim/schedulers.h"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace kiln::optim {

ReduceLROnPlateauScheduler::ReduceLROnPlateauScheduler(Optimizer& optimizer, SchedulerMode mode, float factor,
                                                       int patience, double threshold,
                                                       ThresholdMode threshold_mode, int cooldown,
                                                       ArrayRef<float> min_lr, double eps, bool verbose)
    : optimizer_(optimizer), mode_(mode), factor_(factor), patience_(patience), threshold_(threshold),
      threshold_mode_(threshold_mode), cooldown_(cooldown), eps_(eps), verbose_(verbose) {
  if (!(factor < 1)) throw Error("ReduceLROnPlateau: Factor should be < 1.0, got " + std::to_string(factor));
  const std::size_t groups = std::as_const(optimizer).param_groups().size();
  if (min_lr.empty())
    min_lrs_.assign(groups, 0);
  else if (min_lr.size() == 1)
    min_lrs_.assign(groups, min_lr.front());
  else
    min_lrs_.assign(min_lr.begin(), min_lr.end());
  if (min_lrs_.size() != groups)
    throw Error("ReduceLROnPlateau: Number of learning rates not equal to the number of param groups: got " +
                std::to_string(min_lrs_.size()) + ", wanted " + std::to_string(groups));
  memory_.best =
      mode_ == min ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

bool ReduceLROnPlateauScheduler::is_better(double metric) const {
  const double by = threshold_mode_ == rel ? memory_.best * (mode_ == min ? 1 - threshold_ : 1 + threshold_)
                                           : memory_.best + (mode_ == min ? -threshold_ : threshold_);
  return mode_ == min ? metric < by : metric > by;
}

void ReduceLROnPlateauScheduler::step(double metric) {
  ++memory_.last_epoch;
  if (is_better(metric)) {
    memory_.best = metric;
    memory_.num_bad_epochs = 0;
  } else {
    ++memory_.num_bad_epochs;
  }
  if (memory_.cooldown_counter > 0) {
    --memory_.cooldown_counter;
    memory_.num_bad_epochs = 0;
  }
  if (memory_.num_bad_epochs <= patience_) return;
  reduce_lr();
  memory_.cooldown_counter = cooldown_;
  memory_.num_bad_epochs = 0;
}

void ReduceLROnPlateauScheduler::reduce_lr() {
  auto& groups = optimizer_.param_groups();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double old_lr = groups[i].options().get_lr(), new_lr = std::max(old_lr * factor_, min_lrs_[i]);
    if (old_lr - new_lr <= eps_) continue;
    groups[i].options().set_lr(new_lr);
    if (verbose_)
      std::printf("Epoch %d: reducing learning rate of group %zu to %.4e.\n", memory_.last_epoch, i, new_lr);
  }
}

} // namespace kiln::optim
