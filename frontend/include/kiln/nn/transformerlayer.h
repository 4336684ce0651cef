// TransformerEncoderLayer and TransformerDecoderLayer: attention and a feed-forward network, each added to
// what it read and normalised. Sequences are [length, batch, features].
#pragma once

#include "kiln/enum.h"
#include "kiln/nn/attention.h"
#include "kiln/nn/dropout.h"
#include "kiln/nn/normalization.h"

#include <functional>
#include <type_traits>
#include <utility>

namespace kiln::nn {

/// kReLU, kGELU or any function of a tensor.
class activation_t {
public:
  activation_t(enumtype::kReLU = {});
  activation_t(enumtype::kGELU);
  template <class F>
    requires std::is_invocable_r_v<Tensor, F&, const Tensor&>
  activation_t(F function) : function_(std::move(function)) {}
  Tensor operator()(const Tensor& x) const { return function_(x); }

private:
  std::function<Tensor(const Tensor&)> function_;
};

struct TransformerEncoderLayerOptions {
  TransformerEncoderLayerOptions(std::int64_t d_model, std::int64_t nhead);
  KILN_ARG(std::int64_t, d_model); ///< features
  KILN_ARG(std::int64_t, nhead);
  KILN_ARG(std::int64_t, dim_feedforward) = 2048;
  KILN_ARG(double, dropout) = 0.1;
  KILN_DECLARED_ARG(activation_t, activation) = kReLU;
  KILN_ARG(bool, norm_first) = false; ///< normalise what attention and network read, not their sums
};
using TransformerDecoderLayerOptions = TransformerEncoderLayerOptions;

class TransformerEncoderLayerImpl : public Cloneable<TransformerEncoderLayerImpl> {
public:
  TransformerEncoderLayerImpl(std::int64_t d_model, std::int64_t nhead);
  explicit TransformerEncoderLayerImpl(TransformerEncoderLayerOptions options_);

  /// src: [L, N, E]; masks as MultiheadAttention's.
  Tensor forward(const Tensor& src, const Tensor& src_mask = {}, const Tensor& src_key_padding_mask = {});
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;

  TransformerEncoderLayerOptions options;
  MultiheadAttention self_attn{nullptr};
  Linear linear1{nullptr};
  Dropout dropout{nullptr};
  Linear linear2{nullptr};
  LayerNorm norm1{nullptr}, norm2{nullptr};
  Dropout dropout1{nullptr}, dropout2{nullptr};
};
KILN_LAYER(TransformerEncoderLayer);

class TransformerDecoderLayerImpl : public Cloneable<TransformerDecoderLayerImpl> {
public:
  TransformerDecoderLayerImpl(std::int64_t d_model, std::int64_t nhead);
  explicit TransformerDecoderLayerImpl(TransformerDecoderLayerOptions options_);

  /// tgt: [L, N, E]; memory, the encoder's output: [S, N, E].
  Tensor forward(Tensor tgt, const Tensor& memory, const Tensor& tgt_mask = {},
                 const Tensor& memory_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {});
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;

  TransformerDecoderLayerOptions options;
  MultiheadAttention self_attn{nullptr};
  Dropout dropout1{nullptr};
  LayerNorm norm1{nullptr};
  MultiheadAttention multihead_attn{nullptr};
  Dropout dropout2{nullptr};
  LayerNorm norm2{nullptr};
  Linear linear1{nullptr};
  Dropout dropout{nullptr};
  Linear linear2{nullptr};
  Dropout dropout3{nullptr};
  LayerNorm norm3{nullptr};
};
KILN_LAYER(TransformerDecoderLayer);

} // namespace kiln::nn
