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
/// x above zero, weight * x below; weight: one number, or one for each channel (dimension 1).
Tensor prelu(const Tensor& x, const Tensor& weight);
/// x where it is further than lambd from 0, else 0.
Tensor hardshrink(const Tensor& x, Scalar lambd = 0.5);
/// x nearer to 0 by lambd, and 0 where it is not further. Throws Error for a negative lambd.
Tensor softshrink(const Tensor& x, Scalar lambd = 0.5);
/// a * sigmoid(b), a and b being the halves of x along `dim`. Throws Error when its size is odd.
Tensor glu(const Tensor& x, std::int64_t dim = -1);
/// leaky_relu with a slope that is drawn between lower and upper for each element, or, when not training, is
/// half-way between them.
Tensor rrelu(const Tensor& x, Scalar lower = 0.125, Scalar upper = 1.0 / 3, bool training = false);
/// `value` where x <= threshold.
Tensor threshold(const Tensor& x, Scalar threshold, Scalar value);

// Layers.

/// x1: [..., in1], x2: [..., in2], weight: [out, in1, in2] -> [..., out]: x1^T weight[o] x2 (+ bias[o]).
Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias = {});
/// Mean 0 and variance 1 over each of num_groups groups of channels; x: [N, C, ...], C a multiple of
/// num_groups; then times weight plus bias, both none or [C].
Tensor group_norm(const Tensor& x, std::int64_t num_groups, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
/// The same over each channel of each sample by itself (use_input_stats), or with running_mean and
/// running_var [C]; with both given, use_input_stats moves them by `momentum` towards this batch's.
Tensor instance_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {},
                     const Tensor& running_mean = {}, const Tensor& running_var = {},
                     bool use_input_stats = true, double momentum = 0.1, double eps = 1e-5);
/// Dropout of whole channels; x: [N, C, ...].
Tensor feature_dropout(const Tensor& x, double p, bool train);
/// Dropout for SELU networks: what is dropped takes SELU's lowest value, and mean and variance stay.
Tensor alpha_dropout(const Tensor& x, double p, bool train);
Tensor feature_alpha_dropout(const Tensor& x, double p, bool train); ///< of whole channels

// Padding. `pad` has a number for before and one for after, for the last dimension first; those below 0 cut
// off.

Tensor constant_pad_nd(const Tensor& x, IntArrayRef pad, Scalar value = 0);
/// mode: "constant" (filled with `value`), "reflect", "replicate" or "circular". All but "constant" pad the
/// last one to three dimensions of x: [N, C, ...]; the first two modes also take x without N.
Tensor pad(const Tensor& x, IntArrayRef pad, std::string_view mode = "constant",
           std::optional<double> value = {});
Tensor reflection_pad1d(const Tensor& x, IntArrayRef padding);
Tensor reflection_pad2d(const Tensor& x, IntArrayRef padding);
Tensor reflection_pad3d(const Tensor& x, IntArrayRef padding);
Tensor replication_pad1d(const Tensor& x, IntArrayRef padding);
Tensor replication_pad2d(const Tensor& x, IntArrayRef padding);
Tensor replication_pad3d(const Tensor& x, IntArrayRef padding);

// Resampling. x: [N, C, W], [N, C, H, W] or [N, C, D, H, W]; output_size: the result's sizes behind [N, C].
// `scales` is what the sizes were multiplied by: they say how far samples are apart, where the sizes do not.

Tensor upsample_nearest1d(const Tensor& x, IntArrayRef output_size, std::optional<double> scales = {});
Tensor upsample_nearest2d(const Tensor& x, IntArrayRef output_size, std::optional<double> scales_h = {},
                          std::optional<double> scales_w = {});
Tensor upsample_nearest3d(const Tensor& x, IntArrayRef output_size, std::optional<double> scales_d = {},
                          std::optional<double> scales_h = {}, std::optional<double> scales_w = {});
Tensor upsample_linear1d(const Tensor& x, IntArrayRef output_size, bool align_corners,
                         std::optional<double> scales = {});
