// Linear, Bilinear, Flatten, Unflatten and Identity.
#pragma once

#include "kiln/arg.h"
#include "kiln/module.h"
#include "kiln/ops.h"

namespace kiln::nn {

struct LinearOptions {
  LinearOptions(std::int64_t in_features, std::int64_t out_features)
      : in_features_(in_features), out_features_(out_features) {}
  KILN_ARG(std::int64_t, in_features);
  KILN_ARG(std::int64_t, out_features);
  KILN_ARG(bool, bias) = true;
};

/// x weight^T + bias; x: [..., in_features] -> [..., out_features]. weight: [out, in], uniform within
/// +-1/sqrt(in_features) as the bias. As torch.nn.Linear.
class LinearImpl : public Cloneable<LinearImpl> {
public:
  LinearImpl(std::int64_t in_features, std::int64_t out_features)
      : LinearImpl(LinearOptions(in_features, out_features)) {}
  explicit LinearImpl(const LinearOptions& options_);

  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  LinearOptions options;
  Tensor weight;
  Tensor bias; ///< undefined without bias
};
KILN_LAYER(Linear);

struct BilinearOptions {
  BilinearOptions(std::int64_t in1_features, std::int64_t in2_features, std::int64_t out_features)
      : in1_features_(in1_features), in2_features_(in2_features), out_features_(out_features) {}
  KILN_ARG(std::int64_t, in1_features);
  KILN_ARG(std::int64_t, in2_features);
  KILN_ARG(std::int64_t, out_features);
  KILN_ARG(bool, bias) = true;
};

/// x1^T weight[o] x2 + bias[o]; x1: [..., in1], x2: [..., in2] -> [..., out]. weight: [out, in1, in2],
/// uniform within
/// +-1/sqrt(in1_features) as the bias.
class BilinearImpl : public Cloneable<BilinearImpl> {
public:
  BilinearImpl(std::int64_t in1_features, std::int64_t in2_features, std::int64_t out_features)
      : BilinearImpl(BilinearOptions(in1_features, in2_features, out_features)) {}
  explicit BilinearImpl(const BilinearOptions& options_) : options(options_) { BilinearImpl::reset(); }

  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x1, const Tensor& x2);

  BilinearOptions options;
  Tensor weight;
  Tensor bias; ///< undefined without bias
};
KILN_LAYER(Bilinear);

struct FlattenOptions {
  KILN_ARG(std::int64_t, start_dim) = 1;
  KILN_ARG(std::int64_t, end_dim) = -1;
};

/// Dimensions start_dim to end_dim as one.
class FlattenImpl : public Cloneable<FlattenImpl> {
public:
  explicit FlattenImpl(const FlattenOptions& options_ = {}) : options(options_) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  FlattenOptions options;
};
KILN_LAYER(Flatten);

struct UnflattenOptions {
  UnflattenOptions(std::int64_t dim, std::vector<std::int64_t> sizes) : dim_(dim), sizes_(std::move(sizes)) {}
  KILN_ARG(std::int64_t, dim);
  KILN_ARG(std::vector<std::int64_t>, sizes); ///< one may be -1: what is left
};

/// Dimension dim as several, of the given sizes.
class UnflattenImpl : public Cloneable<UnflattenImpl> {
public:
  UnflattenImpl(std::int64_t dim, std::vector<std::int64_t> sizes)
      : UnflattenImpl(UnflattenOptions(dim, std::move(sizes))) {}
  explicit UnflattenImpl(UnflattenOptions options_) : options(std::move(options_)) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  UnflattenOptions options;
};
KILN_LAYER(Unflatten);

/// Returns its argument.
class IdentityImpl : public Cloneable<IdentityImpl> {
public:
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x) { return x; }
};
KILN_LAYER(Identity);

} // namespace kiln::nn
