// Embedding: a table of rows looked up by index.
#pragma once

#include "kiln/arg.h"
#include "kiln/module.h"

namespace kiln::nn {

struct EmbeddingOptions {
  EmbeddingOptions(std::int64_t num_embeddings, std::int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  KILN_ARG(std::int64_t, num_embeddings);
  KILN_ARG(std::int64_t, embedding_dim);
  KILN_ARG(std::optional<std::int64_t>,
           padding_idx) = std::nullopt; ///< this row starts at zero and has no gradient
  KILN_ARG(Tensor, _weight) = Tensor(); ///< used instead of random numbers
};
struct EmbeddingFromPretrainedOptions {
  KILN_ARG(bool, freeze) = true;
  KILN_ARG(std::optional<std::int64_t>, padding_idx) = std::nullopt;
};

/// Rows of weight: x: i64 [...] -> [..., embedding_dim]. weight: [num_embeddings, embedding_dim], standard
/// normal.
class EmbeddingImpl : public Cloneable<EmbeddingImpl> {
public:
  EmbeddingImpl(std::int64_t num_embeddings, std::int64_t embedding_dim)
      : EmbeddingImpl(EmbeddingOptions(num_embeddings, embedding_dim)) {}
  explicit EmbeddingImpl(EmbeddingOptions options_) : options(std::move(options_)) { EmbeddingImpl::reset(); }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  EmbeddingOptions options;
  Tensor weight;
};
extern template class Cloneable<EmbeddingImpl>;
class Embedding : public ModuleHolder<EmbeddingImpl> {
public:
  using ModuleHolder<EmbeddingImpl>::ModuleHolder;
  using Impl = EmbeddingImpl;
  /// embeddings: [rows, columns].
  static Embedding from_pretrained(const Tensor& embeddings,
                                   const EmbeddingFromPretrainedOptions& options = {});
};

} // namespace kiln::nn
