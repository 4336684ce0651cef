// CosineSimilarity and PairwiseDistance: numbers for pairs of vectors.
#pragma once

#include "kiln/arg.h"
#include "kiln/module.h"

namespace kiln::nn {

struct CosineSimilarityOptions {
  KILN_ARG(std::int64_t, dim) = 1;
  KILN_ARG(double, eps) = 1e-8; ///< norms are kept above it
};
struct PairwiseDistanceOptions {
  KILN_ARG(double, p) = 2.0;
  KILN_ARG(double, eps) = 1e-6; ///< added to each difference
  KILN_ARG(bool, keepdim) = false;
};

#define KILN_DISTANCE(Name)                                                                                  \
  class Name##Impl : public Cloneable<Name##Impl> {                                                          \
  public:                                                                                                    \
    explicit Name##Impl(const Name##Options& options_ = {}) : options(options_) {}                           \
    void reset() override {}                                                                                 \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(const Tensor& x1, const Tensor& x2);                                                      \
    Name##Options options;                                                                                   \
  };                                                                                                         \
  KILN_LAYER(Name)
/// Cosine of the angle between x1 and x2 over dimension dim, which goes.
KILN_DISTANCE(CosineSimilarity);
/// p-norm of x1 - x2 over the last dimension: [N, D], [N, D] -> [N].
KILN_DISTANCE(PairwiseDistance);
#undef KILN_DISTANCE

} // namespace kiln::nn
