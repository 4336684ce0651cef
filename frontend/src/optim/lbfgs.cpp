// L-BFGS.
#include "kiln/optim/lbfgs_state.h"

#include "core/shapes.h"
#include "kiln/autograd.h"
#include "kiln/ops.h"
#include "optim/number.h"
#include "optim/state_io.h"
#include "optim/wolfe.h"

#include <algorithm>
#include <cmath>

namespace kiln::optim {

template class OptimizerCloneableOptions<LBFGSOptions>;
template class OptimizerCloneableParamState<LBFGSParamState>;

KILN_ARG_SETTER(LBFGSOptions, std::optional<std::string>, line_search_fn)
KILN_ARG_SETTER(LBFGSParamState, std::deque<Tensor>, old_dirs)
KILN_ARG_SETTER(LBFGSParamState, std::deque<Tensor>, old_stps)
KILN_ARG_SETTER(LBFGSParamState, std::deque<double>, ro)

std::unique_ptr<OptimizerParamState> LBFGS::new_state() const {
  return std::make_unique<LBFGSParamState>();
}

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

bool LBFGSOptions::operator==(const LBFGSOptions& other) const {
  return lr() == other.lr() && max_iter() == other.max_iter() && max_eval() == other.max_eval() &&
         tolerance_grad() == other.tolerance_grad() && tolerance_change() == other.tolerance_change() &&
         history_size() == other.history_size() && line_search_fn() == other.line_search_fn();
}
void LBFGSOptions::serialize(serialize::OutputArchive& archive) const {
  archive.write("lr", IValue(lr()));
  archive.write("max_iter", IValue(max_iter()));
  archive.write("max_eval", IValue(max_eval().value_or(max_iter() * 5 / 4)));
  archive.write("tolerance_grad", IValue(tolerance_grad()));
  archive.write("tolerance_change", IValue(tolerance_change()));
  archive.write("history_size", IValue(history_size()));
  archive.write("line_search_fn", line_search_fn() ? IValue(*line_search_fn()) : IValue());
}
void LBFGSOptions::serialize(serialize::InputArchive& archive) {
  read_option(archive, "lr", lr());
  read_option(archive, "max_iter", max_iter());
  read_option(archive, "max_eval", max_eval());
  read_option(archive, "tolerance_grad", tolerance_grad());
  read_option(archive, "tolerance_change", tolerance_change());
  read_option(archive, "history_size", history_size());
  read_option(archive, "line_search_fn", line_search_fn());
}

namespace {

bool same_lists(const std::deque<Tensor>& a, const std::deque<Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_values);
}
IValue list_of(const std::deque<Tensor>& tensors) {
  return IValue::list({tensors.begin(), tensors.end()});
}
std::deque<Tensor> read_list(serialize::InputArchive& archive, const char* name) {
  std::deque<Tensor> tensors;
  serialize::InputArchive list;
  if (!archive.try_read(name, list)) return tensors; // empty, perhaps
  for (const std::string& key : list.keys()) {
    Tensor tensor;
    list.read(key, tensor);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

} // namespace

bool LBFGSParamState::operator==(const LBFGSParamState& other) const {
  return func_evals_ == other.func_evals_ && n_iter_ == other.n_iter_ && t_ == other.t_ &&
         prev_loss_ == other.prev_loss_ && H_diag_ == other.H_diag_ && ro_ == other.ro_ &&
         same_values(d_, other.d_) && same_values(prev_flat_grad_, other.prev_flat_grad_) &&
         same_lists(old_dirs_, other.old_dirs_) && same_lists(old_stps_, other.old_stps_);
}

// Python's names: its old_dirs are changes of the gradient, too, and its ro a list of tensors.
void LBFGSParamState::serialize(serialize::OutputArchive& archive) const {
  archive.write("func_evals", IValue(func_evals_));
  archive.write("n_iter", IValue(n_iter_));
  archive.write("t", IValue(t_));
  archive.write("prev_loss", IValue(prev_loss_));
  archive.write("H_diag", IValue(H_diag_));
  archive.write("d", d_);
  archive.write("prev_flat_grad", prev_flat_grad_);
  archive.write("old_dirs", list_of(old_dirs_));
  archive.write("old_stps", list_of(old_stps_));
  IValue::List numbers;
  for (double value : ro_)
    numbers.emplace_back(full({}, value, kFloat64));
  archive.write("ro", IValue::list(std::move(numbers)));
}
void LBFGSParamState::serialize(serialize::InputArchive& archive) {
  func_evals_ = static_cast<std::int64_t>(read_number(archive, "func_evals").value_or(0));
  n_iter_ = static_cast<std::int64_t>(read_number(archive, "n_iter").value_or(0));
  t_ = read_number(archive, "t").value_or(0);
  prev_loss_ = read_number(archive, "prev_loss").value_or(0);
  H_diag_ = read_number(archive, "H_diag").value_or(1);
  d_ = prev_flat_grad_ = Tensor();
  archive.try_read("d", d_);
  archive.try_read("prev_flat_grad", prev_flat_grad_);
  old_dirs_ = read_list(archive, "old_dirs");
  old_stps_ = read_list(archive, "old_stps");
  ro_.clear();
  for (const Tensor& value : read_list(archive, "ro"))
    ro_.push_back(value.item<double>());
}

void LBFGS::check_state(const OptimizerParamState& read) const {
  const auto& state = static_cast<const LBFGSParamState&>(read);
  std::int64_t elements = 0;
  for (const Tensor& param : parameters())
    elements += param.numel();
  auto check = [&](const char* what, const Tensor& vector) {
    if (vector.defined() && !(vector.sizes() == IntArrayRef{elements}))
      throw Error(std::string("LBFGS: ") + what + " is " + internal::sizes_of(vector) + ", wanted [" +
                  std::to_string(elements) + "]");
  };
  check("d", state.d());
  check("prev_flat_grad", state.prev_flat_grad());
  for (const Tensor& change : state.old_dirs())
    check("a change of the gradient", change);
  for (const Tensor& change : state.old_stps())
    check("a change of the parameters", change);
  if (state.old_dirs().size() != state.old_stps().size() || state.ro().size() != state.old_dirs().size())
    throw Error("LBFGS: a history of " + std::to_string(state.old_dirs().size()) + " gradients, " +
                std::to_string(state.old_stps().size()) + " steps and " + std::to_string(state.ro().size()) +
                " weights");
  if (state.n_iter() > 0 && !(state.d().defined() && state.prev_flat_grad().defined()))
    throw Error("LBFGS: no last direction and gradient after " + std::to_string(state.n_iter()) +
                " iterations");
}

} // namespace kiln::optim
