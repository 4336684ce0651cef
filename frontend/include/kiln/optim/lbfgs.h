// L-BFGS: steps along a quasi-Newton direction from the last changes of parameters and gradients, with a
// closure that is evaluated several times in a step. As torch.optim.LBFGS.
#pragma once

#include "kiln/optim/optimizer.h"

namespace kiln::optim {

struct LBFGSOptions : OptimizerCloneableOptions<LBFGSOptions> {
  LBFGSOptions(double lr = 1) : lr_(lr) {}
  bool operator==(const LBFGSOptions& other) const;
  void check() const override;
  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;
  KILN_ARG(double, lr);
  KILN_ARG(std::int64_t, max_iter) = 20;                ///< in one step()
  KILN_ARG(std::optional<std::int64_t>, max_eval) = {}; ///< of the closure in one step(): max_iter * 5 / 4
  KILN_ARG(double, tolerance_grad) = 1e-7;              ///< on the largest gradient
  KILN_ARG(double, tolerance_change) = 1e-9;            ///< on loss and parameters
  KILN_ARG(std::int64_t, history_size) = 100;
  KILN_DECLARED_ARG(std::optional<std::string>, line_search_fn) = {
  }; ///< none: a step of lr; or "strong_wolfe"
};
extern template class OptimizerCloneableOptions<LBFGSOptions>;

/// Its state, LBFGSParamState, is in kiln/optim/lbfgs_state.h.
class LBFGS : public Optimizer {
public:
  /// Throw Error for more than one group.
  explicit LBFGS(std::vector<OptimizerParamGroup> param_groups, LBFGSOptions defaults = {});
  explicit LBFGS(std::vector<Tensor> params, LBFGSOptions defaults = {});

  /// The closure clears the gradients, computes the loss and its gradients, and returns the loss. It must not
  /// be empty. Returns the loss before the step. Reads losses on the host: compile the closure, not the step.
  Tensor step(LossClosure closure) override;

private:
  const char* name() const override { return "LBFGS"; }
  std::unique_ptr<OptimizerParamState> new_state() const override;
  bool has_elementwise_state() const override { return false; }
  void check_state(const OptimizerParamState& state) const override;
};

} // namespace kiln::optim
