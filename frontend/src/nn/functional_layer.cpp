// nn::functional: options unpacked for the layers of kiln::.
#include "kiln/nn/functional/layer.h"

#include "nn/checks.h"
#include "nn/inplace.h"

namespace kiln::nn::functional {

#define KILN_DROPOUT(name, function)                                                                         \
  Tensor name(Tensor x, const DropoutFuncOptions& options) {                                                 \
    const double p = options.p();                                                                            \
    internal::check_dropout(#name, p);                                                                       \
    if (!options.training() || p == 0) return x;                                                             \
    return internal::into(x, function(x, p, true), options.inplace());                                       \
  }
KILN_DROPOUT(dropout, kiln::dropout)
KILN_DROPOUT(dropout2d, kiln::feature_dropout)
KILN_DROPOUT(dropout3d, kiln::feature_dropout)
KILN_DROPOUT(alpha_dropout, kiln::alpha_dropout)
KILN_DROPOUT(feature_alpha_dropout, kiln::feature_alpha_dropout)
#undef KILN_DROPOUT

Tensor layer_norm(const Tensor& x, const LayerNormFuncOptions& options) {
  return kiln::layer_norm(x, options.normalized_shape(), options.weight(), options.bias(), options.eps());
}

Tensor normalize(const Tensor& x, const NormalizeFuncOptions& options) {
  const Tensor result = x / x.norm(options.p(), options.dim(), true).clamp_min(options.eps());
  if (!options.out()) return result;
  options.out()->set_data(result.detach()); // any shape, as LibTorch's resized outputs
  return *options.out();
}

} // namespace kiln::nn::functional