Tensor upsample_bilinear2d(const Tensor& x, IntArrayRef output_size, bool align_corners,
                           std::optional<double> scales_h = {}, std::optional<double> scales_w = {});
Tensor upsample_bicubic2d(const Tensor& x, IntArrayRef output_size, bool align_corners,
                          std::optional<double> scales_h = {}, std::optional<double> scales_w = {});
Tensor upsample_trilinear3d(const Tensor& x, IntArrayRef output_size, bool align_corners,
                            std::optional<double> scales_d = {}, std::optional<double> scales_h = {},
                            std::optional<double> scales_w = {});
/// x: [N, C, ...]: the channels of each group, one of each in turn. Throws Error unless groups divide C.
Tensor channel_shuffle(const Tensor& x, std::int64_t groups);
/// [..., C r^2, H, W] -> [..., C, H r, W r], and back.
Tensor pixel_shuffle(const Tensor& x, std::int64_t upscale_factor);
Tensor pixel_unshuffle(const Tensor& x, std::int64_t downscale_factor);

// Losses. `reduction` is Reduction::None, Mean or Sum. Throw Error for shapes that do not fit.

/// Input and target broadcast; when their shapes differ, a warning says so once.
Tensor mse_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean);
Tensor l1_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean);
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean,
                      double beta = 1.0);
Tensor huber_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean,
                  double delta = 1.0);
/// input: probabilities; logarithms are kept above -100. Shapes agree but for 1s; weight broadcasts to them.
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
/// input: log-probabilities; target: probabilities, or their logarithms with log_target. "batchmean" of
/// PyTorch is Reduction::Sum over the batch's size.
Tensor kl_div(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean,
              bool log_target = false);
/// input: rates (with log_input, their logarithms); full adds Stirling's approximation of log(target!).
Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input, bool full, double eps,
                        std::int64_t reduction);
/// var: shaped as input, or with one number for each row; kept above eps.
Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var, bool full = false,
                         double eps = 1e-6, std::int64_t reduction = Reduction::Mean);
/// target: 1 (input is a distance to be small) or -1 (to be above margin).
Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin = 1.0,
                            std::int64_t reduction = Reduction::Mean);
/// inputs: [N, D] and target [N], or [D] and []: 1 (to be alike) or -1 (to have a cosine below margin).
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin = 0.0, std::int64_t reduction = Reduction::Mean);
/// target: 1 where input1 should be above input2 by margin, -1 where below.
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin = 0.0, std::int64_t reduction = Reduction::Mean);
/// All [N, D] or [D]. swap: the negative's distance is that to the nearer of anchor and positive.
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin = 1.0, double p = 2.0, double eps = 1e-6, bool swap = false,
                           std::int64_t reduction = Reduction::Mean);
/// input: scores [N, C] or [C]; target: i64 [N] or []; p: 1 or 2; weight: none or [C].
Tensor multi_margin_loss(const Tensor& input, const Tensor& target, Scalar p = 1, Scalar margin = 1,
                         const Tensor& weight = {}, std::int64_t reduction = Reduction::Mean);
/// input: scores [N, C] or [C]; target: i64 of the same shape, each row's classes and then -1.
Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target,
                              std::int64_t reduction = Reduction::Mean);
/// target: 1 or -1.
Tensor soft_margin_loss(const Tensor& input, const Tensor& target, std::int64_t reduction = Reduction::Mean);
/// input: scores [..., C]; target: 0 or 1 for each class.
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight = {},
                                   std::int64_t reduction = Reduction::Mean);

// Distances.

/// The p-norm of x1 - x2 + eps over the last dimension.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6,
                         bool keepdim = false);
/// x1: [..., n, D], x2: [..., m, D] -> [..., n, m]: p-norms of the differences of all rows.
Tensor cdist(const Tensor& x1, const Tensor& x2, double p = 2);
/// x: [n, D] -> [n (n - 1) / 2]: those of each row and the ones behind it.
Tensor pdist(const Tensor& x, double p = 2);
/// Over dimension `dim` of the broadcast arguments; norms are kept above eps.
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, std::int64_t dim = 1, double eps = 1e-8);

} // namespace kiln
