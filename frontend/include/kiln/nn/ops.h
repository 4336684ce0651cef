// Activations and losses as free functions in ATen's names and argument order, composed of the ops in
// kiln/ops.h. Gradients are ATen's, also at the edges of piecewise functions. All work on tensors of any
// shape.
#pragma once

#include "kiln/enum.h"
#include "kiln/ops.h"

namespace kiln {

// Activations.
Tensor leaky_relu(const Tensor& x, Scalar negative_slope = 0.01);
Tensor relu6(const Tensor& x);
/// scale * x above zero, scale * alpha * (exp(x * input_scale) - 1) below.
Tensor elu(const Tensor& x, Scalar alpha = 1, Scalar scale = 1, Scalar input_scale = 1);
Tensor selu(const Tensor& x);
Tensor celu(const Tensor& x, Scalar alpha = 1.0);
Tensor mish(const Tensor& x);
/// log(1 + exp(beta * x)) / beta, and x itself where beta * x > threshold.
Tensor softplus(const Tensor& x, Scalar beta, Scalar threshold = 20);
Tensor hardtanh(const Tensor& x, Scalar min_val = -1, Scalar max_val = 1);
Tensor hardswish(const Tensor& x);
Tensor hardsigmoid(const Tensor& x);
Tensor log_sigmoid(const Tensor& x);
Tensor softsign(const Tensor& x);
/// `value` where x <= threshold.
Tensor threshold(const Tensor& x, Scalar threshold, Scalar value);

// Losses. `reduction` is Reduction::None, Mean or Sum. Throw Error for shapes that do not fit.

/// Input and target broadcast; when their shapes differ, a warning says so once.
Tensor mse_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean);
Tensor l1_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean);
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean,
                      double beta = 1.0);
Tensor huber_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean,
                  double delta = 1.0);
/// input: probabilities; logarithms are kept above -100. The shapes must be equal; weight broadcasts to them.
/// The gradient by `input` has no derivative of its own.
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight = {},
                            std::int64_t reduction = Reduction::Mean);
/// input: scores. pos_weight multiplies the loss of positive targets.
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target, const Tensor& weight = {},
                                        const Tensor& pos_weight = {},
                                        std::int64_t reduction = Reduction::Mean);
/// input: log-probabilities [C], [N, C] or [N, C, d…]; target: i64 [], [N] or [N, d…]; weight: none or [C].
Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight, std::int64_t reduction,
                std::int64_t ignore_index = -100);
/// input: scores, shaped as nll_loss's; target: as there, or probabilities shaped as input.
Tensor cross_entropy_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                          std::int64_t reduction, std::int64_t ignore_index = -100,
                          double label_smoothing = 0.0);

} // namespace kiln
