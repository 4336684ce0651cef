// Layers as functions, composed of the ops in kiln/ops.h.
#include "kiln/nn/ops.h"

#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/autograd.h"
#include "nn/checks.h"

#include <algorithm>
#include <cmath>

namespace kiln {

using internal::check_dropout, internal::sizes_of;

namespace {

/// [1, C, 1, ...] of as many dimensions as x: numbers of channels, beside x.
Tensor by_channel(const Tensor& numbers, const Tensor& x) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[1] = numbers.numel();
  return numbers.view(shape);
}

Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor scaled = weight.defined() ? x * by_channel(weight, x) : x;
  return bias.defined() ? scaled + by_channel(bias, x) : scaled;
}

void check_channels(const char* op, const char* name, const Tensor& numbers, const Tensor& x) {
  if (numbers.defined() && (numbers.dim() != 1 || numbers.size(0) != x.size(1)))
    internal::fail(std::string(op) + ": Expected " + name +
                   " to be a vector of size equal to the number of channels in input, but got " + name +
                   " of shape " + sizes_of(numbers) + " and input of shape " + sizes_of(x));
}

/// [N, C, 1, ...], or x's own shape.
std::vector<std::int64_t> noise_shape(const char* op, const Tensor& x, bool whole_channels) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  if (!whole_channels) return shape;
  if (x.dim() < 2)
    internal::fail(std::string(op) + ": Feature dropout requires at least 2 dimensions in the input, got " +
                   sizes_of(x));
  std::fill(shape.begin() + 2, shape.end(), 1);
  return shape;
}

Tensor alpha_dropout(const char* op, const Tensor& x, double p, bool train, bool whole_channels) {
  check_dropout(op, p);
  if (!train || p == 0) return x;
  const std::vector<std::int64_t> shape = noise_shape(op, x, whole_channels);
  if (p == 1) return x * 0;
  constexpr double kLowest = 1.7580993408473766; // SELU's scale times alpha
  const double scale = 1 / std::sqrt((kLowest * kLowest * p + 1) * (1 - p));
  const Tensor kept = dropout(ones(shape, x.options()), p, true) != 0;
  return where(kept, x * scale + kLowest * scale * p, kLowest * scale * (p - 1));
}

} // namespace

Tensor prelu(const Tensor& x, const Tensor& weight) {
  if (weight.numel() == 1) return where(x > 0, x, x * weight.view({}));
  const std::int64_t channels = x.dim() > 1 ? x.size(1) : 1;
  if (channels != weight.numel())
    internal::fail("prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = " +
                   std::to_string(weight.numel()) + " and channel size = " + std::to_string(channels) +
                   ", input " + sizes_of(x));
  return where(x > 0, x, x * by_channel(weight, x));
}

Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias) {
  if (weight.dim() != 3 || x1.dim() == 0 || x1.dim() != x2.dim() || x1.size(-1) != weight.size(1) ||
      x2.size(-1) != weight.size(2))
    internal::fail("bilinear: inputs " + sizes_of(x1) + " and " + sizes_of(x2) + " do not fit weight " +
                   sizes_of(weight));
  std::vector<std::int64_t> shape = x1.sizes().vec();
  for (std::size_t d = 0; d + 1 < shape.size(); ++d)
    if (shape[d] != x2.size(static_cast<std::int64_t>(d)))
      internal::fail("bilinear: input batch dimensions do not match: " + sizes_of(x1) + " and " +
                     sizes_of(x2));
  const std::int64_t out = weight.size(0), in1 = weight.size(1), in2 = weight.size(2);
  const Tensor left = matmul(x1.reshape({-1, in1}), weight.permute({1, 0, 2}).reshape({in1, out * in2}));
  const Tensor product = sum(left.view({-1, out, in2}) * x2.reshape({-1, 1, in2}), 2);
  shape.back() = out;
  const Tensor y = product.view(shape);
  return bias.defined() ? y + bias : y;
}

Tensor group_norm(const Tensor& x, std::int64_t num_groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  if (x.dim() < 2)
    internal::fail("group_norm: Expected at least 2 dimensions for input tensor but received " + sizes_of(x));
  if (num_groups <= 0 || x.size(1) % num_groups != 0)
    internal::fail("group_norm: Expected number of channels in input to be divisible by num_groups, but got "
                   "input of shape " +
                   sizes_of(x) + " and num_groups=" + std::to_string(num_groups));
  check_channels("group_norm", "weight", weight, x);
  check_channels("group_norm", "bias", bias, x);
  const std::int64_t length = x.numel() / std::max<std::int64_t>(x.size(0) * num_groups, 1);
  const Tensor groups = x.reshape({x.size(0), num_groups, length});
  return affine(layer_norm(groups, {length}, {}, {}, eps).view(x.sizes()), weight, bias);
}

Tensor instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                     const Tensor& running_var, bool use_input_stats, double momentum, double eps) {
  if (x.dim() < 3)
    internal::fail("instance_norm: Expected at least 3 dimensions for input tensor but received " +
                   sizes_of(x));
  for (const auto& [name, numbers] : {std::pair{"weight", &weight},
                                      {"bias", &bias},
                                      {"running_mean", &running_mean},
                                      {"running_var", &running_var}})
    check_channels("instance_norm", name, *numbers, x);
  if (!use_input_stats) {
    if (!running_mean.defined() || !running_var.defined())
      internal::fail(
          "instance_norm: Expected running_mean and running_var to be defined when use_input_stats=false");
    return affine((x - by_channel(running_mean, x)) * rsqrt(by_channel(running_var, x) + eps), weight, bias);
  }
  const std::int64_t length = x.numel() / std::max<std::int64_t>(x.size(0) * x.size(1), 1);
  if (length <= 1)
    internal::fail("instance_norm: Expected more than 1 spatial element when training, got input size " +
                   sizes_of(x));
  const Tensor rows = x.reshape({x.size(0), x.size(1), length});
  if (running_mean.defined() && running_var.defined()) {
    const NoGradGuard no_grad;
    Tensor kept_mean = running_mean, kept_var = running_var;
    kept_mean.mul_(1 - momentum).add_(mean(mean(rows, 2), 0), momentum);
    kept_var.mul_(1 - momentum).add_(mean(var(rows, 2), 0), momentum);
  }
  return affine(layer_norm(rows, {length}, {}, {}, eps).view(x.sizes()), weight, bias);
}

Tensor feature_dropout(const Tensor& x, double p, bool train) {
  check_dropout("feature_dropout", p);
  if (!train || p == 0) return x;
  const std::vector<std::int64_t> shape = noise_shape("feature_dropout", x, true);
  return p == 1 ? x * 0 : x * dropout(ones(shape, x.options()), p, true);
}
Tensor alpha_dropout(const Tensor& x, double p, bool train) {
  return alpha_dropout("alpha_dropout", x, p, train, false);
}
Tensor feature_alpha_dropout(const Tensor& x, double p, bool train) {
  return alpha_dropout("feature_alpha_dropout", x, p, train, true);
}

} // namespace kiln
