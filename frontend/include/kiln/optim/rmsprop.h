// RMSprop. As torch.optim.RMSprop.
#pragma once

#include "kiln/optim/optimizer.h"

namespace kiln::optim {

struct RMSpropOptions : OptimizerCloneableOptions<RMSpropOptions> {
  RMSpropOptions(double lr = 1e-2) : lr_(lr) {}
  bool operator==(const RMSpropOptions& other) const;
  void check() const override;
  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;
  KILN_ARG(double, lr); // always an input of captured steps, so never guarded
  KILN_OPTIMIZER_ARG(double, alpha) = 0.99;
  KILN_OPTIMIZER_ARG(double, eps) = 1e-8;
  KILN_OPTIMIZER_ARG(double, weight_decay) = 0;
  KILN_OPTIMIZER_ARG(double, momentum) = 0;
  KILN_OPTIMIZER_ARG(bool, centered) = false;
};
extern template class OptimizerCloneableOptions<RMSpropOptions>;

struct RMSpropParamState : OptimizerCloneableParamState<RMSpropParamState> {
  bool operator==(const RMSpropParamState& other) const; ///< equal values
  const Tensor& square_avg() const { return square_avg_; }
  const Tensor& momentum_buffer() const { return momentum_buffer_; } ///< undefined without momentum
  const Tensor& grad_avg() const { return grad_avg_; }               ///< undefined unless centered

  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;

private:
  friend class RMSprop;
  Tensor square_avg_, momentum_buffer_, grad_avg_;
};
extern template class OptimizerCloneableParamState<RMSpropParamState>;

class RMSprop : public Optimizer {
public:
  explicit RMSprop(std::vector<OptimizerParamGroup> param_groups, RMSpropOptions defaults = {});
  explicit RMSprop(std::vector<Tensor> params, RMSpropOptions defaults = {});

private:
  void update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) override;
  std::unique_ptr<OptimizerParamState> new_state() const override;
  const char* name() const override { return "RMSprop"; }
};

} // namespace kiln::optim
