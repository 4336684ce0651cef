// Stochastic gradient descent.
#include "kiln/optim/sgd.h"

#include "optim/number.h"
#include "optim/state_io.h"

namespace kiln::optim {

template class OptimizerCloneableOptions<SGDOptions>;
template class OptimizerCloneableParamState<SGDParamState>;

SGD::SGD(std::vector<OptimizerParamGroup> param_groups, SGDOptions defaults)
    : Optimizer(std::move(param_groups), std::make_unique<SGDOptions>(defaults)) {}
SGD::SGD(std::vector<Tensor> params, SGDOptions defaults)
    : Optimizer(std::move(params), std::make_unique<SGDOptions>(defaults)) {}

std::unique_ptr<OptimizerParamState> SGD::new_state() const {
  return std::make_unique<SGDParamState>();
}

void SGDOptions::check() const {
  check_option(lr() >= 0, "SGD", "learning rate", lr());
  check_option(momentum() >= 0, "SGD", "momentum value", momentum());
  check_option(weight_decay() >= 0, "SGD", "weight_decay value", weight_decay());
  if (nesterov() && (momentum() <= 0 || dampening() != 0))
    throw Error("SGD: Nesterov momentum requires a momentum and zero dampening");
}

void SGD::update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) {
  const auto& options = static_cast<const SGDOptions&>(group.options());
  const Hyper hyper(group.shared_options());
  const bool decays = hyper.is_set(options.weight_decay(), "weight_decay");
  const bool has_momentum = hyper.is_set(options.momentum(), "momentum");
  const bool dampens = has_momentum && hyper.is_set(options.dampening(), "dampening");
  const bool nesterov = has_momentum && hyper.is_set(options.nesterov(), "nesterov");
  const Number lr = hyper.number(options.lr());

  for (Tensor param : params) {
    Tensor step = param.grad().detach();
    if (decays) step = step + param.detach() * hyper.number(options.weight_decay());
    if (has_momentum) {
      auto& state = state_of<SGDParamState>(param, [](SGDParamState&) {});
      if (!state.momentum_buffer_.defined()) {
        internal::TraceSuspend eager;
        state.momentum_buffer_ = zeros_like(param.detach());
        state.fresh_ = full({}, dampens ? 1 : 0, kFloat64);
      }
      const Number momentum = hyper.number(options.momentum());
      Tensor& buffer = state.momentum_buffer_;
      momentum.scale(buffer);
      // The first buffer is the gradient itself, later gradients are dampened.
      if (dampens) {
        buffer.add_(step *
                    (Number(1) - hyper.number(options.dampening()) * (Number(1) - Number(state.fresh_))));
        state.fresh_.zero_();
      } else {
        buffer.add_(step);
      }
      step = nesterov ? step + buffer * momentum : buffer;
    }
    param.sub_(step * lr);
  }
}

template <class Visit, class... Options> static void each_option(Visit visit, Options&... options) {
  visit("lr", options.lr()...);
  visit("momentum", options.momentum()...);
  visit("dampening", options.dampening()...);
  visit("weight_decay", options.weight_decay()...);
  visit("nesterov", options.nesterov()...);
}
bool SGDOptions::operator==(const SGDOptions& other) const {
  return same_options(*this, other);
}
void SGDOptions::serialize(serialize::OutputArchive& archive) const {
  write_options(archive, *this);
}
void SGDOptions::serialize(serialize::InputArchive& archive) {
  read_options(archive, *this);
}
bool SGDParamState::operator==(const SGDParamState& other) const {
  return same_values(momentum_buffer_, other.momentum_buffer_);
}
void SGDParamState::serialize(serialize::OutputArchive& archive) const {
  archive.write("momentum_buffer", momentum_buffer_);
}
void SGDParamState::serialize(serialize::InputArchive& archive) {
  if (archive.try_read("momentum_buffer", momentum_buffer_)) set_number(fresh_, 0);
}

} // namespace kiln::optim
