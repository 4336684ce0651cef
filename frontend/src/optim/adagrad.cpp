// Adagrad.
#include "kiln/optim/adagrad.h"

#include "optim/number.h"
#include "optim/state_io.h"

namespace kiln::optim {

template class OptimizerCloneableOptions<AdagradOptions>;
template class OptimizerCloneableParamState<AdagradParamState>;

Adagrad::Adagrad(std::vector<OptimizerParamGroup> param_groups, AdagradOptions defaults)
    : Optimizer(std::move(param_groups), std::make_unique<AdagradOptions>(defaults)) {}
Adagrad::Adagrad(std::vector<Tensor> params, AdagradOptions defaults)
    : Optimizer(std::move(params), std::make_unique<AdagradOptions>(defaults)) {}

std::unique_ptr<OptimizerParamState> Adagrad::new_state() const {
  return std::make_unique<AdagradParamState>();
}

void AdagradOptions::check() const {
  check_option(lr() >= 0, "Adagrad", "learning rate", lr());
  check_option(lr_decay() >= 0, "Adagrad", "lr_decay value", lr_decay());
  check_option(weight_decay() >= 0, "Adagrad", "weight_decay value", weight_decay());
  check_option(initial_accumulator_value() >= 0, "Adagrad", "initial_accumulator_value value",
               initial_accumulator_value());
  check_option(eps() >= 0, "Adagrad", "epsilon value", eps());
}

void Adagrad::update(const OptimizerParamGroup& group, const std::vector<Tensor>& params) {
  const auto& options = static_cast<const AdagradOptions&>(group.options());
  const Hyper hyper(group.shared_options());
  const bool decays = hyper.is_set(options.weight_decay(), "weight_decay");
  const bool rate_decays = hyper.is_set(options.lr_decay(), "lr_decay");
  const Number eps = hyper.number(options.eps());

  for (Tensor param : params) {
    auto& state = state_of<AdagradParamState>(param, [&](AdagradParamState& fresh) {
      fresh.step_ = zeros({}, kFloat64);
      fresh.sum_ = full_like(param.detach(), options.initial_accumulator_value());
    });
    Number rate = hyper.number(options.lr());
    if (rate_decays) rate = rate / (Number(1) + Number(state.step_) * hyper.number(options.lr_decay()));
    state.step_.add_(1);

    Tensor grad = param.grad().detach();
    if (decays) grad = grad + param.detach() * hyper.number(options.weight_decay());
    state.sum_.add_(grad * grad);
    param.sub_(grad / (kiln::sqrt(state.sum_) + eps) * rate);
  }
}

template <class Visit, class... Options> static void each_option(Visit visit, Options&... options) {
  visit("lr", options.lr()...);
  visit("lr_decay", options.lr_decay()...);
  visit("weight_decay", options.weight_decay()...);
  visit("initial_accumulator_value", options.initial_accumulator_value()...);
  visit("eps", options.eps()...);
}
bool AdagradOptions::operator==(const AdagradOptions& other) const {
  return same_options(*this, other);
}
void AdagradOptions::serialize(serialize::OutputArchive& archive) const {
  write_options(archive, *this);
}
void AdagradOptions::serialize(serialize::InputArchive& archive) {
  read_options(archive, *this);
}
bool AdagradParamState::operator==(const AdagradParamState& other) const {
  return step() == other.step() && same_values(sum_, other.sum_);
}
void AdagradParamState::serialize(serialize::OutputArchive& archive) const {
  write_step(archive, static_cast<double>(step()));
  archive.write("sum", sum_);
}
void AdagradParamState::serialize(serialize::InputArchive& archive) {
  set_number(step_, read_number(archive, "step").value_or(0));
  archive.read("sum", sum_);
}

} // namespace kiln::optim
