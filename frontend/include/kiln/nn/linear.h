// Linear, Flatten and Identity.
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

/// Returns its argument.
class IdentityImpl : public Cloneable<IdentityImpl> {
public:
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x) { return x; }
};
KILN_LAYER(Identity);

} // namespace kiln::nn
