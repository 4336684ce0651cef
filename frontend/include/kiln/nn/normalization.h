// LayerNorm, GroupNorm and InstanceNorm.
#pragma once

#include "kiln/arg.h"
#include "kiln/module.h"

namespace kiln::nn {

struct LayerNormOptions {
  LayerNormOptions(std::vector<std::int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  KILN_ARG(std::vector<std::int64_t>, normalized_shape);
  KILN_ARG(double, eps) = 1e-5;
  KILN_ARG(bool, elementwise_affine) = true;
};

/// Mean 0 and variance 1 over the last dimensions, which must be normalized_shape; then times weight plus
/// bias.
class LayerNormImpl : public Cloneable<LayerNormImpl> {
public:
  LayerNormImpl(std::vector<std::int64_t> normalized_shape)
      : LayerNormImpl(LayerNormOptions(std::move(normalized_shape))) {}
  explicit LayerNormImpl(LayerNormOptions options_) : options(std::move(options_)) { LayerNormImpl::reset(); }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  LayerNormOptions options;
  Tensor weight, bias; ///< of normalized_shape; undefined without elementwise_affine
};
KILN_LAYER(LayerNorm);

struct GroupNormOptions {
  GroupNormOptions(std::int64_t num_groups, std::int64_t num_channels)
      : num_groups_(num_groups), num_channels_(num_channels) {}
  KILN_ARG(std::int64_t, num_groups);
  KILN_ARG(std::int64_t, num_channels);
  KILN_ARG(double, eps) = 1e-5;
  KILN_ARG(bool, affine) = true;
};

/// x: [N, num_channels, ...]: mean 0 and variance 1 over each group of channels, then times weight plus bias.
class GroupNormImpl : public Cloneable<GroupNormImpl> {
public:
  GroupNormImpl(std::int64_t num_groups, std::int64_t num_channels)
      : GroupNormImpl(GroupNormOptions(num_groups, num_channels)) {}
  explicit GroupNormImpl(const GroupNormOptions& options_) : options(options_) { GroupNormImpl::reset(); }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  GroupNormOptions options;
  Tensor weight, bias; ///< [num_channels]; undefined without affine
};
KILN_LAYER(GroupNorm);

struct InstanceNormOptions {
  InstanceNormOptions(std::int64_t num_features) : num_features_(num_features) {}
  KILN_ARG(std::int64_t, num_features);
  KILN_ARG(double, eps) = 1e-5;
  KILN_ARG(double, momentum) = 0.1;
  KILN_ARG(bool, affine) = false;
  KILN_ARG(bool, track_running_stats) = false;
};
using InstanceNorm1dOptions = InstanceNormOptions;
using InstanceNorm2dOptions = InstanceNormOptions;
using InstanceNorm3dOptions = InstanceNormOptions;

namespace detail {
/// What InstanceNorm1d, 2d and 3d share.
struct InstanceNormParts {
  explicit InstanceNormParts(const InstanceNormOptions& options_) : options(options_) {}
  Tensor normalise(const char* layer, const Tensor& x, std::int64_t spatial, bool training) const;
  void describe(std::ostream& stream, const char* layer) const;

  InstanceNormOptions options;
  Tensor weight, bias;                                   ///< [num_features]; undefined without affine
  Tensor running_mean, running_var, num_batches_tracked; ///< undefined without track_running_stats
};
} // namespace detail

#define KILN_INSTANCE_NORM(Name)                                                                             \
  class Name##Impl : public Cloneable<Name##Impl>, public detail::InstanceNormParts {                        \
  public:                                                                                                    \
    Name##Impl(std::int64_t num_features) : Name##Impl(InstanceNormOptions(num_features)) {}                 \
    explicit Name##Impl(const InstanceNormOptions& options_) : InstanceNormParts(options_) {                 \
      Name##Impl::reset();                                                                                   \
    }                                                                                                        \
    void reset() override;                                                                                   \
    void reset_parameters();                                                                                 \
    void reset_running_stats();                                                                              \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(const Tensor& x);                                                                         \
  };                                                                                                         \
  KILN_LAYER(Name)
/// Mean 0 and variance 1 over each channel of each sample; x: [N, num_features, L], [.., H, W], [.., D, H,
/// W], or without N. In evaluation with track_running_stats the running statistics serve.
KILN_INSTANCE_NORM(InstanceNorm1d);
KILN_INSTANCE_NORM(InstanceNorm2d);
KILN_INSTANCE_NORM(InstanceNorm3d);
#undef KILN_INSTANCE_NORM

} // namespace kiln::nn
