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

struct LayerNormFuncOptions {
  LayerNormFuncOptions(std::vector<std::int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  KILN_ARG(std::vector<std::int64_t>, normalized_shape);
  KILN_ARG(Tensor, weight) = {};
  KILN_ARG(Tensor, bias) = {};
  KILN_ARG(double, eps) = 1e-5;
};
Tensor layer_norm(const Tensor& x, const LayerNormFuncOptions& options);

struct EmbeddingFuncOptions {
  KILN_ARG(std::optional<std::int64_t>, padding_idx) = std::nullopt;
};
Tensor embedding(const Tensor& x, const Tensor& weight, const EmbeddingFuncOptions& options = {});
inline Tensor one_hot(const Tensor& x, std::int64_t num_classes = -1) {
  return kiln::one_hot(x, num_classes);
}

} // namespace kiln::nn::functional
