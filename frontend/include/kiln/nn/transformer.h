// TransformerEncoder and TransformerDecoder, stacks of copies of a layer, and Transformer, one of each.
#pragma once

#include "kiln/nn/container.h"
#include "kiln/nn/transformerlayer.h"

namespace kiln::nn {

/// A stack's layer, which is copied, how many copies, and what normalises the result.
template <class Layer, class LayerOptions> struct TransformerStackOptions {
  TransformerStackOptions(Layer layer, std::int64_t num_layers)
      : layer_(std::move(layer)), num_layers_(num_layers) {}
  TransformerStackOptions(const LayerOptions& layer_options, std::int64_t num_layers)
      : layer_(layer_options), num_layers_(num_layers) {}
  KILN_ARG(Layer, layer);
  KILN_ARG(std::int64_t, num_layers);
  KILN_ARG(AnyModule, norm) = {};
};
struct TransformerEncoderOptions
    : TransformerStackOptions<TransformerEncoderLayer, TransformerEncoderLayerOptions> {
  using TransformerStackOptions::TransformerStackOptions;
  TransformerEncoderLayer& encoder_layer() { return layer(); }
  const TransformerEncoderLayer& encoder_layer() const { return layer(); }
  TransformerEncoderOptions& norm(const AnyModule& module) {
    TransformerStackOptions::norm(module);
    return *this;
  }
  const AnyModule& norm() const { return TransformerStackOptions::norm(); }
};
struct TransformerDecoderOptions
    : TransformerStackOptions<TransformerDecoderLayer, TransformerDecoderLayerOptions> {
  using TransformerStackOptions::TransformerStackOptions;
  TransformerDecoderLayer& decoder_layer() { return layer(); }
  const TransformerDecoderLayer& decoder_layer() const { return layer(); }
  TransformerDecoderOptions& norm(const AnyModule& module) {
    TransformerStackOptions::norm(module);
    return *this;
  }
  const AnyModule& norm() const { return TransformerStackOptions::norm(); }
};

class TransformerEncoderImpl : public Cloneable<TransformerEncoderImpl> {
public:
  TransformerEncoderImpl(TransformerEncoderLayer encoder_layer, std::int64_t num_layers);
  explicit TransformerEncoderImpl(TransformerEncoderOptions options_);

  /// src: [L, N, E] -> [L, N, E]
  Tensor forward(const Tensor& src, const Tensor& src_mask = {}, const Tensor& src_key_padding_mask = {});
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;

  TransformerEncoderOptions options;
  ModuleList layers{nullptr};
  AnyModule norm;
};
KILN_LAYER(TransformerEncoder);

class TransformerDecoderImpl : public Cloneable<TransformerDecoderImpl> {
public:
  TransformerDecoderImpl(TransformerDecoderLayer decoder_layer, std::int64_t num_layers);
  explicit TransformerDecoderImpl(TransformerDecoderOptions options_);

  /// tgt: [L, N, E]; memory: [S, N, E] -> [L, N, E]
  Tensor forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask = {},
                 const Tensor& memory_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {});
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;

  TransformerDecoderOptions options;
  ModuleList layers{nullptr};
  AnyModule norm;
};
KILN_LAYER(TransformerDecoder);

struct TransformerOptions {
  TransformerOptions();
  TransformerOptions(std::int64_t d_model, std::int64_t nhead);
  TransformerOptions(std::int64_t d_model, std::int64_t nhead, std::int64_t num_encoder_layers,
                     std::int64_t num_decoder_layers);
  KILN_ARG(std::int64_t, d_model) = 512;
  KILN_ARG(std::int64_t, nhead) = 8;
  KILN_ARG(std::int64_t, num_encoder_layers) = 6;
  KILN_ARG(std::int64_t, num_decoder_layers) = 6;
  KILN_ARG(std::int64_t, dim_feedforward) = 2048;
  KILN_ARG(double, dropout) = 0.1;
  KILN_DECLARED_ARG(activation_t, activation) = kReLU;
  KILN_ARG(AnyModule, custom_encoder) = {}; ///< called as TransformerEncoder
  KILN_ARG(AnyModule, custom_decoder) = {}; ///< called as TransformerDecoder
};

/// Encoder and decoder, both with a final LayerNorm. As torch.nn.Transformer.
class TransformerImpl : public Cloneable<TransformerImpl> {
public:
  TransformerImpl();
  explicit TransformerImpl(TransformerOptions options_);

  /// src: [S, N, E]; tgt: [L, N, E] -> [L, N, E]
  Tensor forward(const Tensor& src, const Tensor& tgt, const Tensor& src_mask = {},
                 const Tensor& tgt_mask = {}, const Tensor& memory_mask = {},
                 const Tensor& src_key_padding_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {});
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  /// [sz, sz]: 0 where a position may look (itself and before), else minus infinity.
  static Tensor generate_square_subsequent_mask(std::int64_t sz);

  TransformerOptions options;
  AnyModule encoder, decoder;
};
KILN_LAYER(Transformer);

} // namespace kiln::nn
