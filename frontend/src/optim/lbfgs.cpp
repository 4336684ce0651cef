// L-BFGS.
#include "kiln/optim/lbfgs.h"

#include "kiln/autograd.h"
#include "kiln/ops.h"
#include "optim/number.h"
#include "optim/wolfe.h"

#include <algorithm>
#include <cmath>

namespace kiln::optim {

template class OptimizerCloneableOptions<LBFGSOptions>;
template class OptimizerCloneableParamState<LBFGSParamState>;

void LBFGSOptions::check() const {
  check_option(lr() >= 0, "LBFGS", "learning rate", lr());
  if (line_search_fn() && *line_search_fn() != "strong_wolfe")
    throw Error("LBFGS: only 'strong_wolfe' is supported for line_search_fn, got '" + *line_search_fn() +
                "'");
}

LBFGS::LBFGS(std::vector<OptimizerParamGroup> param_groups, LBFGSOptions defaults)
    : Optimizer(std::move(param_groups), std::make_unique<LBFGSOptions>(defaults)) {
  if (param_groups_.size() != 1)
    throw Error("LBFGS: doesn't support per-parameter options (parameter groups)");
}
LBFGS::LBFGS(std::vector<Tensor> params, LBFGSOptions defaults)
    : LBFGS(std::vector<OptimizerParamGroup>{OptimizerParamGroup(std::move(params))}, std::move(defaults)) {}

namespace {

double inner(const Tensor& a, const Tensor& b) {
  return sum(a * b).item<double>();
}
double largest(const Tensor& x) {
  return max(abs(x)).item<double>();
}

/// The parameters and their gradients as one vector.
class Flat {
public:
  Flat(const std::vector<Tensor>& params, const Optimizer::LossClosure& closure)
      : params_(params), closure_(closure) {}

  /// The closure's loss where the parameters are now.
  Tensor loss() const {
    AutoGradMode enabled(true);
    return closure_();
  }
  Tensor gradient() const {
    std::vector<Tensor> parts;
    for (const Tensor& param : params_)
      parts.push_back(param.grad().defined() ? param.grad().detach().reshape(-1)
                                             : zeros({param.numel()}, param.dtype()));
    return cat(parts);
  }
  void move(const Tensor& direction, double by) const {
    std::int64_t at = 0;
    for (Tensor param : params_) {
      param.add_(direction.narrow(0, at, param.numel()).view(param.sizes()) * by);
      at += param.numel();
    }
  }
  std::vector<Tensor> copies() const {
    std::vector<Tensor> result;
    for (const Tensor& param : params_)
      result.push_back(param.detach().clone());
    return result;
  }
  void restore(const std::vector<Tensor>& values) const {
    for (std::size_t i = 0; i < params_.size(); ++i) {
      Tensor param = params_[i];
      param.copy_(values[i]);
    }
  }

private:
  const std::vector<Tensor>& params_;
  const Optimizer::LossClosure& closure_;
};

/// Takes the last change into the history.
void remember(LBFGSParamState& state, const Tensor& gradient, std::int64_t history_size) {
  const Tensor change = gradient - state.prev_flat_grad(), step = state.d() * state.t();
  const double curvature = inner(change, step);
  if (curvature <= 1e-10) return;
  if (static_cast<std::int64_t>(state.old_dirs().size()) == history_size) {
    state.old_dirs().pop_front();
    state.old_stps().pop_front();
    state.ro().pop_front();
  }
  state.old_dirs().push_back(change);
  state.old_stps().push_back(step);
  state.ro().push_back(1 / curvature);
  state.H_diag(curvature / inner(change, change));
}

/// Minus the gradient times the inverse Hessian that the history describes.
Tensor direction(const LBFGSParamState& state, const Tensor& gradient) {
  const std::size_t count = state.old_dirs().size();
  std::vector<double> weights(count);
  Tensor q = -gradient;
  for (std::size_t i = count; i-- > 0;) {
    weights[i] = inner(state.old_stps()[i], q) * state.ro()[i];
    q = q - state.old_dirs()[i] * weights[i];
  }
  Tensor result = q * state.H_diag();
  for (std::size_t i = 0; i < count; ++i)
    result = result + state.old_stps()[i] * (weights[i] - inner(state.old_dirs()[i], result) * state.ro()[i]);
  return result;
}

} // namespace

Tensor LBFGS::step(LossClosure closure) {
  if (!closure) throw Error("LBFGS: requires a closure function");
  NoGradGuard no_grad;
  const auto& options = static_cast<const LBFGSOptions&>(param_groups_[0].options());
  const std::int64_t max_eval = options.max_eval().value_or(options.max_iter() * 5 / 4);
  const Flat flat(std::as_const(param_groups_)[0].params(), closure);
  auto& state = state_of<LBFGSParamState>(parameters().at(0), [](LBFGSParamState&) {});

  const Tensor first_loss = flat.loss();
  double loss = first_loss.item<double>();
  Tensor gradient = flat.gradient();
  std::int64_t evaluations = 1;
  state.func_evals(state.func_evals() + 1);
  if (largest(gradient) <= options.tolerance_grad()) return first_loss;

  for (std::int64_t n = 1; n <= options.max_iter(); ++n) {
    const bool first = state.n_iter() == 0;
    state.n_iter(state.n_iter() + 1);
    if (first) {
      state.d(-gradient);
    } else {
      remember(state, gradient, options.history_size());
      state.d(direction(state, gradient));
    }
    state.prev_flat_grad(gradient);
    state.prev_loss(loss);
    state.t(first ? std::min(1.0, 1 / sum(abs(gradient)).item<double>()) * options.lr() : options.lr());
    const double slope = inner(gradient, state.d());
    if (slope > -options.tolerance_change()) break; // no longer downhill

    std::int64_t used = 0;
    if (options.line_search_fn()) {
      const std::vector<Tensor> origin = flat.copies();
      auto evaluate = [&](double t) {
        flat.move(state.d(), t);
        const double value = flat.loss().item<double>();
        const Tensor there = flat.gradient();
        flat.restore(origin);
        return LinePoint{t, value, there, inner(there, state.d())};
      };
      LineSearch found = strong_wolfe(evaluate, {0, loss, gradient, slope}, state.t(), largest(state.d()),
                                      options.tolerance_change());
      loss = found.best.value;
      gradient = found.best.gradient;
      state.t(found.best.t);
      used = found.evaluations;
      flat.move(state.d(), state.t());
    } else {
      flat.move(state.d(), state.t());
      if (n != options.max_iter()) {
        loss = flat.loss().item<double>();
        gradient = flat.gradient();
        used = 1;
      }
    }
    evaluations += used;
    state.func_evals(state.func_evals() + used);
    if (evaluations >= max_eval || largest(gradient) <= options.tolerance_grad()) break;
    if (largest(state.d()) * std::abs(state.t()) <= options.tolerance_change()) break;
    if (std::abs(loss - state.prev_loss()) < options.tolerance_change()) break;
  }
  return first_loss;
}

} // namespace kiln::optim
