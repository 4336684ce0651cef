// nn::init: fills tensors in place, without recording gradients. Each returns its argument. As torch.nn.init.
#pragma once

#include "kiln/enum.h"
#include "kiln/tensor.h"

#include <tuple>

namespace kiln::nn::init {

/// What follows a layer, or what the layer is: kLinear, kConv1D…, kSigmoid, kTanh, kReLU, kLeakyReLU.
class NonlinearityType {
public:
  enum class Kind : std::uint8_t { Linear, Sigmoid, Tanh, ReLU, LeakyReLU };
  NonlinearityType(enumtype::kLinear) : kind_(Kind::Linear) {}
  NonlinearityType(enumtype::kConv1D) : kind_(Kind::Linear) {}
  NonlinearityType(enumtype::kConv2D) : kind_(Kind::Linear) {}
  NonlinearityType(enumtype::kConv3D) : kind_(Kind::Linear) {}
  NonlinearityType(enumtype::kConvTranspose1D) : kind_(Kind::Linear) {}
  NonlinearityType(enumtype::kConvTranspose2D) : kind_(Kind::Linear) {}
  NonlinearityType(enumtype::kConvTranspose3D) : kind_(Kind::Linear) {}
  NonlinearityType(enumtype::kSigmoid) : kind_(Kind::Sigmoid) {}
  NonlinearityType(enumtype::kTanh) : kind_(Kind::Tanh) {}
  NonlinearityType(enumtype::kReLU) : kind_(Kind::ReLU) {}
  NonlinearityType(enumtype::kLeakyReLU) : kind_(Kind::LeakyReLU) {}
  Kind kind() const { return kind_; }

private:
  Kind kind_;
};

/// kFanIn keeps the variance of the forward pass, kFanOut that of the backward pass.
class FanModeType {
public:
  FanModeType(enumtype::kFanIn) : fan_in_(true) {}
  FanModeType(enumtype::kFanOut) : fan_in_(false) {}
  bool fan_in() const { return fan_in_; }

private:
  bool fan_in_;
};

/// The factor by which a nonlinearity shrinks the standard deviation. `param`: kLeakyReLU's negative slope.
double calculate_gain(NonlinearityType nonlinearity, double param = 0.01);
/// Numbers of inputs and outputs of a weight [out, in, …]. Throws Error below two dimensions.
std::tuple<std::int64_t, std::int64_t> _calculate_fan_in_and_fan_out(const Tensor& tensor);

Tensor constant_(Tensor tensor, Scalar value);
Tensor ones_(Tensor tensor);
Tensor zeros_(Tensor tensor);
Tensor uniform_(Tensor tensor, double low = 0, double high = 1);
Tensor normal_(Tensor tensor, double mean = 0, double std = 1);
/// Normal, redrawn outside [a, b].
Tensor trunc_normal_(Tensor tensor, double mean = 0, double std = 1, double a = -2, double b = 2);
/// The identity matrix. Throws Error unless 2-dimensional.
Tensor eye_(Tensor matrix);
/// Keeps the channels of a convolution: weight [out, in, k…] of 3 to 5 dimensions, else Error.
Tensor dirac_(Tensor tensor);
/// Rows (or columns, when there are fewer) are orthonormal, times gain. Throws Error below two dimensions.
Tensor orthogonal_(Tensor tensor, double gain = 1.0);
/// In each column, the fraction `sparsity` of elements is zero, the rest normal. Throws Error unless
/// 2-dimensional.
Tensor sparse_(Tensor tensor, double sparsity, double std = 0.01);
Tensor xavier_uniform_(Tensor tensor, double gain = 1.0);
Tensor xavier_normal_(Tensor tensor, double gain = 1.0);
Tensor kaiming_uniform_(Tensor tensor, double a = 0, FanModeType mode = kFanIn,
                        NonlinearityType nonlinearity = kLeakyReLU);
Tensor kaiming_normal_(Tensor tensor, double a = 0, FanModeType mode = kFanIn,
                       NonlinearityType nonlinearity = kLeakyReLU);

} // namespace kiln::nn::init
