// LayerNorm.
#include "kiln/nn/normalization.h"

#include "kiln/nn/init.h"
#include "kiln/ops.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(LayerNorm)

void LayerNormImpl::reset() {
  const auto& shape = options.normalized_shape();
  if (shape.empty()) throw Error("LayerNorm: Expected normalized_shape to be at least 1-dimensional, got []");
  const bool affine = options.elementwise_affine();
  weight = register_parameter("weight", affine ? kiln::empty(shape) : Tensor(), affine);
  bias = register_parameter("bias", affine ? kiln::empty(shape) : Tensor(), affine);
  reset_parameters();
}
void LayerNormImpl::reset_parameters() {
  if (!options.elementwise_affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}
void LayerNormImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "LayerNorm(" << IntArrayRef(options.normalized_shape())
         << ", eps=" << options.eps()
         << ", elementwise_affine=" << (options.elementwise_affine() ? "true" : "false") << ")";
}
Tensor LayerNormImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return layer_norm(x, options.normalized_shape(), weight, bias, options.eps());
}

} // namespace kiln::nn
