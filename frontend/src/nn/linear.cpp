// Linear, Bilinear, Flatten, Unflatten and Identity.
#include "kiln/nn/linear.h"

#include "kiln/nn/init.h"
#include "kiln/nn/ops.h"

#include <cmath>
#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(Linear)
KILN_LAYER_DEFINITION(Bilinear)
KILN_LAYER_DEFINITION(Flatten)
KILN_LAYER_DEFINITION(Unflatten)
KILN_LAYER_DEFINITION(Identity)

LinearImpl::LinearImpl(const LinearOptions& options_) : options(options_) {
  LinearImpl::reset();
}

void LinearImpl::reset() {
  if (options.in_features() < 0 || options.out_features() < 0)
    throw Error("Linear: got in_features=" + std::to_string(options.in_features()) +
                ", out_features=" + std::to_string(options.out_features()) + ", wanted none below 0");
  weight = register_parameter("weight", empty({options.out_features(), options.in_features()}));
  bias =
      register_parameter("bias", options.bias() ? empty({options.out_features()}) : Tensor(), options.bias());
  reset_parameters();
}

void LinearImpl::reset_parameters() {
  NoGradGuard no_grad;
  if (weight.numel() == 0) return;
  init::kaiming_uniform_(weight, std::sqrt(5.0)); // within +-1/sqrt(in_features)
  if (!bias.defined()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(options.in_features()));
  init::uniform_(bias, -bound, bound);
}

void LinearImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Linear(in_features=" << options.in_features()
         << ", out_features=" << options.out_features() << ", bias=" << (options.bias() ? "true" : "false")
         << ")";
}

Tensor LinearImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return linear(x, weight, bias);
}

void BilinearImpl::reset() {
  if (options.in1_features() <= 0)
    throw Error("Bilinear: in1_features must be > 0, but got " + std::to_string(options.in1_features()));
  weight = register_parameter(
      "weight", empty({options.out_features(), options.in1_features(), options.in2_features()}));
  bias =
      register_parameter("bias", options.bias() ? empty({options.out_features()}) : Tensor(), options.bias());
  reset_parameters();
}

void BilinearImpl::reset_parameters() {
  const double bound = 1 / std::sqrt(static_cast<double>(options.in1_features()));
  init::uniform_(weight, -bound, bound);
  if (bias.defined()) init::uniform_(bias, -bound, bound);
}

void BilinearImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Bilinear(in1_features=" << options.in1_features()
         << ", in2_features=" << options.in2_features() << ", out_features=" << options.out_features()
         << ", bias=" << (options.bias() ? "true" : "false") << ")";
}

Tensor BilinearImpl::forward(const Tensor& x1, const Tensor& x2) {
  internal::ModuleCall scope(internal_state());
  return bilinear(x1, x2, weight, bias);
}

void FlattenImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Flatten(start_dim=" << options.start_dim() << ", end_dim=" << options.end_dim()
         << ")";
}

Tensor FlattenImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return flatten(x, options.start_dim(), options.end_dim());
}

void UnflattenImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Unflatten(dim=" << options.dim() << ", unflattened_size={";
  for (std::size_t i = 0; i < options.sizes().size(); ++i)
    stream << (i ? ", " : "") << options.sizes()[i];
  stream << "})";
}

Tensor UnflattenImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return unflatten(x, options.dim(), options.sizes());
}

void IdentityImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Identity()";
}

} // namespace kiln::nn
