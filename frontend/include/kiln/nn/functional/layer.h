// Layers as functions with options.
#pragma once

#include "kiln/nn/dropout.h"
#include "kiln/nn/embedding.h"
#include "kiln/nn/linear.h"
#include "kiln/nn/normalization.h"
#include "kiln/nn/ops.h"

namespace kiln::nn::functional {

inline Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}) {
  return kiln::linear(x, weight, bias);
}

struct DropoutFuncOptions {
  KILN_ARG(double, p) = 0.5;
  KILN_ARG(bool, training) = false;
  KILN_ARG(bool, inplace) = false;
};
Tensor dropout(Tensor x, const DropoutFuncOptions& options = {});
using Dropout2dFuncOptions = DropoutFuncOptions;
using Dropout3dFuncOptions = DropoutFuncOptions;
using AlphaDropoutFuncOptions = DropoutFuncOptions;
using FeatureAlphaDropoutFuncOptions = DropoutFuncOptions;
Tensor dropout2d(Tensor x, const DropoutFuncOptions& options = {}); ///< of whole channels; x: [N, C, ...]
Tensor dropout3d(Tensor x, const DropoutFuncOptions& options = {});
Tensor alpha_dropout(Tensor x, const DropoutFuncOptions& options = {});
Tensor feature_alpha_dropout(Tensor x, const DropoutFuncOptions& options = {});

struct LayerNormFuncOptions {
  LayerNormFuncOptions(std::vector<std::int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  KILN_ARG(std::vector<std::int64_t>, normalized_shape);
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(Tensor, bias) = {};
  KILN_ARG(double, eps) = 1e-5;
};
Tensor layer_norm(const Tensor& x, const LayerNormFuncOptions& options);

struct GroupNormFuncOptions {
  GroupNormFuncOptions(std::int64_t num_groups) : num_groups_(num_groups) {}
  KILN_ARG(std::int64_t, num_groups);
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(Tensor, bias) = {};
  KILN_ARG(double, eps) = 1e-5;
};
inline Tensor group_norm(const Tensor& x, const GroupNormFuncOptions& options) {
  return kiln::group_norm(x, options.num_groups(), options.weight(), options.bias(), options.eps());
}

struct InstanceNormFuncOptions {
  KILN_ARG(Tensor, running_mean) = {};
  KILN_ARG(Tensor, running_var) = {};
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(Tensor, bias) = {};
  KILN_ARG(bool, use_input_stats) = true;
  KILN_ARG(double, momentum) = 0.1;
  KILN_ARG(double, eps) = 1e-5;
};
inline Tensor instance_norm(const Tensor& x, const InstanceNormFuncOptions& options = {}) {
  return kiln::instance_norm(x, options.weight(), options.bias(), options.running_mean(),
                             options.running_var(), options.use_input_stats(), options.momentum(),
                             options.eps());
}

struct NormalizeFuncOptions {
  KILN_ARG(double, p) = 2.0;
  KILN_ARG(double, eps) = 1e-12; ///< norms are kept above it
  KILN_ARG(std::int64_t, dim) = 1;
  KILN_ARG(std::optional<Tensor>, out) = std::nullopt; ///< written, too
};
/// x over its p-norm along dim.
Tensor normalize(const Tensor& x, const NormalizeFuncOptions& options = {});

inline Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias = {}) {
  return kiln::bilinear(x1, x2, weight, bias);
}

struct EmbeddingFuncOptions {
  KILN_ARG(std::optional<std::int64_t>, padding_idx) = std::nullopt;
  KILN_ARG(std::optional<double>, max_norm) = std::nullopt;
  KILN_ARG(double, norm_type) = 2.;
  KILN_ARG(bool, scale_grad_by_freq) = false;
  KILN_ARG(bool, sparse) = false;
};
Tensor embedding(const Tensor& x, const Tensor& weight, const EmbeddingFuncOptions& options = {});
struct EmbeddingBagFuncOptions {
  KILN_ARG(Tensor, offsets) = Tensor();
  KILN_ARG(std::optional<double>, max_norm) = std::nullopt;
  KILN_ARG(double, norm_type) = 2.;
  KILN_ARG(bool, scale_grad_by_freq) = false;
  KILN_ARG(bool, sparse) = false;
  KILN_ARG(EmbeddingBagMode, mode) = kMean;
  KILN_ARG(Tensor, per_sample_weights) = Tensor();
  KILN_ARG(bool, include_last_offset) = false;
  KILN_ARG(std::optional<std::int64_t>, padding_idx) = std::nullopt;
};
/// As EmbeddingBag. kMax with offsets reads them: under capture that splits the program.
Tensor embedding_bag(const Tensor& input, const Tensor& weight, const EmbeddingBagFuncOptions& options = {});
inline Tensor one_hot(const Tensor& x, std::int64_t num_classes = -1) {
  return kiln::one_hot(x, num_classes);
}

} // namespace kiln::nn::functional
