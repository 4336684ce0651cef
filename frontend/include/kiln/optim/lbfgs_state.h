// What LBFGS remembers between steps. Apart from kiln/optim/lbfgs.h because few programs look at it, and
// <deque> is slow to compile.
#pragma once

#include "kiln/optim/lbfgs.h"

#include <deque>

namespace kiln::optim {

/// All parameters are one vector; its state is kept under the first of them.
struct LBFGSParamState : OptimizerCloneableParamState<LBFGSParamState> {
  bool operator==(const LBFGSParamState& other) const; ///< equal values
  void serialize(serialize::OutputArchive& archive) const override;
  void serialize(serialize::InputArchive& archive) override;

  KILN_ARG(std::int64_t, func_evals) = 0;
  KILN_ARG(std::int64_t, n_iter) = 0;
  KILN_ARG(double, t) = 0; ///< length of the last step along d
  KILN_ARG(double, prev_loss) = 0;
  KILN_ARG(Tensor, d) = {}; ///< the last direction
  KILN_ARG(double, H_diag) = 1;
  KILN_ARG(Tensor, prev_flat_grad) = {};
  KILN_DECLARED_ARG(std::deque<Tensor>, old_dirs) = {}; ///< changes of the gradient, oldest first
  KILN_DECLARED_ARG(std::deque<Tensor>, old_stps) = {}; ///< changes of the parameters
  KILN_DECLARED_ARG(std::deque<double>, ro) = {};       ///< 1 / (change of gradient . change of parameters)
};
extern template class OptimizerCloneableParamState<LBFGSParamState>;

} // namespace kiln::optim
