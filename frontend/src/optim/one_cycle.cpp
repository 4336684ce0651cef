// OneCycleLR: phases between which the rate, and the momentum the other way, are interpolated.
#include "kiln/optim/schedulers.h"

#include <cmath>
#include <numbers>

namespace kiln::optim {

namespace {

/// Where one phase ends, and what is reached there.
struct Phase {
  double end, start_lr, end_lr, start_momentum, end_momentum;
};

double between(double from, double to, double part, bool cosine) {
  return cosine ? to + (from - to) / 2 * (std::cos(std::numbers::pi * part) + 1) : from + (to - from) * part;
}

} // namespace

OneCycleLR::OneCycleLR(Optimizer& optimizer, OneCycleLROptions options)
    : ClosedFormLR(optimizer), options_(std::move(options)) {
  if (options_.total_steps() <= 0)
    throw Error("OneCycleLR: Expected positive integer total_steps, but got " +
                std::to_string(options_.total_steps()));
  if (!(options_.pct_start() >= 0 && options_.pct_start() <= 1))
    throw Error("OneCycleLR: Expected float between 0 and 1 pct_start, but got " +
                std::to_string(options_.pct_start()));
  if (options_.anneal_strategy() != "cos" && options_.anneal_strategy() != "linear")
    throw Error("OneCycleLR: anneal_strategy must by one of 'cos' or 'linear', instead got " +
                options_.anneal_strategy());
  if (options_.cycle_momentum())
    for (const OptimizerParamGroup& group : std::as_const(optimizer).param_groups())
      if (!group.options().momentum_value())
        throw Error("OneCycleLR: optimizer must support momentum with `cycle_momentum` option enabled");
  start();
}

std::vector<double> OneCycleLR::rates_after(std::int64_t steps) {
  if (steps > options_.total_steps())
    throw Error("OneCycleLR: Tried to step " + std::to_string(steps) +
                " times. The specified number of total steps is " + std::to_string(options_.total_steps()));
  const double high = options_.max_lr(), first = high / options_.div_factor(),
               last = first / options_.final_div_factor();
  const double fast = options_.base_momentum(), slow = options_.max_momentum();
  const auto total = static_cast<double>(options_.total_steps());
  const double rise = options_.pct_start() * total - 1;
  std::vector<Phase> phases{{rise, first, high, slow, fast}};
  if (options_.three_phase()) {
    phases.push_back({2 * options_.pct_start() * total - 2, high, first, fast, slow});
    phases.push_back({total - 1, first, last, slow, slow});
  } else {
    phases.push_back({total - 1, high, last, fast, slow});
  }

  const auto now = static_cast<double>(steps);
  const bool cosine = options_.anneal_strategy() == "cos";
  double start = 0;
  std::size_t at = 0;
  for (; at + 1 < phases.size() && now > phases[at].end; ++at)
    start = phases[at].end;
  const Phase& phase = phases[at];
  const double part = (now - start) / (phase.end - start);
  if (options_.cycle_momentum())
    for (OptimizerParamGroup& group : optimizer().param_groups())
      group.options().set_momentum(between(phase.start_momentum, phase.end_momentum, part, cosine));
  return {between(phase.start_lr, phase.end_lr, part, cosine)};
}

} // namespace kiln::optim
