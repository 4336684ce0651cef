// Dropout, of elements or whole channels, and the kind that SELU networks need.
#pragma once

#include "kiln/arg.h"
#include "kiln/module.h"

namespace kiln::nn {

struct DropoutOptions {
  DropoutOptions(double p = 0.5) : p_(p) {}
  KILN_ARG(double, p);
  KILN_ARG(bool, inplace) = false;
};

/// In training, each element is zero with probability p, else divided by 1 - p. Throws Error for p outside
/// [0, 1].
class DropoutImpl : public Cloneable<DropoutImpl> {
public:
  explicit DropoutImpl(double p) : DropoutImpl(DropoutOptions(p)) {}
  explicit DropoutImpl(const DropoutOptions& options_ = {}) : options(options_) { DropoutImpl::reset(); }
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(Tensor x);

  DropoutOptions options;
};
KILN_LAYER(Dropout);

using Dropout2dOptions = DropoutOptions;
using Dropout3dOptions = DropoutOptions;
using AlphaDropoutOptions = DropoutOptions;
using FeatureAlphaDropoutOptions = DropoutOptions;

#define KILN_DROPOUT(Name)                                                                                   \
  class Name##Impl : public Cloneable<Name##Impl> {                                                          \
  public:                                                                                                    \
    explicit Name##Impl(double p) : Name##Impl(DropoutOptions(p)) {}                                         \
    explicit Name##Impl(const DropoutOptions& options_ = {}) : options(options_) { Name##Impl::reset(); }    \
    void reset() override;                                                                                   \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(Tensor x);                                                                                \
                                                                                                             \
    DropoutOptions options;                                                                                  \
  };                                                                                                         \
  KILN_LAYER(Name)
/// x: [N, C, ...]: whole channels are zero with probability p, the others divided by 1 - p.
KILN_DROPOUT(Dropout2d);
KILN_DROPOUT(Dropout3d);
/// What is dropped takes SELU's lowest value; mean and variance stay as they are.
KILN_DROPOUT(AlphaDropout);
KILN_DROPOUT(FeatureAlphaDropout); // of whole channels
#undef KILN_DROPOUT

} // namespace kiln::nn
