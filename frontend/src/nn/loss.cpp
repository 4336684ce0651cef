// Loss modules.
#include "kiln/nn/loss.h"

#include "kiln/nn/functional/loss.h"
#include "nn/loss_support.h"

#include <ostream>

namespace kiln::nn {

namespace F = functional;

KILN_ARG_SETTER(TripletMarginWithDistanceLossOptions, std::optional<distance_function_t>, distance_function)

// Parenthesised `arguments` are the parameters of forward; `call` computes from them.
#define KILN_LOSS_OF(Name, arguments, call)                                                                  \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  Tensor Name##Impl::forward arguments {                                                                     \
    internal::ModuleCall scope(internal_state());                                                            \
    [[maybe_unused]] const std::int64_t reduction = options.reduction().value();                             \
    return call;                                                                                             \
  }
#define KILN_LOSS(Name, call) KILN_LOSS_OF(Name, (const Tensor& input, const Tensor& target), call)
KILN_LOSS(MSELoss, mse_loss(input, target, reduction))
KILN_LOSS(L1Loss, l1_loss(input, target, reduction))
KILN_LOSS(SmoothL1Loss, smooth_l1_loss(input, target, reduction, options.beta()))
KILN_LOSS(HuberLoss, huber_loss(input, target, reduction, options.delta()))
KILN_LOSS(BCELoss, internal::strict_binary_cross_entropy(input, target, weight, reduction))
KILN_LOSS(BCEWithLogitsLoss, binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction))
KILN_LOSS(NLLLoss, nll_loss(input, target, weight, reduction, options.ignore_index()))
KILN_LOSS(CrossEntropyLoss, cross_entropy_loss(input, target, weight, reduction, options.ignore_index(),
                                               options.label_smoothing()))
KILN_LOSS(KLDivLoss, F::kl_div(input, target, options))
KILN_LOSS_OF(PoissonNLLLoss, (const Tensor& log_input, const Tensor& target),
             F::poisson_nll_loss(log_input, target, options))
KILN_LOSS_OF(GaussianNLLLoss, (const Tensor& input, const Tensor& target, const Tensor& var),
             F::gaussian_nll_loss(input, target, var, options))
KILN_LOSS(HingeEmbeddingLoss, hinge_embedding_loss(input, target, options.margin(), reduction))
KILN_LOSS_OF(CosineEmbeddingLoss, (const Tensor& input1, const Tensor& input2, const Tensor& target),
             cosine_embedding_loss(input1, input2, target, options.margin(), reduction))
KILN_LOSS_OF(MarginRankingLoss, (const Tensor& input1, const Tensor& input2, const Tensor& target),
             margin_ranking_loss(input1, input2, target, options.margin(), reduction))
KILN_LOSS_OF(TripletMarginLoss, (const Tensor& anchor, const Tensor& positive, const Tensor& negative),
             F::triplet_margin_loss(anchor, positive, negative, options))
KILN_LOSS_OF(TripletMarginWithDistanceLoss,
             (const Tensor& anchor, const Tensor& positive, const Tensor& negative),
             F::triplet_margin_with_distance_loss(anchor, positive, negative, options))
KILN_LOSS(MultiMarginLoss, multi_margin_loss(input, target, options.p(), options.margin(), weight, reduction))
KILN_LOSS(MultiLabelMarginLoss, multilabel_margin_loss(input, target, reduction))
KILN_LOSS(SoftMarginLoss, soft_margin_loss(input, target, reduction))
KILN_LOSS(MultiLabelSoftMarginLoss, multilabel_soft_margin_loss(input, target, weight, reduction))
#undef KILN_LOSS
#undef KILN_LOSS_OF

// As PyTorch prints them: nearly all without their options.
#define KILN_PLAIN_NAME(Name)                                                                                \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                                \
    stream << print_prefix() << #Name "()";                                                                  \
  }
KILN_PLAIN_NAME(MSELoss)
KILN_PLAIN_NAME(L1Loss)
KILN_PLAIN_NAME(SmoothL1Loss)
KILN_PLAIN_NAME(HuberLoss)
KILN_PLAIN_NAME(BCELoss)
KILN_PLAIN_NAME(BCEWithLogitsLoss)
KILN_PLAIN_NAME(NLLLoss)
KILN_PLAIN_NAME(CrossEntropyLoss)
KILN_PLAIN_NAME(KLDivLoss)
KILN_PLAIN_NAME(PoissonNLLLoss)
KILN_PLAIN_NAME(GaussianNLLLoss)
KILN_PLAIN_NAME(MarginRankingLoss)
KILN_PLAIN_NAME(MultiLabelMarginLoss)
KILN_PLAIN_NAME(SoftMarginLoss)
KILN_PLAIN_NAME(MultiLabelSoftMarginLoss)
#undef KILN_PLAIN_NAME

void HingeEmbeddingLossImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "HingeEmbeddingLoss(margin=" << options.margin() << ")";
}
void CosineEmbeddingLossImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "CosineEmbeddingLoss(margin=" << options.margin() << ")";
}
void TripletMarginLossImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "TripletMarginLoss(margin=" << options.margin() << ", p=" << options.p()
         << ", eps=" << options.eps() << ", swap=" << (options.swap() ? "true" : "false") << ")";
}
void TripletMarginWithDistanceLossImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "TripletMarginWithDistanceLoss(margin=" << options.margin()
         << ", swap=" << (options.swap() ? "true" : "false") << ")";
}
void MultiMarginLossImpl::pretty_print(std::ostream& stream) const {
  const char* names[] = {"kNone", "kMean", "kSum"};
  stream << print_prefix() << "MultiMarginLoss(p=" << options.p() << ", margin=" << options.margin()
         << ", weight=" << options.weight() << ", reduction=" << names[options.reduction().value()] << ")";
}

} // namespace kiln::nn
