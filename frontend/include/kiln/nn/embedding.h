// Embedding and EmbeddingBag: tables of rows looked up by index, singly or in bags that become one row.
#pragma once

#include "kiln/arg.h"
#include "kiln/enum.h"
#include "kiln/module.h"

namespace kiln::nn {

struct EmbeddingOptions {
  EmbeddingOptions(std::int64_t num_embeddings, std::int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  KILN_ARG(std::int64_t, num_embeddings);
  KILN_ARG(std::int64_t, embedding_dim);
  KILN_ARG(std::optional<std::int64_t>,
           padding_idx) = std::nullopt;                     ///< this row starts at zero and has no gradient
  KILN_ARG(std::optional<double>, max_norm) = std::nullopt; ///< longer rows are shortened, in the weight
  KILN_ARG(double, norm_type) = 2.;
  KILN_ARG(bool, scale_grad_by_freq) = false; ///< a row's gradient is divided by how often it was looked up
  KILN_ARG(bool, sparse) = false;             ///< without effect: gradients are dense
  KILN_ARG(Tensor, _weight) = Tensor();       ///< used instead of random numbers
};
struct EmbeddingFromPretrainedOptions {
  KILN_ARG(bool, freeze) = true;
  KILN_ARG(std::optional<std::int64_t>, padding_idx) = std::nullopt;
  KILN_ARG(std::optional<double>, max_norm) = std::nullopt;
  KILN_ARG(double, norm_type) = 2.;
  KILN_ARG(bool, scale_grad_by_freq) = false;
  KILN_ARG(bool, sparse) = false;
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

/// What becomes of a bag's rows: kSum, kMean or kMax.
class EmbeddingBagMode {
public:
  enum Value : std::uint8_t { Sum, Mean, Max };
  constexpr EmbeddingBagMode(enumtype::kSum) : value_(Sum) {}
  constexpr EmbeddingBagMode(enumtype::kMean) : value_(Mean) {}
  constexpr EmbeddingBagMode(enumtype::kMax) : value_(Max) {}
  constexpr Value value() const { return value_; }
  const char* name() const; ///< "kSum"
  bool operator==(const EmbeddingBagMode&) const = default;

private:
  Value value_;
};

struct EmbeddingBagOptions {
  EmbeddingBagOptions(std::int64_t num_embeddings, std::int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  KILN_ARG(std::int64_t, num_embeddings);
  KILN_ARG(std::int64_t, embedding_dim);
  KILN_ARG(std::optional<double>, max_norm) = std::nullopt; ///< longer rows are shortened, in the weight
  KILN_ARG(double, norm_type) = 2.;
  KILN_ARG(bool, scale_grad_by_freq) = false; ///< a row's gradient is divided by how often it was looked up
  KILN_ARG(bool, sparse) = false;             ///< without effect: gradients are dense
  KILN_ARG(EmbeddingBagMode, mode) = kMean;
  KILN_ARG(Tensor, _weight) = Tensor();        ///< used instead of random numbers
  KILN_ARG(bool, include_last_offset) = false; ///< offsets end with the number of indices
  KILN_ARG(std::optional<std::int64_t>, padding_idx) = std::nullopt; ///< starts at zero, and is in no bag
};
struct EmbeddingBagFromPretrainedOptions {
  KILN_ARG(bool, freeze) = true;
  KILN_ARG(std::optional<double>, max_norm) = std::nullopt;
  KILN_ARG(double, norm_type) = 2.;
  KILN_ARG(bool, scale_grad_by_freq) = false;
  KILN_ARG(bool, sparse) = false;
  KILN_ARG(EmbeddingBagMode, mode) = kMean;
  KILN_ARG(bool, include_last_offset) = false;
  KILN_ARG(std::optional<std::int64_t>, padding_idx) = std::nullopt;
};

/// Sum, mean or maximum of the rows of each bag. input: [bags, length], or [n] with offsets [bags], where
/// each bag begins -> [bags, embedding_dim]; an empty bag gives zeros. per_sample_weights: as input, with
/// kSum alone: what rows are multiplied by. weight: [num_embeddings, embedding_dim], standard normal.
class EmbeddingBagImpl : public Cloneable<EmbeddingBagImpl> {
public:
  EmbeddingBagImpl(std::int64_t num_embeddings, std::int64_t embedding_dim)
      : EmbeddingBagImpl(EmbeddingBagOptions(num_embeddings, embedding_dim)) {}
  explicit EmbeddingBagImpl(EmbeddingBagOptions options_) : options(std::move(options_)) {
    EmbeddingBagImpl::reset();
  }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& offsets = {}, const Tensor& per_sample_weights = {});

  EmbeddingBagOptions options;
  Tensor weight;
};
extern template class Cloneable<EmbeddingBagImpl>;
class EmbeddingBag : public ModuleHolder<EmbeddingBagImpl> {
public:
  using ModuleHolder<EmbeddingBagImpl>::ModuleHolder;
  using Impl = EmbeddingBagImpl;
  /// embeddings: [rows, columns].
  static EmbeddingBag from_pretrained(const Tensor& embeddings,
                                      const EmbeddingBagFromPretrainedOptions& options = {});
};

} // namespace kiln::nn
