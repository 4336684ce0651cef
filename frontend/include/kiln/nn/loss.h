// Loss modules and their options. Each calls the function of kiln/nn/ops.h that bears its name.
#pragma once

#include "kiln/arg.h"
#include "kiln/enum.h"
#include "kiln/module.h"

namespace kiln::nn {

struct MSELossOptions {
  MSELossOptions(reduction_t reduction = kMean) : reduction_(reduction) {}
  KILN_ARG(reduction_t, reduction);
};
struct L1LossOptions {
  L1LossOptions(reduction_t reduction = kMean) : reduction_(reduction) {}
  KILN_ARG(reduction_t, reduction);
};
struct SmoothL1LossOptions {
  SmoothL1LossOptions(reduction_t reduction = kMean) : reduction_(reduction) {}
  KILN_ARG(reduction_t, reduction);
  KILN_ARG(double, beta) = 1.0;
};
struct HuberLossOptions {
  HuberLossOptions(reduction_t reduction = kMean) : reduction_(reduction) {}
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

#define KILN_LOSS(Name, Base)                                                                                \
  class Name##Impl : public detail::Base<Name##Impl, Name##Options> {                                        \
  public:                                                                                                    \
    using Base::Base;                                                                                        \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(const Tensor& input, const Tensor& target);                                               \
  };                                                                                                         \
  KILN_LAYER(Name)
KILN_LOSS(MSELoss, Loss);
KILN_LOSS(L1Loss, Loss);
KILN_LOSS(SmoothL1Loss, Loss);
KILN_LOSS(HuberLoss, Loss);
KILN_LOSS(BCELoss, WeightedLoss);
KILN_LOSS(BCEWithLogitsLoss, WeightedLoss);
KILN_LOSS(NLLLoss, WeightedLoss);
KILN_LOSS(CrossEntropyLoss, WeightedLoss);
#undef KILN_LOSS

} // namespace kiln::nn
