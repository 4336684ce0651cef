// CosineSimilarity and PairwiseDistance.
#include "kiln/nn/distance.h"

#include "kiln/nn/ops.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(CosineSimilarity)
KILN_LAYER_DEFINITION(PairwiseDistance)

void CosineSimilarityImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "CosineSimilarity(dim=" << options.dim() << ", eps=" << options.eps() << ")";
}
Tensor CosineSimilarityImpl::forward(const Tensor& x1, const Tensor& x2) {
  internal::ModuleCall scope(internal_state());
  return cosine_similarity(x1, x2, options.dim(), options.eps());
}

void PairwiseDistanceImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "PairwiseDistance(p=" << options.p() << ", eps=" << options.eps()
         << ", keepdim=" << (options.keepdim() ? "true" : "false") << ")";
}
Tensor PairwiseDistanceImpl::forward(const Tensor& x1, const Tensor& x2) {
  internal::ModuleCall scope(internal_state());
  return pairwise_distance(x1, x2, options.p(), options.eps(), options.keepdim());
}

} // namespace kiln::nn
