// nn::functional: options unpacked for the losses of kiln::.
#include "kiln/nn/functional/loss.h"

#include "nn/loss_support.h"

namespace kiln::nn::functional {

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
  return internal::strict_binary_cross_entropy(input, target, options.weight(), options.reduction().value());
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

Tensor kl_div(const Tensor& input, const Tensor& target, const KLDivFuncOptions& options) {
  const Tensor loss = kiln::kl_div(input, target, options.reduction().value(), options.log_target());
  return options.reduction().batch_mean() && input.dim() > 0 ? loss / input.size(0) : loss;
}
Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, const PoissonNLLLossFuncOptions& options) {
  return kiln::poisson_nll_loss(input, target, options.log_input(), options.full(), options.eps(),
                                options.reduction().value());
}
Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var,
                         const GaussianNLLLossFuncOptions& options) {
  return kiln::gaussian_nll_loss(input, target, var, options.full(), options.eps(),
                                 options.reduction().value());
}
Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target,
                            const HingeEmbeddingLossFuncOptions& options) {
  return kiln::hinge_embedding_loss(input, target, options.margin(), options.reduction().value());
}
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             const CosineEmbeddingLossFuncOptions& options) {
  return kiln::cosine_embedding_loss(input1, input2, target, options.margin(), options.reduction().value());
}
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           const MarginRankingLossFuncOptions& options) {
  return kiln::margin_ranking_loss(input1, input2, target, options.margin(), options.reduction().value());
}
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginLossFuncOptions& options) {
  return kiln::triplet_margin_loss(anchor, positive, negative, options.margin(), options.p(), options.eps(),
                                   options.swap(), options.reduction().value());
}
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const TripletMarginWithDistanceLossFuncOptions& options) {
  auto distance = [&](const Tensor& a, const Tensor& b) {
    return options.distance_function() ? (*options.distance_function())(a, b) : kiln::pairwise_distance(a, b);
  };
  const Tensor near = distance(anchor, positive);
  Tensor far = distance(anchor, negative);
  if (options.swap()) far = minimum(far, distance(positive, negative));
  return internal::reduce_loss(clamp_min(options.margin() + near - far, 0), options.reduction().value());
}
Tensor multi_margin_loss(const Tensor& input, const Tensor& target,
                         const MultiMarginLossFuncOptions& options) {
  return kiln::multi_margin_loss(input, target, options.p(), options.margin(), options.weight(),
                                 options.reduction().value());
}
Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target,
                              const MultilabelMarginLossFuncOptions& options) {
  return kiln::multilabel_margin_loss(input, target, options.reduction().value());
}
Tensor soft_margin_loss(const Tensor& input, const Tensor& target, const SoftMarginLossFuncOptions& options) {
  return kiln::soft_margin_loss(input, target, options.reduction().value());
}
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target,
                                   const MultilabelSoftMarginLossFuncOptions& options) {
  return kiln::multilabel_soft_margin_loss(input, target, options.weight(), options.reduction().value());
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, const CosineSimilarityFuncOptions& options) {
  return kiln::cosine_similarity(x1, x2, options.dim(), options.eps());
}
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, const PairwiseDistanceFuncOptions& options) {
  return kiln::pairwise_distance(x1, x2, options.p(), options.eps(), options.keepdim());
}

} // namespace kiln::nn::functional
