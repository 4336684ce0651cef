// nn::functional: layers and losses as functions with options, in LibTorch's names.
#pragma once

#include "kiln/nn/activation.h"
#include "kiln/nn/dropout.h"
#include "kiln/nn/embedding.h"
#include "kiln/nn/linear.h"
#include "kiln/nn/loss.h"
#include "kiln/nn/normalization.h"
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

inline Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}) {
  return kiln::linear(x, weight, bias);
}

struct DropoutFuncOptions {
  KILN_ARG(double, p) = 0.5;
  KILN_ARG(bool, training) = false;
  KILN_ARG(bool, inplace) = false;
};
Tensor dropout(Tensor x, const DropoutFuncOptions& options = {});

struct LayerNormFuncOptions {
  LayerNormFuncOptions(std::vector<std::int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  KILN_ARG(std::vector<std::int64_t>, normalized_shape);
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(Tensor, bias) = {};
  KILN_ARG(double, eps) = 1e-5;
};
Tensor layer_norm(const Tensor& x, const LayerNormFuncOptions& options);

struct EmbeddingFuncOptions {
  KILN_ARG(std::optional<std::int64_t>, padding_idx) = std::nullopt;
};
Tensor embedding(const Tensor& x, const Tensor& weight, const EmbeddingFuncOptions& options = {});
inline Tensor one_hot(const Tensor& x, std::int64_t num_classes = -1) {
  return kiln::one_hot(x, num_classes);
}

using MSELossFuncOptions = MSELossOptions;
using L1LossFuncOptions = L1LossOptions;
using SmoothL1LossFuncOptions = SmoothL1LossOptions;
using HuberLossFuncOptions = HuberLossOptions;
using BinaryCrossEntropyFuncOptions = BCELossOptions;
using BinaryCrossEntropyWithLogitsFuncOptions = BCEWithLogitsLossOptions;
using NLLLossFuncOptions = NLLLossOptions;
using CrossEntropyFuncOptions = CrossEntropyLossOptions;

Tensor mse_loss(const Tensor& input, const Tensor& target, const MSELossFuncOptions& options = {});
Tensor l1_loss(const Tensor& input, const Tensor& target, const L1LossFuncOptions& options = {});
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, const SmoothL1LossFuncOptions& options = {});
Tensor huber_loss(const Tensor& input, const Tensor& target, const HuberLossFuncOptions& options = {});
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                            const BinaryCrossEntropyFuncOptions& options = {});
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsFuncOptions& options = {});
Tensor nll_loss(const Tensor& input, const Tensor& target, const NLLLossFuncOptions& options = {});
Tensor cross_entropy(const Tensor& input, const Tensor& target, const CrossEntropyFuncOptions& options = {});

} // namespace kiln::nn::functional
