// Embedding: a table of rows looked up by index.
#include "kiln/nn/embedding.h"

#include "kiln/nn/functional.h"
#include "kiln/nn/init.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(Embedding)

namespace F = functional;

void EmbeddingImpl::reset() {
  if (auto& padding = options.padding_idx()) {
    const std::int64_t rows = options.num_embeddings();
    if (*padding >= rows || *padding < -rows)
      throw Error("Embedding: Padding_idx must be within num_embeddings (" + std::to_string(rows) +
                  "), got " + std::to_string(*padding));
    if (*padding < 0) *padding += rows;
  }
  if (options._weight().defined()) {
    const Tensor& given = options._weight();
    if (given.dim() != 2 || given.size(0) != options.num_embeddings() ||
        given.size(1) != options.embedding_dim())
      throw Error("Embedding: Shape of _weight " + to_string(given.sizes().shape()) +
                  " does not match num_embeddings " + std::to_string(options.num_embeddings()) +
                  " and embedding_dim " + std::to_string(options.embedding_dim()));
    weight = register_parameter("weight", given);
    return;
  }
  weight = register_parameter("weight", empty({options.num_embeddings(), options.embedding_dim()}));
  reset_parameters();
}
void EmbeddingImpl::reset_parameters() {
  NoGradGuard no_grad;
  init::normal_(weight);
  if (options.padding_idx()) weight[*options.padding_idx()].zero_();
}
void EmbeddingImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Embedding(num_embeddings=" << options.num_embeddings()
         << ", embedding_dim=" << options.embedding_dim();
  if (options.padding_idx()) stream << ", padding_idx=" << *options.padding_idx();
  stream << ")";
}
Tensor EmbeddingImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return F::embedding(x, weight, F::EmbeddingFuncOptions().padding_idx(options.padding_idx()));
}

Embedding Embedding::from_pretrained(const Tensor& embeddings,
                                     const EmbeddingFromPretrainedOptions& options) {
  if (embeddings.dim() != 2)
    throw Error("Embedding::from_pretrained: Embeddings parameter is expected to be 2-dimensional, got " +
                to_string(embeddings.sizes().shape()));
  Embedding embedding(EmbeddingOptions(embeddings.size(0), embeddings.size(1))
                          ._weight(embeddings)
                          .padding_idx(options.padding_idx()));
  embedding->weight.requires_grad_(!options.freeze());
  return embedding;
}

} // namespace kiln::nn
