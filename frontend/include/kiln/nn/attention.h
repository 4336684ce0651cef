// MultiheadAttention.
#pragma once

#include "kiln/arg.h"
#include "kiln/nn/linear.h"

#include <tuple>

namespace kiln::nn {

struct MultiheadAttentionOptions {
  MultiheadAttentionOptions(std::int64_t embed_dim, std::int64_t num_heads)
      : embed_dim_(embed_dim), num_heads_(num_heads), kdim_(embed_dim), vdim_(embed_dim) {}
  KILN_ARG(std::int64_t, embed_dim);
  KILN_ARG(std::int64_t, num_heads); ///< must divide embed_dim
  KILN_ARG(double, dropout) = 0.0;   ///< of attention weights
  KILN_ARG(bool, bias) = true;
  KILN_ARG(bool, add_bias_kv) = false;   ///< a learned key and value more
  KILN_ARG(bool, add_zero_attn) = false; ///< a key and value of zeros more
  KILN_ARG(std::int64_t, kdim);          ///< features of key; embed_dim
  KILN_ARG(std::int64_t, vdim);          ///< features of value; embed_dim
};

/// Scaled dot-product attention in several heads. Parameters as torch.nn.MultiheadAttention's:
/// in_proj_weight [3E, E] (or q_proj_weight, k_proj_weight and v_proj_weight when kdim or vdim differ from
/// E), in_proj_bias [3E], out_proj.weight, out_proj.bias, bias_k and bias_v [1, 1, E].
class MultiheadAttentionImpl : public Cloneable<MultiheadAttentionImpl> {
public:
  MultiheadAttentionImpl(std::int64_t embed_dim, std::int64_t num_heads)
      : MultiheadAttentionImpl(MultiheadAttentionOptions(embed_dim, num_heads)) {}
  explicit MultiheadAttentionImpl(const MultiheadAttentionOptions& options_);

  /// query: [L, N, E]; key: [S, N, kdim]; value: [S, N, vdim]. key_padding_mask: [N, S], true (or -inf): not
  /// looked at. attn_mask: [L, S] or [N * heads, L, S], bool as before or added to the scores. Returns
  /// [L, N, E] and the weights: [N, L, S] averaged over heads, [N, heads, L, S] without average_attn_weights,
  /// undefined without need_weights.
  std::tuple<Tensor, Tensor> forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                     const Tensor& key_padding_mask = {}, bool need_weights = true,
                                     const Tensor& attn_mask = {}, bool average_attn_weights = true);
  void reset() override;
  void _reset_parameters();
  void pretty_print(std::ostream& stream) const override;

  MultiheadAttentionOptions options;
  bool _qkv_same_embed_dim = true;
  Tensor in_proj_weight, in_proj_bias, bias_k, bias_v;
  Tensor q_proj_weight, k_proj_weight, v_proj_weight;
  Linear out_proj{nullptr};
  std::int64_t head_dim = 0;
};
KILN_LAYER(MultiheadAttention);

namespace functional {

struct MultiheadAttentionForwardFuncOptions {
  MultiheadAttentionForwardFuncOptions(std::int64_t embed_dim_to_check, std::int64_t num_heads,
                                       Tensor in_proj_weight, Tensor in_proj_bias, Tensor bias_k,
                                       Tensor bias_v, bool add_zero_attn, double dropout_p,
                                       Tensor out_proj_weight, Tensor out_proj_bias)
      : embed_dim_to_check_(embed_dim_to_check), num_heads_(num_heads),
        in_proj_weight_(std::move(in_proj_weight)), in_proj_bias_(std::move(in_proj_bias)),
        bias_k_(std::move(bias_k)), bias_v_(std::move(bias_v)), add_zero_attn_(add_zero_attn),
        dropout_p_(dropout_p), out_proj_weight_(std::move(out_proj_weight)),
        out_proj_bias_(std::move(out_proj_bias)) {}
  KILN_ARG(std::int64_t, embed_dim_to_check);
  KILN_ARG(std::int64_t, num_heads);
  KILN_ARG(Tensor, in_proj_weight); ///< [3E, E]; unused with use_separate_proj_weight
  KILN_ARG(Tensor, in_proj_bias);   ///< [3E] or undefined
  KILN_ARG(Tensor, bias_k);
  KILN_ARG(Tensor, bias_v);
  KILN_ARG(bool, add_zero_attn);
  KILN_ARG(double, dropout_p);
  KILN_ARG(Tensor, out_proj_weight);
  KILN_ARG(Tensor, out_proj_bias);
  KILN_ARG(bool, training) = true;
  KILN_ARG(Tensor, key_padding_mask) = {};
  KILN_ARG(bool, need_weights) = true;
  KILN_ARG(Tensor, attn_mask) = {};
  KILN_ARG(bool, use_separate_proj_weight) = false;
  KILN_ARG(Tensor, q_proj_weight) = {};
  KILN_ARG(Tensor, k_proj_weight) = {};
  KILN_ARG(Tensor, v_proj_weight) = {};
  KILN_ARG(Tensor, static_k) = {}; ///< [N * heads, S, E / heads]: used instead of the projected key
  KILN_ARG(Tensor, static_v) = {};
  KILN_ARG(bool, average_attn_weights) = true;
};

/// What MultiheadAttention's forward computes.
std::tuple<Tensor, Tensor> multi_head_attention_forward(const Tensor& query, const Tensor& key,
                                                        const Tensor& value,
                                                        const MultiheadAttentionForwardFuncOptions& options);

} // namespace functional
} // namespace kiln::nn
