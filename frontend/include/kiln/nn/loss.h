// Loss modules and their options. Each calls the function of kiln/nn/ops.h that bears its name; the shapes
// are said there.
#pragma once

#include "kiln/arg.h"
#include "kiln/enum.h"
#include "kiln/module.h"

#include <functional>
#include <type_traits>

namespace kiln::nn {

// From a reduction's name, so that `MSELoss(kSum)` is one conversion.
#define KILN_REDUCTION_CONSTRUCTOR(Options, reduction_type)                                                  \
  Options() : reduction_(kMean) {}                                                                           \
  template <class T>                                                                                         \
    requires std::is_convertible_v<T, reduction_type>                                                        \
  Options(T reduction) : reduction_(reduction) {}

struct MSELossOptions {
  KILN_REDUCTION_CONSTRUCTOR(MSELossOptions, reduction_t)
  KILN_ARG(reduction_t, reduction);
};
struct L1LossOptions {
  KILN_REDUCTION_CONSTRUCTOR(L1LossOptions, reduction_t)
  KILN_ARG(reduction_t, reduction);
};
struct SmoothL1LossOptions {
  KILN_REDUCTION_CONSTRUCTOR(SmoothL1LossOptions, reduction_t)
  KILN_ARG(reduction_t, reduction);
  KILN_ARG(double, beta) = 1.0;
};
struct HuberLossOptions {
  KILN_REDUCTION_CONSTRUCTOR(HuberLossOptions, reduction_t)
  KILN_ARG(reduction_t, reduction);
  KILN_ARG(double, delta) = 1.0;
};
struct BCELossOptions {
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct BCEWithLogitsLossOptions {
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(reduction_t, reduction) = kMean;
  KILN_ARG(Tensor, pos_weight) = {};
};
struct NLLLossOptions {
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(std::int64_t, ignore_index) = -100;
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct CrossEntropyLossOptions {
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(std::int64_t, ignore_index) = -100;
  KILN_ARG(reduction_t, reduction) = kMean;
  KILN_ARG(double, label_smoothing) = 0.0;
};

/// kNone, kMean, kSum, or kBatchMean: the sum over the size of the batch, which is the divergence as
/// mathematics has it.
class kl_reduction_t {
public:
  constexpr kl_reduction_t(enumtype::kBatchMean) : value_(Reduction::Sum), batch_mean_(true) {}
  template <class T>
    requires std::is_convertible_v<T, reduction_t>
  constexpr kl_reduction_t(T reduction) : value_(reduction_t(reduction).value()) {}
  constexpr Reduction::Reduction value() const { return value_; } ///< Sum for kBatchMean
  constexpr bool batch_mean() const { return batch_mean_; }
  bool operator==(const kl_reduction_t&) const = default;

private:
  Reduction::Reduction value_;
  bool batch_mean_ = false;
};

struct KLDivLossOptions {
  KILN_REDUCTION_CONSTRUCTOR(KLDivLossOptions, kl_reduction_t)
  using reduction_t = kl_reduction_t;
  KILN_ARG(kl_reduction_t, reduction);
  KILN_ARG(bool, log_target) = false; ///< the target holds logarithms, too
};
struct PoissonNLLLossOptions {
  KILN_ARG(bool, log_input) = true; ///< the input holds logarithms of rates
  KILN_ARG(bool, full) = false;     ///< add Stirling's approximation of log(target!)
  KILN_ARG(double, eps) = 1e-8;     ///< keeps the logarithm of a rate finite
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct GaussianNLLLossOptions {
  KILN_ARG(bool, full) = false; ///< add the constant, log(2 pi) / 2
  KILN_ARG(double, eps) = 1e-6; ///< variances are kept above it
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct HingeEmbeddingLossOptions {
  KILN_ARG(double, margin) = 1.0;
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct CosineEmbeddingLossOptions {
  KILN_ARG(double, margin) = 0.0;
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct MarginRankingLossOptions {
  KILN_ARG(double, margin) = 0;
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct TripletMarginLossOptions {
  KILN_ARG(double, margin) = 1.0;
  KILN_ARG(double, p) = 2.0;
  KILN_ARG(double, eps) = 1e-6;
  KILN_ARG(bool, swap) = false; ///< the negative's distance is that to the nearer of anchor and positive
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct TripletMarginWithDistanceLossOptions {
  using distance_function_t = std::function<Tensor(const Tensor&, const Tensor&)>;
  KILN_DECLARED_ARG(std::optional<distance_function_t>,
                    distance_function) = std::nullopt; ///< pairwise_distance
  KILN_ARG(double, margin) = 1.0;
  KILN_ARG(bool, swap) = false;
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct MultiMarginLossOptions {
  KILN_ARG(std::int64_t, p) = 1;
  KILN_ARG(double, margin) = 1.0;
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(reduction_t, reduction) = kMean;
};
struct MultiLabelMarginLossOptions {
  KILN_REDUCTION_CONSTRUCTOR(MultiLabelMarginLossOptions, reduction_t)
  KILN_ARG(reduction_t, reduction);
};
struct SoftMarginLossOptions {
  KILN_REDUCTION_CONSTRUCTOR(SoftMarginLossOptions, reduction_t)
  KILN_ARG(reduction_t, reduction);
};
struct MultiLabelSoftMarginLossOptions {
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(reduction_t, reduction) = kMean;
};

#undef KILN_REDUCTION_CONSTRUCTOR

namespace detail {
template <class Derived, class Options> class Loss : public Cloneable<Derived> {
public:
  explicit Loss(const Options& options_ = {}) : options(options_) {}
  void reset() override {}
  Options options;
};
/// A loss that weighs elements or classes: its weight is a buffer, so that it moves with the module.
template <class Derived, class Options> class WeightedLoss : public Cloneable<Derived> {
public:
  explicit WeightedLoss(const Options& options_ = {}) : options(options_) { WeightedLoss::reset(); }
  void reset() override {
    weight = this->register_buffer("weight", options.weight());
    if constexpr (requires { options.pos_weight(); })
      pos_weight = this->register_buffer("pos_weight", options.pos_weight());
  }
  Options options;
  Tensor weight, pos_weight;
};
} // namespace detail

/// The arguments of forward are those of the function of the same name.
#define KILN_LOSS_OF(Name, Base, ...)                                                                        \
  class Name##Impl : public detail::Base<Name##Impl, Name##Options> {                                        \
  public:                                                                                                    \
    using Base::Base;                                                                                        \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(__VA_ARGS__);                                                                             \
  };                                                                                                         \
  KILN_LAYER(Name)
#define KILN_LOSS(Name, Base) KILN_LOSS_OF(Name, Base, const Tensor& input, const Tensor& target)
KILN_LOSS(MSELoss, Loss);
KILN_LOSS(L1Loss, Loss);
KILN_LOSS(SmoothL1Loss, Loss);
KILN_LOSS(HuberLoss, Loss);
KILN_LOSS(BCELoss, WeightedLoss);
KILN_LOSS(BCEWithLogitsLoss, WeightedLoss);
KILN_LOSS(NLLLoss, WeightedLoss);
KILN_LOSS(CrossEntropyLoss, WeightedLoss);
KILN_LOSS(KLDivLoss, Loss);
KILN_LOSS_OF(PoissonNLLLoss, Loss, const Tensor& log_input, const Tensor& target);
KILN_LOSS_OF(GaussianNLLLoss, Loss, const Tensor& input, const Tensor& target, const Tensor& var);
KILN_LOSS(HingeEmbeddingLoss, Loss);
KILN_LOSS_OF(CosineEmbeddingLoss, Loss, const Tensor& input1, const Tensor& input2, const Tensor& target);
KILN_LOSS_OF(MarginRankingLoss, Loss, const Tensor& input1, const Tensor& input2, const Tensor& target);
KILN_LOSS_OF(TripletMarginLoss, Loss, const Tensor& anchor, const Tensor& positive, const Tensor& negative);
KILN_LOSS_OF(TripletMarginWithDistanceLoss, Loss, const Tensor& anchor, const Tensor& positive,
             const Tensor& negative);
KILN_LOSS(MultiMarginLoss, WeightedLoss);
KILN_LOSS(MultiLabelMarginLoss, Loss);
KILN_LOSS(SoftMarginLoss, Loss);
KILN_LOSS(MultiLabelSoftMarginLoss, WeightedLoss);
#undef KILN_LOSS
#undef KILN_LOSS_OF

} // namespace kiln::nn
