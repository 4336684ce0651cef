// Learning-rate schedulers: each sets the rates of an optimizer's groups when step() is called. StepLR is
// LibTorch's; those that LibTorch lacks go by PyTorch's formulas in closed form: from the rates before the
// first step and the number of steps. A compiled step reads its learning rate at every call, so none of them
// makes it recompile. One scheduler drives an optimizer at a time; SequentialLR runs several one after
// another.
#pragma once

#include "kiln/arg.h"
#include "kiln/optim/optimizer.h"

namespace kiln::optim {

/// Base of schedulers whose rates depend on the number of steps, with LibTorch's protocol: step() asks for
/// rates, then counts. The optimizer must outlive it.
class LRScheduler {
public:
  explicit LRScheduler(Optimizer& optimizer);
  virtual ~LRScheduler() = default;
  LRScheduler(const LRScheduler&) = delete;

  /// To be called after the optimizer's step(), once an epoch or once a batch.
  void step();
  /// The rates that the groups have now.
  std::vector<double> get_last_lr() const;
  /// Steps taken so far; setting it is for checkpoints and changes no rate.
  std::int64_t last_epoch() const noexcept { return step_count_; }
  void last_epoch(std::int64_t steps) noexcept { step_count_ = steps; }
  /// Rates before the scheduler changed any: what closed formulas start from.
  const std::vector<double>& base_lrs() const noexcept { return base_lrs_; }
  void base_lrs(std::vector<double> rates);

protected:
  /// The rates of all groups from this step on, the first one's step_count_ being 0.
  virtual std::vector<double> get_lrs() = 0;
  std::vector<double> get_current_lrs() const;
  void set_optimizer_lrs(const std::vector<double>& learning_rates);
  /// Every base rate times `factor`.
  std::vector<double> scaled(double factor) const;
  Optimizer& optimizer() noexcept { return optimizer_; }

  std::int64_t step_count_ = 0;

private:
  friend class SequentialLR;
  Optimizer& optimizer_;
  std::vector<double> base_lrs_;
};

/// Base of schedulers that know the rates after any number of steps.
class ClosedFormLR : public LRScheduler {
public:
  using LRScheduler::LRScheduler;

protected:
  /// The rates of all groups after so many steps.
  virtual std::vector<double> rates_after(std::int64_t steps) = 0;
  /// Gives the rates of no step, which a constructor ends with when they differ from the base.
  void start();

private:
  std::vector<double> get_lrs() final;
};

/// Times gamma every step_size steps, the first time a step later, as LibTorch does (Python's PyTorch does
/// not: there the rates change with step number step_size; MultiStepLR goes by Python).
class StepLR : public LRScheduler {
public:
  StepLR(Optimizer& optimizer, std::int64_t step_size, double gamma = 0.1);

private:
  std::vector<double> get_lrs() override;
  std::int64_t step_size_;
  double gamma_;
};

/// Times gamma at each milestone (a number of steps).
class MultiStepLR : public ClosedFormLR {
public:
  MultiStepLR(Optimizer& optimizer, std::vector<std::int64_t> milestones, double gamma = 0.1);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  std::vector<std::int64_t> milestones_;
  double gamma_;
};

/// Times gamma every step.
class ExponentialLR : public ClosedFormLR {
public:
  ExponentialLR(Optimizer& optimizer, double gamma);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  double gamma_;
};

/// The base rate times a function of the number of steps; one function for all groups, or one for each.
class LambdaLR : public ClosedFormLR {
public:
  using Factor = std::function<double(std::int64_t)>;
  LambdaLR(Optimizer& optimizer, Factor factor);
  LambdaLR(Optimizer& optimizer, std::vector<Factor> factors);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  std::vector<Factor> factors_;
};

/// Linear warm-up (or cool-down): the factor goes from start_factor to end_factor in total_iters steps, and
/// stays.
class LinearLR : public ClosedFormLR {
public:
  LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1.0,
           std::int64_t total_iters = 5);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  double start_factor_, end_factor_;
  std::int64_t total_iters_;
};

/// Half a cosine from the base rate to eta_min in T_max steps, and on along the cosine.
class CosineAnnealingLR : public ClosedFormLR {
public:
  CosineAnnealingLR(Optimizer& optimizer, std::int64_t T_max, double eta_min = 0);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  std::int64_t t_max_;
  double eta_min_;
};

