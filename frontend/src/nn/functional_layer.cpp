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

Tensor embedding(const Tensor& x, const Tensor& weight, const EmbeddingFuncOptions& options) {
  Tensor rows = kiln::embedding(weight, x);
  if (!options.padding_idx()) return rows;
  std::int64_t padding = *options.padding_idx();
  const std::int64_t count = weight.size(0);
  if (padding >= count || padding < -count)
    throw Error("embedding: Padding_idx must be within num_embeddings (" + std::to_string(count) + "), got " +
                std::to_string(padding));
  if (padding < 0) padding += count;
  return where((x == padding).unsqueeze(-1), rows.detach(), rows); // no gradient for the padding row
}

} // namespace kiln::nn::functional
