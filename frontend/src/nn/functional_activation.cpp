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
Tensor hardshrink(const Tensor& x, const HardshrinkFuncOptions& options) {
  return kiln::hardshrink(x, options.lambda());
}
Tensor softshrink(const Tensor& x, const SoftshrinkFuncOptions& options) {
  return kiln::softshrink(x, options.lambda());
}
Tensor glu(const Tensor& x, const GLUFuncOptions& options) {
  return kiln::glu(x, options.dim());
}
Tensor rrelu(Tensor x, const RReLUFuncOptions& options) {
  return internal::into(x, kiln::rrelu(x, options.lower(), options.upper(), options.training()),
                        options.inplace());
}
Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxFuncOptions& options) {
  const Tensor noise = -empty_like(logits).exponential_().log();
  const Tensor soft = kiln::softmax((logits + noise) / options.tau(), options.dim());
  if (!options.hard()) return soft;
  const Tensor best = soft.argmax(options.dim(), true);
  const Tensor hard = zeros_like(soft).scatter(options.dim(), best, 1.0);
  return hard - soft.detach() + soft;
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
