// Activations as functions with options.
#pragma once

#include "kiln/nn/activation.h"
#include "kiln/nn/ops.h"

namespace kiln::nn::functional {

using ReLUFuncOptions = ReLUOptions;
using ReLU6FuncOptions = ReLU6Options;
using SELUFuncOptions = SELUOptions;
using LeakyReLUFuncOptions = LeakyReLUOptions;
using ELUFuncOptions = ELUOptions;
using CELUFuncOptions = CELUOptions;
using GELUFuncOptions = GELUOptions;
using SoftplusFuncOptions = SoftplusOptions;
using HardtanhFuncOptions = HardtanhOptions;
using ThresholdFuncOptions = ThresholdOptions;
using HardshrinkFuncOptions = HardshrinkOptions;
using SoftshrinkFuncOptions = SoftshrinkOptions;
using GLUFuncOptions = GLUOptions;
using SoftmaxFuncOptions = SoftmaxOptions;
using LogSoftmaxFuncOptions = SoftmaxOptions;
using SoftminFuncOptions = SoftmaxOptions;

Tensor relu(Tensor x, const ReLUFuncOptions& options = {});
Tensor relu6(Tensor x, const ReLU6FuncOptions& options = {});
Tensor selu(Tensor x, const SELUFuncOptions& options = {});
inline Tensor prelu(const Tensor& x, const Tensor& weight) {
  return kiln::prelu(x, weight);
}
Tensor leaky_relu(Tensor x, const LeakyReLUFuncOptions& options = {});
Tensor elu(Tensor x, const ELUFuncOptions& options = {});
Tensor celu(Tensor x, const CELUFuncOptions& options = {});
Tensor hardtanh(Tensor x, const HardtanhFuncOptions& options = {});
Tensor threshold(Tensor x, const ThresholdFuncOptions& options);
Tensor hardshrink(const Tensor& x, const HardshrinkFuncOptions& options = {});
Tensor softshrink(const Tensor& x, const SoftshrinkFuncOptions& options = {});
Tensor glu(const Tensor& x, const GLUFuncOptions& options = {});
struct RReLUFuncOptions {
  KILN_ARG(double, lower) = 1.0 / 8;
  KILN_ARG(double, upper) = 1.0 / 3;
  KILN_ARG(bool, training) = false;
  KILN_ARG(bool, inplace) = false;
};
Tensor rrelu(Tensor x, const RReLUFuncOptions& options = {});
struct GumbelSoftmaxFuncOptions {
  KILN_ARG(double, tau) = 1.0; ///< the temperature
  KILN_ARG(bool, hard) = false;
  KILN_ARG(int, dim) = -1;
};
/// A draw from the distribution with these logits, made differentiable: softmax of logits plus Gumbel noise,
/// over tau. hard: 1 at its largest element and 0 elsewhere, with the gradient of the softmax.
Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxFuncOptions& options = {});
Tensor gelu(const Tensor& x, const GELUFuncOptions& options = {});
Tensor softplus(const Tensor& x, const SoftplusFuncOptions& options = {});
Tensor softmax(const Tensor& x, const SoftmaxFuncOptions& options);
Tensor log_softmax(const Tensor& x, const LogSoftmaxFuncOptions& options);
Tensor softmin(const Tensor& x, const SoftminFuncOptions& options);
inline Tensor silu(const Tensor& x) {
  return kiln::silu(x);
}
inline Tensor mish(const Tensor& x) {
  return kiln::mish(x);
}
inline Tensor softsign(const Tensor& x) {
  return kiln::softsign(x);
}
inline Tensor hardswish(const Tensor& x) {
  return kiln::hardswish(x);
}
inline Tensor logsigmoid(const Tensor& x) {
  return kiln::log_sigmoid(x);
}
inline Tensor sigmoid(const Tensor& x) {
  return kiln::sigmoid(x);
}
inline Tensor tanh(const Tensor& x) {
  return kiln::tanh(x);
}
inline Tensor tanhshrink(const Tensor& x) {
  return x - kiln::tanh(x);
}

} // namespace kiln::nn::functional
