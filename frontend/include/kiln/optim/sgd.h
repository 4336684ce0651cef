// Stochastic gradient descent. As torch.optim.SGD.
#pragma once

#include "kiln/optim/optimizer.h"

namespace kiln::optim {

struct SGDOptions : OptimizerCloneableOptions<SGDOptions> {
  SGDOptions(double lr) : lr_(lr) {}
  bool operator==(const SGDOptions& other) const;
  void check() const override;
  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;
  KILN_ARG(double, lr); // always an input of captured steps, so never guarded
  KILN_OPTIMIZER_ARG(double, momentum) = 0;
  KILN_OPTIMIZER_ARG(double, dampening) = 0;
  KILN_OPTIMIZER_ARG(double, weight_decay) = 0;
  KILN_OPTIMIZER_ARG(bool, nesterov) = false; ///< needs a momentum and no dampening
};
extern template class OptimizerCloneableOptions<SGDOptions>;

struct SGDParamState : OptimizerCloneableParamState<SGDParamState> {
  bool operator==(const SGDParamState& other) const; ///< equal values
  const Tensor& momentum_buffer() const { return momentum_buffer_; }
  void momentum_buffer(const Tensor& value) { momentum_buffer_ = value; }

  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;

private:
  friend class SGD;
  Tensor momentum_buffer_;
  Tensor fresh_; ///< 0-d float64: 1 before a first step with dampening, which is not dampened yet; else 0
};
extern template class OptimizerCloneableParamState<SGDParamState>;

class SGD : public Optimizer {
public:
  SGD(std::vector<OptimizerParamGroup> param_groups, SGDOptions defaults);
  SGD(std::vector<Tensor> params, SGDOptions defaults);

private:
  void update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) override;
  std::unique_ptr<OptimizerParamState> new_state() const override;
  const char* name() const override { return "SGD"; }
};

} // namespace kiln::optim
