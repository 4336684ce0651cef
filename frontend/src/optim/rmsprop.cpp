// RMSprop.
#include "kiln/optim/rmsprop.h"

#include "optim/number.h"
#include "optim/state_io.h"

namespace kiln::optim {

template class OptimizerCloneableOptions<RMSpropOptions>;
template class OptimizerCloneableParamState<RMSpropParamState>;

RMSprop::RMSprop(std::vector<OptimizerParamGroup> param_groups, RMSpropOptions defaults)
    : Optimizer(std::move(param_groups), std::make_unique<RMSpropOptions>(defaults)) {}
RMSprop::RMSprop(std::vector<Tensor> params, RMSpropOptions defaults)
    : Optimizer(std::move(params), std::make_unique<RMSpropOptions>(defaults)) {}

std::unique_ptr<OptimizerParamState> RMSprop::new_state() const {
  return std::make_unique<RMSpropParamState>();
}

void RMSpropOptions::check() const {
  check_option(lr() >= 0, "RMSprop", "learning rate", lr());
  check_option(eps() >= 0, "RMSprop", "epsilon value", eps());
  check_option(momentum() >= 0, "RMSprop", "momentum value", momentum());
  check_option(weight_decay() >= 0, "RMSprop", "weight_decay value", weight_decay());
  check_option(alpha() >= 0, "RMSprop", "alpha value", alpha());
}

void RMSprop::update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) {
  const auto& options = static_cast<const RMSpropOptions&>(group.options());
  const Hyper hyper(group.shared_options());
  const bool decays = hyper.is_set(options.weight_decay(), "weight_decay");
  const bool has_momentum = hyper.is_set(options.momentum(), "momentum");
  const bool centered = hyper.is_set(options.centered(), "centered");
  const Number lr = hyper.number(options.lr()), eps = hyper.number(options.eps());
  const Number alpha = hyper.number(options.alpha());

  for (Tensor param : params) {
    auto& state = state_of<RMSpropParamState>(
        param, [&](RMSpropParamState& fresh) { fresh.square_avg_ = zeros_like(param.detach()); });
    auto start = [&](Tensor& tensor) {
      if (tensor.defined()) return;
      internal::TraceSuspend eager;
      tensor = zeros_like(param.detach());
    };
    if (has_momentum) start(state.momentum_buffer_);
    if (centered) start(state.grad_avg_);

    Tensor grad = param.grad().detach();
    if (decays) grad = grad + param.detach() * hyper.number(options.weight_decay());
    alpha.scale(state.square_avg_);
    state.square_avg_.add_(grad * grad * (Number(1) - alpha));
    Tensor average = state.square_avg_;
    if (centered) {
      alpha.scale(state.grad_avg_);
      state.grad_avg_.add_(grad * (Number(1) - alpha));
      average = average - state.grad_avg_ * state.grad_avg_;
    }
    Tensor step = grad / (kiln::sqrt(average) + eps);
    if (has_momentum) {
      hyper.number(options.momentum()).scale(state.momentum_buffer_);
      state.momentum_buffer_.add_(step);
      step = state.momentum_buffer_;
    }
    param.sub_(step * lr);
  }
}

template <class Visit, class... Options> static void each_option(Visit visit, Options&... options) {
  visit("lr", options.lr()...);
  visit("alpha", options.alpha()...);
  visit("eps", options.eps()...);
  visit("weight_decay", options.weight_decay()...);
  visit("momentum", options.momentum()...);
  visit("centered", options.centered()...);
}
bool RMSpropOptions::operator==(const RMSpropOptions& other) const {
  return same_options(*this, other);
}
void RMSpropOptions::serialize(serialize::OutputArchive& archive) const {
  write_options(archive, *this);
}
void RMSpropOptions::serialize(serialize::InputArchive& archive) {
  read_options(archive, *this);
}
bool RMSpropParamState::operator==(const RMSpropParamState& other) const {
  return same_values(square_avg_, other.square_avg_) &&
         same_values(momentum_buffer_, other.momentum_buffer_) && same_values(grad_avg_, other.grad_avg_);
}
void RMSpropParamState::serialize(serialize::OutputArchive& archive) const {
  write_step(archive, 0); // Python wants one, and nobody's result depends on it
  archive.write("square_avg", square_avg_);
  if (momentum_buffer_.defined()) archive.write("momentum_buffer", momentum_buffer_);
  if (grad_avg_.defined()) archive.write("grad_avg", grad_avg_);
}
void RMSpropParamState::serialize(serialize::InputArchive& archive) {
  archive.read("square_avg", square_avg_);
  archive.try_read("momentum_buffer", momentum_buffer_);
  archive.try_read("grad_avg", grad_avg_);
}

} // namespace kiln::optim
