// LayerNorm.
#pragma once

#include "kiln/arg.h"
#include "kiln/module.h"

namespace kiln::nn {

struct LayerNormOptions {
  LayerNormOptions(std::vector<std::int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  KILN_ARG(std::vector<std::int64_t>, normalized_shape);
  KILN_ARG(double, eps) = 1e-5;
  KILN_ARG(bool, elementwise_affine) = true;
};

/// Mean 0 and variance 1 over the last dimensions, which must be normalized_shape; then times weight plus
/// bias.
class LayerNormImpl : public Cloneable<LayerNormImpl> {
public:
  LayerNormImpl(std::vector<std::int64_t> normalized_shape)
      : LayerNormImpl(LayerNormOptions(std::move(normalized_shape))) {}
  explicit LayerNormImpl(LayerNormOptions options_) : options(std::move(options_)) { LayerNormImpl::reset(); }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  LayerNormOptions options;
  Tensor weight, bias; ///< of normalized_shape; undefined without elementwise_affine
};
KILN_LAYER(LayerNorm);

} // namespace kiln::nn
