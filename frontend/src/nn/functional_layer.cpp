// nn::functional: options unpacked for the layers of kiln::.
#include "kiln/nn/functional/layer.h"

#include "nn/inplace.h"

namespace kiln::nn::functional {

namespace {
Tensor all_zero_at_one(const Tensor& x, double p, bool train) {
  return p == 1 ? x * 0 : kiln::dropout(x, p, train);
}
} // namespace

#define KILN_DROPOUT(name, function)                                                                         \
  Tensor name(Tensor x, const DropoutFuncOptions& options) {                                                 \
    const double p = options.p();                                                                            \
    if (!(p >= 0 && p <= 1))                                                                                 \
      throw Error(#name ": dropout probability has to be between 0 and 1, but got " + std::to_string(p));    \
    if (!options.training() || p == 0) return x;                                                             \
    return internal::into(x, function(x, p, true), options.inplace());                                       \
  }
KILN_DROPOUT(dropout, all_zero_at_one)
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
