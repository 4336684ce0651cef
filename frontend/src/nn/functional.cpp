// nn::functional: options unpacked for the functions of kiln::.
#include "kiln/nn/functional.h"

namespace kiln::nn::functional {

namespace {
// The result over the argument's own storage when asked for.
Tensor finish(Tensor& x, const Tensor& result, bool inplace) {
  return inplace ? x.copy_(result) : result;
}
} // namespace

Tensor relu(Tensor x, const ReLUFuncOptions& options) {
  return options.inplace() ? x.relu_() : kiln::relu(x);
}
Tensor relu6(Tensor x, const ReLU6FuncOptions& options) {
  return finish(x, kiln::relu6(x), options.inplace());
}
Tensor selu(Tensor x, const SELUFuncOptions& options) {
  return finish(x, kiln::selu(x), options.inplace());
}
Tensor leaky_relu(Tensor x, const LeakyReLUFuncOptions& options) {
  return finish(x, kiln::leaky_relu(x, options.negative_slope()), options.inplace());
}
Tensor elu(Tensor x, const ELUFuncOptions& options) {
  return finish(x, kiln::elu(x, options.alpha()), options.inplace());
}
Tensor celu(Tensor x, const CELUFuncOptions& options) {
  return finish(x, kiln::celu(x, options.alpha()), options.inplace());
}
Tensor hardtanh(Tensor x, const HardtanhFuncOptions& options) {
  return finish(x, kiln::hardtanh(x, options.min_val(), options.max_val()), options.inplace());
}
Tensor threshold(Tensor x, const ThresholdFuncOptions& options) {
  return finish(x, kiln::threshold(x, options.threshold(), options.value()), options.inplace());
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

Tensor dropout(Tensor x, const DropoutFuncOptions& options) {
  const double p = options.p();
  if (!(p >= 0 && p <= 1))
    throw Error("dropout: dropout probability has to be between 0 and 1, but got " + std::to_string(p));
  if (!options.training() || p == 0) return x;
  return finish(x, p == 1 ? x * 0 : kiln::dropout(x, p, true), options.inplace());
}

Tensor layer_norm(const Tensor& x, const LayerNormFuncOptions& options) {
  return kiln::layer_norm(x, options.normalized_shape(), options.weight(), options.bias(), options.eps());
}

Tensor embedding(const Tensor& x, const Tensor& weight, const EmbeddingFuncOptions& options) {
  Tensor rows = kiln::embedding(weight, x);
  if (!options.padding_idx()) return rows;
  std::int64_t padding = *options.padding_idx();
  const std::int64_t count = weight.size(0);
  if (padding >= count || padding < -count)
    throw Error("embedding: Padding_idx must be within num_embeddings (" + std::to_string(count) + "), got " +
                std::to_string(padding));
  if (padding < 0) padding += count;
  return where((x == padding).unsqueeze(-1), rows.detach(), rows); // no gradient for the padding row
}

Tensor mse_loss(const Tensor& input, const Tensor& target, const MSELossFuncOptions& options) {
  return kiln::mse_loss(input, target, options.reduction().value());
}
Tensor l1_loss(const Tensor& input, const Tensor& target, const L1LossFuncOptions& options) {
  return kiln::l1_loss(input, target, options.reduction().value());
}
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, const SmoothL1LossFuncOptions& options) {
  return kiln::smooth_l1_loss(input, target, options.reduction().value(), options.beta());
}
Tensor huber_loss(const Tensor& input, const Tensor& target, const HuberLossFuncOptions& options) {
  return kiln::huber_loss(input, target, options.reduction().value(), options.delta());
}
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                            const BinaryCrossEntropyFuncOptions& options) {
  return kiln::binary_cross_entropy(input, target, options.weight(), options.reduction().value());
}
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsFuncOptions& options) {
  return kiln::binary_cross_entropy_with_logits(input, target, options.weight(), options.pos_weight(),
                                                options.reduction().value());
}
Tensor nll_loss(const Tensor& input, const Tensor& target, const NLLLossFuncOptions& options) {
  return kiln::nll_loss(input, target, options.weight(), options.reduction().value(), options.ignore_index());
}
Tensor cross_entropy(const Tensor& input, const Tensor& target, const CrossEntropyFuncOptions& options) {
  return kiln::cross_entropy_loss(input, target, options.weight(), options.reduction().value(),
                                  options.ignore_index(), options.label_smoothing());
}

} // namespace kiln::nn::functional
