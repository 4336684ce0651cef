// Adam, and AdamW (weight decay apart from the gradient). As torch.optim.Adam and torch.optim.AdamW.
#pragma once

#include "kiln/optim/optimizer.h"

#include <tuple>

namespace kiln::optim {

struct AdamOptions : OptimizerCloneableOptions<AdamOptions> {
  using betas_t = std::tuple<double, double>;
  AdamOptions(double lr = 1e-3) : lr_(lr) {}
  bool operator==(const AdamOptions& other) const;
  void check() const override;
  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;
  KILN_ARG(double, lr); // always an input of captured steps, so never guarded
  KILN_DECLARED_OPTIMIZER_ARG(betas_t, betas) = { 0.9, 0.999 };
  KILN_OPTIMIZER_ARG(double, eps) = 1e-8;
  KILN_OPTIMIZER_ARG(double, weight_decay) = 0;
  KILN_OPTIMIZER_ARG(bool, amsgrad) = false;
};
extern template class OptimizerCloneableOptions<AdamOptions>;

struct AdamWOptions : OptimizerCloneableOptions<AdamWOptions> {
  using betas_t = std::tuple<double, double>;
  AdamWOptions(double lr = 1e-3) : lr_(lr) {}
  bool operator==(const AdamWOptions& other) const;
  void check() const override;
  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;
  KILN_ARG(double, lr); // always an input of captured steps, so never guarded
  KILN_DECLARED_OPTIMIZER_ARG(betas_t, betas) = { 0.9, 0.999 };
  KILN_OPTIMIZER_ARG(double, eps) = 1e-8;
  KILN_OPTIMIZER_ARG(double, weight_decay) = 1e-2;
  KILN_OPTIMIZER_ARG(bool, amsgrad) = false;
};
extern template class OptimizerCloneableOptions<AdamWOptions>;

namespace detail {
/// Time as one or more parameters see it: 0-d float64 tensors, shared by parameters that step together.
struct AdamClock {
  Tensor step;          ///< steps taken
  Tensor beta1_product; ///< beta1 to the power of step
  Tensor beta2_product;
};
struct LoadedClock; // a clock's numbers as a file has them
} // namespace detail

struct AdamParamState : OptimizerCloneableParamState<AdamParamState> {
  bool operator==(const AdamParamState& other) const; ///< equal values
  std::int64_t step() const;
  const Tensor& exp_avg() const { return exp_avg_; }
  const Tensor& exp_avg_sq() const { return exp_avg_sq_; }
  const Tensor& max_exp_avg_sq() const { return max_exp_avg_sq_; } ///< undefined without amsgrad

  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;

private:
  friend class AdamBase;
  std::shared_ptr<detail::AdamClock> clock_;
  Tensor exp_avg_, exp_avg_sq_, max_exp_avg_sq_;
  std::shared_ptr<const detail::LoadedClock> loaded_; ///< between serialize and state_was_loaded
};
extern template class OptimizerCloneableParamState<AdamParamState>;
using AdamWParamState = AdamParamState;

/// What Adam and AdamW share.
class AdamBase : public Optimizer {
protected:
  using Optimizer::Optimizer;
  template <class Options>
  void update_with(const OptimizerParamGroup& group, const std::vector<Tensor>& params, bool decoupled);

  std::unique_ptr<OptimizerParamState> new_state() const override;
  void state_was_loaded() override;
  virtual std::tuple<double, double> betas_of(const OptimizerParamGroup& group) const = 0;

private:
  void separate_clocks(const OptimizerParamGroup& group, const std::vector<Tensor>& params);
};

class Adam : public AdamBase {
public:
  explicit Adam(std::vector<OptimizerParamGroup> param_groups, AdamOptions defaults = {});
  explicit Adam(std::vector<Tensor> params, AdamOptions defaults = {});

private:
  void update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) override;
  std::tuple<double, double> betas_of(const OptimizerParamGroup& group) const override;
  const char* name() const override { return "Adam"; }
};

class AdamW : public AdamBase {
public:
  explicit AdamW(std::vector<OptimizerParamGroup> param_groups, AdamWOptions defaults = {});
  explicit AdamW(std::vector<Tensor> params, AdamWOptions defaults = {});

private:
  void update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) override;
  std::tuple<double, double> betas_of(const OptimizerParamGroup& group) const override;
  const char* name() const override { return "AdamW"; }
};

} // namespace kiln::optim
