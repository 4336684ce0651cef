// The layers of a Transformer.
#include "kiln/nn/transformerlayer.h"

#include "kiln/nn/init.h"
#include "kiln/nn/ops.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(TransformerEncoderLayer)
KILN_LAYER_DEFINITION(TransformerDecoderLayer)

activation_t::activation_t(enumtype::kReLU) : function_([](const Tensor& x) { return relu(x); }) {}
activation_t::activation_t(enumtype::kGELU) : function_([](const Tensor& x) { return gelu(x); }) {}

TransformerEncoderLayerOptions::TransformerEncoderLayerOptions(std::int64_t d_model, std::int64_t nhead)
    : d_model_(d_model), nhead_(nhead) {}
KILN_ARG_SETTER(TransformerEncoderLayerOptions, activation_t, activation)

namespace {

/// x + branch, where either the branch's argument or the sum is normalised.
template <class Branch> Tensor add_and_norm(const Tensor& x, LayerNorm& norm, bool first, Branch branch) {
  return first ? x + branch(norm(x)) : norm(x + branch(x));
}

MultiheadAttention make_attention(const TransformerEncoderLayerOptions& options) {
  return MultiheadAttention(
      MultiheadAttentionOptions(options.d_model(), options.nhead()).dropout(options.dropout()));
}
LayerNorm make_norm(const TransformerEncoderLayerOptions& options) {
  return LayerNorm(LayerNormOptions({options.d_model()}));
}

} // namespace

TransformerEncoderLayerImpl::TransformerEncoderLayerImpl(std::int64_t d_model, std::int64_t nhead)
    : TransformerEncoderLayerImpl(TransformerEncoderLayerOptions(d_model, nhead)) {}
TransformerEncoderLayerImpl::TransformerEncoderLayerImpl(TransformerEncoderLayerOptions options_)
    : options(std::move(options_)) {
  TransformerEncoderLayerImpl::reset();
}

void TransformerEncoderLayerImpl::reset() {
  self_attn = register_module("self_attn", make_attention(options));
  linear1 = register_module("linear1", Linear(options.d_model(), options.dim_feedforward()));
  dropout = register_module("dropout", Dropout(options.dropout()));
  linear2 = register_module("linear2", Linear(options.dim_feedforward(), options.d_model()));
  norm1 = register_module("norm1", make_norm(options));
  norm2 = register_module("norm2", make_norm(options));
  dropout1 = register_module("dropout1", Dropout(options.dropout()));
  dropout2 = register_module("dropout2", Dropout(options.dropout()));
}
void TransformerEncoderLayerImpl::reset_parameters() {
  self_attn->_reset_parameters();
  linear1->reset_parameters();
  linear2->reset_parameters();
  norm1->reset_parameters();
  norm2->reset_parameters();
}
void TransformerEncoderLayerImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "TransformerEncoderLayer";
}

Tensor TransformerEncoderLayerImpl::forward(const Tensor& src, const Tensor& src_mask,
                                            const Tensor& src_key_padding_mask) {
  internal::ModuleCall scope(internal_state());
  const bool first = options.norm_first();
  const Tensor attended = add_and_norm(src, norm1, first, [&](const Tensor& x) {
    return dropout1(std::get<0>(self_attn(x, x, x, src_key_padding_mask, false, src_mask)));
  });
  return add_and_norm(attended, norm2, first, [&](const Tensor& x) {
    return dropout2(linear2(dropout(options.activation()(linear1(x)))));
  });
}

TransformerDecoderLayerImpl::TransformerDecoderLayerImpl(std::int64_t d_model, std::int64_t nhead)
    : TransformerDecoderLayerImpl(TransformerDecoderLayerOptions(d_model, nhead)) {}
TransformerDecoderLayerImpl::TransformerDecoderLayerImpl(TransformerDecoderLayerOptions options_)
    : options(std::move(options_)) {
  TransformerDecoderLayerImpl::reset();
}

void TransformerDecoderLayerImpl::reset() {
  // In the order of Python's: optimizers count parameters.
  self_attn = register_module("self_attn", make_attention(options));
  multihead_attn = register_module("multihead_attn", make_attention(options));
  linear1 = register_module("linear1", Linear(options.d_model(), options.dim_feedforward()));
  dropout = register_module("dropout", Dropout(options.dropout()));
  linear2 = register_module("linear2", Linear(options.dim_feedforward(), options.d_model()));
  norm1 = register_module("norm1", make_norm(options));
  norm2 = register_module("norm2", make_norm(options));
  norm3 = register_module("norm3", make_norm(options));
  dropout1 = register_module("dropout1", Dropout(options.dropout()));
  dropout2 = register_module("dropout2", Dropout(options.dropout()));
  dropout3 = register_module("dropout3", Dropout(options.dropout()));
}
void TransformerDecoderLayerImpl::reset_parameters() {
  self_attn->_reset_parameters();
  multihead_attn->_reset_parameters();
  linear1->reset_parameters();
  linear2->reset_parameters();
  norm1->reset_parameters();
  norm2->reset_parameters();
  norm3->reset_parameters();
}
void TransformerDecoderLayerImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "TransformerDecoderLayer";
}

Tensor TransformerDecoderLayerImpl::forward(Tensor tgt, const Tensor& memory, const Tensor& tgt_mask,
                                            const Tensor& memory_mask, const Tensor& tgt_key_padding_mask,
                                            const Tensor& memory_key_padding_mask) {
  internal::ModuleCall scope(internal_state());
  const bool first = options.norm_first();
  tgt = add_and_norm(tgt, norm1, first, [&](const Tensor& x) {
    return dropout1(std::get<0>(self_attn(x, x, x, tgt_key_padding_mask, false, tgt_mask)));
  });
  tgt = add_and_norm(tgt, norm2, first, [&](const Tensor& x) {
    return dropout2(
        std::get<0>(multihead_attn(x, memory, memory, memory_key_padding_mask, false, memory_mask)));
  });
  return add_and_norm(tgt, norm3, first, [&](const Tensor& x) {
    return dropout3(linear2(dropout(options.activation()(linear1(x)))));
  });
}

} // namespace kiln::nn
