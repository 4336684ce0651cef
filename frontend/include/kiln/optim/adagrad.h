// Adagrad. As torch.optim.Adagrad.
#pragma once

#include "kiln/optim/optimizer.h"

namespace kiln::optim {

struct AdagradOptions : OptimizerCloneableOptions<AdagradOptions> {
  AdagradOptions(double lr = 1e-2) : lr_(lr) {}
  bool operator==(const AdagradOptions& other) const;
  void check() const override;
  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;
  KILN_ARG(double, lr); // always an input of captured steps, so never guarded
  KILN_OPTIMIZER_ARG(double, lr_decay) = 0;
  KILN_OPTIMIZER_ARG(double, weight_decay) = 0;
  KILN_OPTIMIZER_ARG(double, initial_accumulator_value) = 0;
  KILN_OPTIMIZER_ARG(double, eps) = 1e-10;
};
extern template class OptimizerCloneableOptions<AdagradOptions>;

struct AdagradParamState : OptimizerCloneableParamState<AdagradParamState> {
  bool operator==(const AdagradParamState& other) const; ///< equal values
  std::int64_t step() const { return step_.defined() ? static_cast<std::int64_t>(step_.item<double>()) : 0; }
  const Tensor& sum() const { return sum_; }

  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;

private:
  friend class Adagrad;
  Tensor step_, sum_; // step: 0-d float64
};
extern template class OptimizerCloneableParamState<AdagradParamState>;

class Adagrad : public Optimizer {
public:
  explicit Adagrad(std::vector<OptimizerParamGroup> param_groups, AdagradOptions defaults = {});
  explicit Adagrad(std::vector<Tensor> params, AdagradOptions defaults = {});

private:
  void update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) override;
  std::unique_ptr<OptimizerParamState> new_state() const override;
  const char* name() const override { return "Adagrad"; }
};

} // namespace kiln::optim
