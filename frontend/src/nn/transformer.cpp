// Stacks of Transformer layers, and the Transformer.
#include "kiln/nn/transformer.h"

#include "core/shapes.h"
#include "kiln/nn/init.h"
#include "kiln/nn/ops.h"

#include <limits>
#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(TransformerEncoder)
KILN_LAYER_DEFINITION(TransformerDecoder)
KILN_LAYER_DEFINITION(Transformer)

TransformerOptions::TransformerOptions() = default;
TransformerOptions::TransformerOptions(std::int64_t d_model, std::int64_t nhead)
    : d_model_(d_model), nhead_(nhead) {}
TransformerOptions::TransformerOptions(std::int64_t d_model, std::int64_t nhead,
                                       std::int64_t num_encoder_layers, std::int64_t num_decoder_layers)
    : d_model_(d_model), nhead_(nhead), num_encoder_layers_(num_encoder_layers),
      num_decoder_layers_(num_decoder_layers) {}
KILN_ARG_SETTER(TransformerOptions, activation_t, activation)

namespace {

/// `count` copies of `layer`, each with random parameters of its own, as LibTorch makes them.
template <class Impl> void fill(ModuleList& layers, const ModuleHolder<Impl>& layer, std::int64_t count) {
  if (count < 0)
    throw Error("Transformer: got num_layers " + std::to_string(count) + ", wanted none below 0");
  for (std::int64_t i = 0; i < count; ++i)
    layers->push_back(layer->clone());
}
template <class Layer> void reset_layers(const ModuleList& layers) {
  for (const auto& layer : *layers)
    layer->template as<Layer>()->reset_parameters();
}

} // namespace

TransformerEncoderImpl::TransformerEncoderImpl(TransformerEncoderLayer encoder_layer, std::int64_t num_layers)
    : TransformerEncoderImpl(TransformerEncoderOptions(std::move(encoder_layer), num_layers)) {}
TransformerEncoderImpl::TransformerEncoderImpl(TransformerEncoderOptions options_)
    : options(std::move(options_)) {
  TransformerEncoderImpl::reset();
}
void TransformerEncoderImpl::reset() {
  layers = register_module("layers", ModuleList());
  fill(layers, options.encoder_layer(), options.num_layers());
  if (options.norm().is_empty()) return;
  norm = options.norm().clone();
  register_module("norm", norm.ptr());
}
void TransformerEncoderImpl::reset_parameters() {
  reset_layers<TransformerEncoderLayer>(layers);
}
void TransformerEncoderImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "TransformerEncoder";
}
Tensor TransformerEncoderImpl::forward(const Tensor& src, const Tensor& src_mask,
                                       const Tensor& src_key_padding_mask) {
  internal::ModuleCall scope(internal_state());
  Tensor x = src;
  for (const auto& layer : *layers)
    x = TransformerEncoderLayer(std::dynamic_pointer_cast<TransformerEncoderLayerImpl>(layer))(
        x, src_mask, src_key_padding_mask);
  return norm.is_empty() ? x : norm.forward<Tensor>(x);
}

TransformerDecoderImpl::TransformerDecoderImpl(TransformerDecoderLayer decoder_layer, std::int64_t num_layers)
    : TransformerDecoderImpl(TransformerDecoderOptions(std::move(decoder_layer), num_layers)) {}
TransformerDecoderImpl::TransformerDecoderImpl(TransformerDecoderOptions options_)
    : options(std::move(options_)) {
  TransformerDecoderImpl::reset();
}
void TransformerDecoderImpl::reset() {
  layers = register_module("layers", ModuleList());
  fill(layers, options.decoder_layer(), options.num_layers());
  if (options.norm().is_empty()) return;
  norm = options.norm().clone();
  register_module("norm", norm.ptr());
}
void TransformerDecoderImpl::reset_parameters() {
  reset_layers<TransformerDecoderLayer>(layers);
}
void TransformerDecoderImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "TransformerDecoder";
}
Tensor TransformerDecoderImpl::forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask,
                                       const Tensor& memory_mask, const Tensor& tgt_key_padding_mask,
                                       const Tensor& memory_key_padding_mask) {
  internal::ModuleCall scope(internal_state());
  Tensor x = tgt;
  for (const auto& layer : *layers)
    x = TransformerDecoderLayer(std::dynamic_pointer_cast<TransformerDecoderLayerImpl>(layer))(
        x, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask);
  return norm.is_empty() ? x : norm.forward<Tensor>(x);
}

TransformerImpl::TransformerImpl() : TransformerImpl(TransformerOptions()) {}
TransformerImpl::TransformerImpl(TransformerOptions options_) : options(std::move(options_)) {
  TransformerImpl::reset();
}

void TransformerImpl::reset() {
  const auto layer = TransformerEncoderLayerOptions(options.d_model(), options.nhead())
                         .dim_feedforward(options.dim_feedforward())
                         .dropout(options.dropout())
                         .activation(options.activation());
  auto norm = [&] { return AnyModule(LayerNorm(LayerNormOptions({options.d_model()}))); };
  encoder = options.custom_encoder().is_empty()
                ? AnyModule(TransformerEncoder(
                      TransformerEncoderOptions(layer, options.num_encoder_layers()).norm(norm())))
                : options.custom_encoder().clone();
  register_module("encoder", encoder.ptr());
  decoder = options.custom_decoder().is_empty()
                ? AnyModule(TransformerDecoder(
                      TransformerDecoderOptions(layer, options.num_decoder_layers()).norm(norm())))
                : options.custom_decoder().clone();
  register_module("decoder", decoder.ptr());
  reset_parameters();
}
void TransformerImpl::reset_parameters() {
  for (const Tensor& parameter : parameters())
    if (parameter.dim() > 1) init::xavier_uniform_(parameter);
}
void TransformerImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Transformer";
}

Tensor TransformerImpl::forward(const Tensor& src, const Tensor& tgt, const Tensor& src_mask,
                                const Tensor& tgt_mask, const Tensor& memory_mask,
                                const Tensor& src_key_padding_mask, const Tensor& tgt_key_padding_mask,
                                const Tensor& memory_key_padding_mask) {
  internal::ModuleCall scope(internal_state());
  for (const Tensor* x : {&src, &tgt})
    if (!x->defined() || x->dim() != 3 || x->size(2) != options.d_model())
      throw Error("Transformer: src and tgt should have 3 dimensions [length, batch, " +
                  std::to_string(options.d_model()) + "], got " +
                  (x->defined() ? internal::sizes_of(*x) : "an undefined tensor"));
  if (src.size(1) != tgt.size(1))
    throw Error("Transformer: src and tgt should have equal batch size (at dim 1), got " +
                std::to_string(src.size(1)) + " and " + std::to_string(tgt.size(1)));
  const auto memory = encoder.forward<Tensor>(src, src_mask, src_key_padding_mask);
  return decoder.forward<Tensor>(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask,
                                 memory_key_padding_mask);
}

Tensor TransformerImpl::generate_square_subsequent_mask(std::int64_t sz) {
  if (sz < 1)
    throw Error("Transformer: Input size must be non-negative to generate a valid square subsequent mask, "
                "but got " +
                std::to_string(sz));
  const Tensor position = arange(sz);
  return where(position > position.unsqueeze(1), full({}, -std::numeric_limits<float>::infinity()),
               zeros({}));
}

} // namespace kiln::nn
