// Activation modules: their forward calls the functional form under the module's name.
#include "kiln/nn/activation.h"

#include "kiln/nn/functional.h"

#include <ostream>

namespace kiln::nn {

namespace F = functional;

KILN_ARG_SETTER(GELUOptions, std::string, approximate)

namespace {
Tensor softmax_of_channels(const Tensor& x) {
  if (x.dim() != 3 && x.dim() != 4)
    throw Error("Softmax2d requires a 3D or 4D tensor as input, got " + std::to_string(x.dim()) + "D");
  return kiln::softmax(x, -3);
}
} // namespace

#define KILN_PLAIN_ACTIVATION(Name, function)                                                                \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                                \
    stream << print_prefix() << #Name "()";                                                                  \
  }                                                                                                          \
  Tensor Name##Impl::forward(const Tensor& x) {                                                              \
    internal::ModuleCall scope(internal_state());                                                            \
    return function(x);                                                                                      \
  }
KILN_PLAIN_ACTIVATION(Sigmoid, kiln::sigmoid)
KILN_PLAIN_ACTIVATION(Tanh, kiln::tanh)
KILN_PLAIN_ACTIVATION(SiLU, kiln::silu)
KILN_PLAIN_ACTIVATION(Mish, kiln::mish)
KILN_PLAIN_ACTIVATION(Softsign, kiln::softsign)
KILN_PLAIN_ACTIVATION(Hardswish, kiln::hardswish)
KILN_PLAIN_ACTIVATION(LogSigmoid, kiln::log_sigmoid)
KILN_PLAIN_ACTIVATION(Tanhshrink, F::tanhshrink)
KILN_PLAIN_ACTIVATION(Softmax2d, softmax_of_channels)

#define KILN_FORWARD(Name, function, X)                                                                      \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  Tensor Name##Impl::forward(X x) {                                                                          \
    internal::ModuleCall scope(internal_state());                                                            \
    return F::function(std::move(x), options);                                                               \
  }
KILN_FORWARD(ReLU, relu, Tensor)
KILN_FORWARD(ReLU6, relu6, Tensor)
KILN_FORWARD(SELU, selu, Tensor)
KILN_FORWARD(LeakyReLU, leaky_relu, Tensor)
KILN_FORWARD(ELU, elu, Tensor)
KILN_FORWARD(CELU, celu, Tensor)
KILN_FORWARD(GELU, gelu, Tensor)
KILN_FORWARD(Softplus, softplus, Tensor)
KILN_FORWARD(Hardtanh, hardtanh, Tensor)
KILN_FORWARD(Threshold, threshold, Tensor)
KILN_FORWARD(Hardshrink, hardshrink, Tensor)
KILN_FORWARD(Softshrink, softshrink, Tensor)
KILN_FORWARD(GLU, glu, Tensor)
KILN_FORWARD(Softmax, softmax, const Tensor&)
KILN_FORWARD(LogSoftmax, log_softmax, const Tensor&)
KILN_FORWARD(Softmin, softmin, const Tensor&)

namespace {
const char* also_inplace(bool inplace) {
  return inplace ? ", inplace=true)" : ")";
}
const char* only_inplace(bool inplace) {
  return inplace ? "inplace=true)" : ")";
}
} // namespace

void ReLUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "ReLU(" << only_inplace(options.inplace());
}
void ReLU6Impl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "ReLU6(" << only_inplace(options.inplace());
}
void SELUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "SELU(" << only_inplace(options.inplace());
}
void LeakyReLUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "LeakyReLU(negative_slope=" << options.negative_slope()
         << also_inplace(options.inplace());
}
void ELUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "ELU(alpha=" << options.alpha() << also_inplace(options.inplace());
}
void CELUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "CELU(alpha=" << options.alpha() << also_inplace(options.inplace());
}
void GELUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "GELU()";
}
void SoftplusImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Softplus(beta=" << options.beta() << ", threshold=" << options.threshold()
         << ")";
}
void HardtanhImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Hardtanh(min_val=" << options.min_val() << ", max_val=" << options.max_val()
         << also_inplace(options.inplace());
}
void HardshrinkImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Hardshrink(" << options.lambda() << ")";
}
void SoftshrinkImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Softshrink(" << options.lambda() << ")";
}
void GLUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "GLU(dim=" << options.dim() << ")";
}

KILN_LAYER_DEFINITION(RReLU)

Tensor RReLUImpl::forward(Tensor x) {
  internal::ModuleCall scope(internal_state());
  return F::rrelu(std::move(x), F::RReLUFuncOptions()
                                    .lower(options.lower())
                                    .upper(options.upper())
                                    .training(is_training())
                                    .inplace(options.inplace()));
}
void RReLUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "RReLU(lower=" << options.lower() << ", upper=" << options.upper()
         << also_inplace(options.inplace());
}

KILN_LAYER_DEFINITION(PReLU)

void PReLUImpl::reset() {
  weight = register_parameter("weight", full({options.num_parameters()}, options.init()));
}
void PReLUImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "PReLU(num_parameters=" << options.num_parameters() << ")";
}
Tensor PReLUImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return prelu(x, weight);
}

void ThresholdImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Threshold(threshold=" << options.threshold() << ", value=" << options.value()
         << also_inplace(options.inplace());
}
void SoftmaxImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Softmax(dim=" << options.dim() << ")";
}
void LogSoftmaxImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "LogSoftmax(dim=" << options.dim() << ")";
}
void SoftminImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Softmin(dim=" << options.dim() << ")";
}

} // namespace kiln::nn
