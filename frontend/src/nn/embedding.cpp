// Embedding and EmbeddingBag.
#include "kiln/nn/embedding.h"

#include "core/shapes.h"
#include "kiln/nn/functional.h"
#include "kiln/nn/init.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(Embedding)
KILN_LAYER_DEFINITION(EmbeddingBag)

namespace F = functional;

namespace {

// What the two layers share: their options have the same names.

/// A padding_idx below 0 counts from the end.
template <class Options> void resolve_padding(const char* layer, Options& options) {
  auto& padding = options.padding_idx();
  if (!padding) return;
  const std::int64_t rows = options.num_embeddings();
  if (*padding >= rows || *padding < -rows)
    throw Error(std::string(layer) + ": Padding_idx must be within num_embeddings (" + std::to_string(rows) +
                "), got " + std::to_string(*padding));
  if (*padding < 0) *padding += rows;
}

/// options._weight(), or one to be filled; `given` tells which.
template <class Options> Tensor table_of(const char* layer, const Options& options, bool& given) {
  const Tensor& weight = options._weight();
  given = weight.defined();
  if (!given) return empty({options.num_embeddings(), options.embedding_dim()});
  if (weight.dim() != 2 || weight.size(0) != options.num_embeddings() ||
      weight.size(1) != options.embedding_dim())
    throw Error(std::string(layer) + ": Shape of _weight " + internal::sizes_of(weight) +
                " does not match num_embeddings " + std::to_string(options.num_embeddings()) +
                " and embedding_dim " + std::to_string(options.embedding_dim()));
  return weight;
}

template <class Options> void fill(Tensor& weight, const Options& options) {
  NoGradGuard no_grad;
  init::normal_(weight);
  if (options.padding_idx()) weight[*options.padding_idx()].zero_();
}

template <class Options> void print_norm(std::ostream& stream, const Options& options) {
  if (options.max_norm()) stream << ", max_norm=" << *options.max_norm();
  if (options.norm_type() != 2) stream << ", norm_type=" << options.norm_type();
  if (options.scale_grad_by_freq()) stream << ", scale_grad_by_freq=true";
  if (options.sparse()) stream << ", sparse=true";
}

void check_pretrained(const char* layer, const Tensor& embeddings) {
  if (embeddings.dim() != 2)
    throw Error(std::string(layer) +
                "::from_pretrained: Embeddings parameter is expected to be 2-dimensional, got " +
                internal::sizes_of(embeddings));
}

} // namespace

void EmbeddingImpl::reset() {
  resolve_padding("Embedding", options);
  bool given = false;
  weight = register_parameter("weight", table_of("Embedding", options, given));
  if (!given) reset_parameters();
}
void EmbeddingImpl::reset_parameters() {
  fill(weight, options);
}
void EmbeddingImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Embedding(num_embeddings=" << options.num_embeddings()
         << ", embedding_dim=" << options.embedding_dim();
  if (options.padding_idx()) stream << ", padding_idx=" << *options.padding_idx();
  print_norm(stream, options);
  stream << ")";
}
Tensor EmbeddingImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return F::embedding(x, weight,
                      F::EmbeddingFuncOptions()
                          .padding_idx(options.padding_idx())
                          .max_norm(options.max_norm())
                          .norm_type(options.norm_type())
                          .scale_grad_by_freq(options.scale_grad_by_freq())
                          .sparse(options.sparse()));
}

Embedding Embedding::from_pretrained(const Tensor& embeddings,
                                     const EmbeddingFromPretrainedOptions& options) {
  check_pretrained("Embedding", embeddings);
  Embedding embedding(EmbeddingOptions(embeddings.size(0), embeddings.size(1))
                          ._weight(embeddings)
                          .padding_idx(options.padding_idx())
                          .max_norm(options.max_norm())
                          .norm_type(options.norm_type())
                          .scale_grad_by_freq(options.scale_grad_by_freq())
                          .sparse(options.sparse()));
  embedding->weight.requires_grad_(!options.freeze());
  return embedding;
}

const char* EmbeddingBagMode::name() const {
  constexpr const char* kNames[] = {"kSum", "kMean", "kMax"};
  return kNames[value_];
}

void EmbeddingBagImpl::reset() {
  resolve_padding("EmbeddingBag", options);
  bool given = false;
  weight = register_parameter("weight", table_of("EmbeddingBag", options, given));
  if (!given) reset_parameters();
}
void EmbeddingBagImpl::reset_parameters() {
  fill(weight, options);
}
void EmbeddingBagImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "EmbeddingBag(num_embeddings=" << options.num_embeddings()
         << ", embedding_dim=" << options.embedding_dim();
  print_norm(stream, options);
  if (options.mode() != kMean) stream << ", mode=" << options.mode().name();
  if (options.include_last_offset()) stream << ", include_last_offset=true";
  if (options.padding_idx()) stream << ", padding_idx=" << *options.padding_idx();
  stream << ")";
}
Tensor EmbeddingBagImpl::forward(const Tensor& input, const Tensor& offsets,
                                 const Tensor& per_sample_weights) {
  internal::ModuleCall scope(internal_state());
  return F::embedding_bag(input, weight,
                          F::EmbeddingBagFuncOptions()
                              .offsets(offsets)
                              .max_norm(options.max_norm())
                              .norm_type(options.norm_type())
                              .scale_grad_by_freq(options.scale_grad_by_freq())
                              .mode(options.mode())
                              .sparse(options.sparse())
                              .per_sample_weights(per_sample_weights)
                              .include_last_offset(options.include_last_offset())
                              .padding_idx(options.padding_idx()));
}

EmbeddingBag EmbeddingBag::from_pretrained(const Tensor& embeddings,
                                           const EmbeddingBagFromPretrainedOptions& options) {
  check_pretrained("EmbeddingBag", embeddings);
  EmbeddingBag bag(EmbeddingBagOptions(embeddings.size(0), embeddings.size(1))
                       ._weight(embeddings)
                       .max_norm(options.max_norm())
                       .norm_type(options.norm_type())
                       .scale_grad_by_freq(options.scale_grad_by_freq())
                       .mode(options.mode())
                       .sparse(options.sparse())
                       .include_last_offset(options.include_last_offset())
                       .padding_idx(options.padding_idx()));
  bag->weight.requires_grad_(!options.freeze());
  return bag;
}

} // namespace kiln::nn