/// Half a cosine from the base rate to eta_min in T_0 steps, then again in T_0 * T_mult, and so on.
class CosineAnnealingWarmRestarts : public ClosedFormLR {
public:
  CosineAnnealingWarmRestarts(Optimizer& optimizer, std::int64_t T_0, std::int64_t T_mult = 1,
                              double eta_min = 0);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  std::int64_t t_0_, t_mult_;
  double eta_min_;
};

/// The base rate times (1 - steps / total_iters)^power, and 0 from there on.
class PolynomialLR : public ClosedFormLR {
public:
  PolynomialLR(Optimizer& optimizer, std::int64_t total_iters = 5, double power = 1.0);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  std::int64_t total_iters_;
  double power_;
};

struct OneCycleLROptions {
  OneCycleLROptions(double max_lr, std::int64_t total_steps) : max_lr_(max_lr), total_steps_(total_steps) {}
  KILN_ARG(double, max_lr);
  KILN_ARG(std::int64_t, total_steps);
  KILN_ARG(double, pct_start) = 0.3;                       ///< part of the steps in which the rate rises
  KILN_DECLARED_ARG(std::string, anneal_strategy) = "cos"; ///< or "linear"
  KILN_ARG(double, div_factor) = 25;                       ///< the first rate is max_lr / div_factor
  KILN_ARG(double, final_div_factor) = 1e4;                ///< the last is the first / final_div_factor
  KILN_ARG(bool, three_phase) = false;   ///< fall back to the first rate as fast as it rose, then to the last
  KILN_ARG(bool, cycle_momentum) = true; ///< momentum (or beta1) goes the other way
  KILN_ARG(double, base_momentum) = 0.85;
  KILN_ARG(double, max_momentum) = 0.95;
};

/// The rate rises to max_lr and falls far below where it began. Throws Error for a step after total_steps.
class OneCycleLR : public ClosedFormLR {
public:
  OneCycleLR(Optimizer& optimizer, OneCycleLROptions options);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  OneCycleLROptions options_;
};

/// Runs schedulers one after another: the next takes over at each milestone (a number of steps), and counts
/// its own steps from there.
class SequentialLR : public ClosedFormLR {
public:
  SequentialLR(Optimizer& optimizer, std::vector<std::shared_ptr<LRScheduler>> schedulers,
               std::vector<std::int64_t> milestones);

private:
  std::vector<double> rates_after(std::int64_t steps) override;
  std::vector<std::shared_ptr<LRScheduler>> schedulers_;
  std::vector<std::int64_t> milestones_;
};

/// Times `factor` when a metric has not improved for more than `patience` calls.
class ReduceLROnPlateauScheduler {
public:
  enum SchedulerMode { min, max }; ///< whether the metric should fall or rise
  enum ThresholdMode { rel, abs }; ///< what counts as better: by a part of the best, or by a difference
  explicit ReduceLROnPlateauScheduler(Optimizer& optimizer, SchedulerMode mode = min, float factor = 0.1F,
                                      int patience = 10, double threshold = 1e-4,
                                      ThresholdMode threshold_mode = rel, int cooldown = 0,
                                      ArrayRef<float> min_lr = {}, double eps = 1e-8, bool verbose = false);
  virtual ~ReduceLROnPlateauScheduler() = default;

  /// To be called with the metric, once an epoch.
  void step(double metric);

  /// What it remembers between calls, for checkpoints.
  struct Memory {
    double best = 0;
    int num_bad_epochs = 0, cooldown_counter = 0, last_epoch = 0;
  };
  const Memory& memory() const noexcept { return memory_; }
  void memory(const Memory& memory) noexcept { memory_ = memory; }

private:
  bool is_better(double metric) const;
  void reduce_lr();

  Optimizer& optimizer_;
  SchedulerMode mode_;
  double factor_;
  int patience_;
  double threshold_;
  ThresholdMode threshold_mode_;
  int cooldown_;
  std::vector<double> min_lrs_;
  double eps_;
  bool verbose_;
  Memory memory_;
};
using ReduceLROnPlateau = ReduceLROnPlateauScheduler;

} // namespace kiln::optim
