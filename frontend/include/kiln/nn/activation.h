// Activation modules and their options. Each applies the function of the same name in kiln:: to its argument.
#pragma once

#include "kiln/arg.h"
#include "kiln/module.h"

namespace kiln::nn {

/// Options of activations whose only choice is to write the result over the argument.
struct InplaceOptions {
  InplaceOptions(bool inplace = false) : inplace_(inplace) {}
  KILN_ARG(bool, inplace);
};
using ReLUOptions = InplaceOptions;
using ReLU6Options = InplaceOptions;
using SELUOptions = InplaceOptions;

struct LeakyReLUOptions {
  KILN_ARG(double, negative_slope) = 1e-2;
  KILN_ARG(bool, inplace) = false;
};
struct ELUOptions {
  KILN_ARG(double, alpha) = 1.0;
  KILN_ARG(bool, inplace) = false;
};
struct CELUOptions {
  KILN_ARG(double, alpha) = 1.0;
  KILN_ARG(bool, inplace) = false;
};
struct GELUOptions {
  KILN_DECLARED_ARG(std::string, approximate) = "none"; ///< "none" (erf) or "tanh"
};
struct SoftplusOptions {
  KILN_ARG(double, beta) = 1.0;
  KILN_ARG(double, threshold) = 20.0;
};
struct HardtanhOptions {
  KILN_ARG(double, min_val) = -1.0;
  KILN_ARG(double, max_val) = 1.0;
  KILN_ARG(bool, inplace) = false;
};
struct ThresholdOptions {
  ThresholdOptions(double threshold, double value) : threshold_(threshold), value_(value) {}
  KILN_ARG(double, threshold);
  KILN_ARG(double, value);
  KILN_ARG(bool, inplace) = false;
};
struct HardshrinkOptions {
  HardshrinkOptions(double lambda = 0.5) : lambda_(lambda) {}
  KILN_ARG(double, lambda);
};
using SoftshrinkOptions = HardshrinkOptions;
struct GLUOptions {
  GLUOptions(std::int64_t dim = -1) : dim_(dim) {}
  KILN_ARG(std::int64_t, dim);
};
struct RReLUOptions {
  KILN_ARG(double, lower) = 1.0 / 8;
  KILN_ARG(double, upper) = 1.0 / 3;
  KILN_ARG(bool, inplace) = false;
};
struct SoftmaxOptions {
  SoftmaxOptions(std::int64_t dim) : dim_(dim) {}
  KILN_ARG(std::int64_t, dim);
};
using LogSoftmaxOptions = SoftmaxOptions;
using SoftminOptions = SoftmaxOptions;

namespace detail {
/// An activation without options: `Sigmoid()`.
template <class Derived> class PlainActivation : public Cloneable<Derived> {
public:
  void reset() override {}
};
/// An activation with options, which are also its constructor's argument.
template <class Derived, class Options> class Activation : public Cloneable<Derived> {
public:
  explicit Activation(const Options& options_ = {}) : options(options_) {}
  void reset() override {}
  Options options;
};
} // namespace detail

#define KILN_PLAIN_ACTIVATION(Name)                                                                          \
  class Name##Impl : public detail::PlainActivation<Name##Impl> {                                            \
  public:                                                                                                    \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(const Tensor& x);                                                                         \
  };                                                                                                         \
  KILN_LAYER(Name)
KILN_PLAIN_ACTIVATION(Sigmoid);
KILN_PLAIN_ACTIVATION(Tanh);
KILN_PLAIN_ACTIVATION(SiLU);
KILN_PLAIN_ACTIVATION(Mish);
KILN_PLAIN_ACTIVATION(Softsign);
KILN_PLAIN_ACTIVATION(Hardswish);
KILN_PLAIN_ACTIVATION(LogSigmoid);
KILN_PLAIN_ACTIVATION(Tanhshrink);
KILN_PLAIN_ACTIVATION(Softmax2d); ///< over the channels of [N, C, H, W] or [C, H, W]
#undef KILN_PLAIN_ACTIVATION

#define KILN_ACTIVATION(Name)                                                                                \
  class Name##Impl : public detail::Activation<Name##Impl, Name##Options> {                                  \
  public:                                                                                                    \
    using Activation::Activation;                                                                            \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(Tensor x);                                                                                \
  };                                                                                                         \
  KILN_LAYER(Name)
KILN_ACTIVATION(ReLU);
KILN_ACTIVATION(ReLU6);
KILN_ACTIVATION(SELU);
KILN_ACTIVATION(LeakyReLU);
KILN_ACTIVATION(ELU);
KILN_ACTIVATION(CELU);
KILN_ACTIVATION(GELU);
KILN_ACTIVATION(Softplus);
KILN_ACTIVATION(Hardtanh);
KILN_ACTIVATION(Hardshrink);
KILN_ACTIVATION(Softshrink);
KILN_ACTIVATION(GLU);
KILN_ACTIVATION(RReLU);
#undef KILN_ACTIVATION

struct PReLUOptions {
  PReLUOptions(std::int64_t num_parameters = 1) : num_parameters_(num_parameters) {}
  KILN_ARG(std::int64_t, num_parameters); ///< 1, or as many as channels (dimension 1)
  KILN_ARG(double, init) = 0.25;
};

/// x above zero, weight * x below, with a weight that is learned.
class PReLUImpl : public Cloneable<PReLUImpl> {
public:
  explicit PReLUImpl(const PReLUOptions& options_ = {}) : options(options_) { PReLUImpl::reset(); }
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  PReLUOptions options;
  Tensor weight; ///< [num_parameters]
};
KILN_LAYER(PReLU);

class ThresholdImpl : public Cloneable<ThresholdImpl> {
public:
  ThresholdImpl(double threshold, double value) : ThresholdImpl(ThresholdOptions(threshold, value)) {}
  explicit ThresholdImpl(const ThresholdOptions& options_) : options(options_) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(Tensor x);

  ThresholdOptions options;
};
KILN_LAYER(Threshold);

#define KILN_SOFTMAX(Name)                                                                                   \
  class Name##Impl : public Cloneable<Name##Impl> {                                                          \
  public:                                                                                                    \
    explicit Name##Impl(std::int64_t dim) : Name##Impl(SoftmaxOptions(dim)) {}                               \
    explicit Name##Impl(const SoftmaxOptions& options_) : options(options_) {}                               \
    void reset() override {}                                                                                 \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(const Tensor& x);                                                                         \
    SoftmaxOptions options;                                                                                  \
  };                                                                                                         \
  KILN_LAYER(Name)
KILN_SOFTMAX(Softmax);
KILN_SOFTMAX(LogSoftmax);
KILN_SOFTMAX(Softmin);
#undef KILN_SOFTMAX

} // namespace kiln::nn
