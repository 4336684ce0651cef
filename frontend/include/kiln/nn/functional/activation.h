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
