// Loss modules.
#include "kiln/nn/loss.h"

#include "kiln/nn/ops.h"

#include <ostream>

namespace kiln::nn {

#define KILN_LOSS(Name, call)                                                                                \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                                \
    stream << print_prefix() << #Name "()";                                                                  \
  }                                                                                                          \
  Tensor Name##Impl::forward(const Tensor& input, const Tensor& target) {                                    \
    internal::ModuleCall scope(internal_state());                                                            \
    const std::int64_t reduction = options.reduction().value();                                              \
    return call;                                                                                             \
  }
KILN_LOSS(MSELoss, mse_loss(input, target, reduction))
KILN_LOSS(L1Loss, l1_loss(input, target, reduction))
KILN_LOSS(SmoothL1Loss, smooth_l1_loss(input, target, reduction, options.beta()))
KILN_LOSS(HuberLoss, huber_loss(input, target, reduction, options.delta()))
KILN_LOSS(BCELoss, binary_cross_entropy(input, target, weight, reduction))
KILN_LOSS(BCEWithLogitsLoss, binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction))
KILN_LOSS(NLLLoss, nll_loss(input, target, weight, reduction, options.ignore_index()))
KILN_LOSS(CrossEntropyLoss, cross_entropy_loss(input, target, weight, reduction, options.ignore_index(),
                                               options.label_smoothing()))
#undef KILN_LOSS

} // namespace kiln::nn
