// nn::functional: options unpacked for the activations of kiln::.
#include "kiln/nn/functional/activation.h"

#include "nn/inplace.h"

namespace kiln::nn::functional {

Tensor relu(Tensor x, const ReLUFuncOptions& options) {
  return options.inplace() ? x.relu_() : kiln::relu(x);
}
Tensor relu6(Tensor x, const ReLU6FuncOptions& options) {
  return internal::into(x, kiln::relu6(x), options.inplace());
}
Tensor selu(Tensor x, const SELUFuncOptions& options) {
  return internal::into(x, kiln::selu(x), options.inplace());
}
Tensor leaky_relu(Tensor x, const LeakyReLUFuncOptions& options) {
  return internal::into(x, kiln::leaky_relu(x, options.negative_slope()), options.inplace());
}
Tensor elu(Tensor x, const ELUFuncOptions& options) {
  return internal::into(x, kiln::elu(x, options.alpha()), options.inplace());
}
Tensor celu(Tensor x, const CELUFuncOptions& options) {
  return internal::into(x, kiln::celu(x, options.alpha()), options.inplace());
}
Tensor hardtanh(Tensor x, const HardtanhFuncOptions& options) {
  return internal::into(x, kiln::hardtanh(x, options.min_val(), options.max_val()), options.inplace());
}
Tensor threshold(Tensor x, const ThresholdFuncOptions& options) {
  return internal::into(x, kiln::threshold(x, options.threshold(), options.value()), options.inplace());
}
Tensor gelu(const Tensor& x, const GELUFuncOptions& options) {
  return kiln::gelu(x, options.approximate());
}
Tensor softplus(const Tensor& x, const SoftplusFuncOptions& options) {
  return kiln::softplus(x, options.beta(), options.threshold());
}
Tensor softmax(const Tensor& x, const SoftmaxFuncOptions& options) {
  return kiln::softmax(x, options.dim());
}
Tensor log_softmax(const Tensor& x, const LogSoftmaxFuncOptions& options) {
  return kiln::log_softmax(x, options.dim());
}
Tensor softmin(const Tensor& x, const SoftminFuncOptions& options) {
  return kiln::softmax(-x, options.dim());
}

} // namespace kiln::nn::functional
