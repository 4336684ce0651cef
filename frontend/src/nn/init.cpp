// nn::init. Random numbers come from the library's own state (manual_seed). What has no tensor op
// (orthogonalisation, inverse erf) is computed on the host in double and copied in.
#include "kiln/nn/init.h"

#include "core/shapes.h"
#include "kiln/autograd.h"
#include "kiln/ops.h"
#include "nn/checks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kiln::nn::init {

namespace {

using internal::sizes_of;

// Copies row-major values into the tensor.
Tensor assign(Tensor& tensor, const std::vector<double>& values) {
  NoGradGuard no_grad;
  tensor.copy_(from_blob(values.data(), tensor.sizes(), kFloat64).to(tensor.dtype()));
  return tensor;
}

// Fresh numbers on the host; the tensor they come from dies here, so nobody else's storage is pinned.
std::vector<double> host_values(const Tensor& fresh) {
  const Tensor values = fresh.to(kFloat64);
  const double* data = values.data_ptr<double>();
  return {data, data + values.numel()};
}

double fan(const Tensor& tensor, FanModeType mode) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  return static_cast<double>(mode.fan_in() ? fan_in : fan_out);
}

} // namespace

double calculate_gain(NonlinearityType nonlinearity, double param) {
  switch (nonlinearity.kind()) {
  case NonlinearityType::Kind::Tanh:
    return 5.0 / 3.0;
  case NonlinearityType::Kind::ReLU:
    return std::sqrt(2.0);
  case NonlinearityType::Kind::LeakyReLU:
    return std::sqrt(2.0 / (1 + param * param));
  case NonlinearityType::Kind::Linear:
  case NonlinearityType::Kind::Sigmoid:
    break;
  }
  return 1;
}

std::tuple<std::int64_t, std::int64_t> _calculate_fan_in_and_fan_out(const Tensor& tensor) {
  if (tensor.dim() < 2)
    throw Error("init: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got " +
                sizes_of(tensor));
  std::int64_t window = 1; // a convolution's weight: every element of the window is an input
  for (std::int64_t d = 2; d < tensor.dim(); ++d)
    window *= tensor.size(d);
  return {tensor.size(1) * window, tensor.size(0) * window};
}

Tensor constant_(Tensor tensor, Scalar value) {
  NoGradGuard no_grad;
  return tensor.fill_(value);
}
Tensor ones_(Tensor tensor) {
  return constant_(std::move(tensor), 1);
}
Tensor zeros_(Tensor tensor) {
  return constant_(std::move(tensor), 0);
}

Tensor uniform_(Tensor tensor, double low, double high) {
  NoGradGuard no_grad;
  return tensor.uniform_(low, high);
}

Tensor normal_(Tensor tensor, double mean, double std) {
  if (!(std >= 0)) throw Error("normal_: expects std >= 0.0, but found std " + std::to_string(std));
  NoGradGuard no_grad;
  return tensor.normal_(mean, std);
}

namespace {

double normal_cdf(double x) {
  return (1 + std::erf(x / std::sqrt(2.0))) / 2;
}

// Inverse of normal_cdf: Acklam's rational approximation (relative error 1e-9), then one Halley step to full
// precision.
double normal_quantile(double p) {
  if (p <= 0) return -INFINITY;
  if (p >= 1) return INFINITY;
  constexpr double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                          1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
                          6.680131188771972e+01, -1.328068155288572e+01};
  constexpr double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                          -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                          3.754408661907416e+00};
  double x;
  if (p > 0.02425 && p < 1 - 0.02425) {
    const double q = p - 0.5, r = q * q;
    x = (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
        (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
  } else {
    const double q = std::sqrt(-2 * std::log(std::min(p, 1 - p)));
    x = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
        ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
    if (p > 0.5) x = -x;
  }
  const double e = (normal_cdf(x) - p) * std::sqrt(2 * M_PI) * std::exp(x * x / 2);
  return x - e / (1 + x * e / 2);
}

} // namespace

Tensor trunc_normal_(Tensor tensor, double mean, double std, double a, double b) {
  if (!(std > 0) || !(a < b))
    throw Error("trunc_normal_: got std=" + std::to_string(std) + ", a=" + std::to_string(a) +
                ", b=" + std::to_string(b) + ", wanted std > 0 and a < b");
  // A uniform draw between the cumulative probabilities of a and b, mapped back.
  const double low = normal_cdf((a - mean) / std), high = normal_cdf((b - mean) / std);
  std::vector<double> values = host_values(rand(tensor.sizes(), kFloat64));
  for (double& value : values)
    value = std::clamp(mean + std * normal_quantile(low + value * (high - low)), a, b);
  return assign(tensor, values);
}

Tensor eye_(Tensor matrix) {
  if (matrix.dim() != 2)
    throw Error("eye_: Only tensors with 2 dimensions are supported, got " + sizes_of(matrix));
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1);
  std::vector<double> values(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < std::min(rows, columns); ++i)
    values[static_cast<std::size_t>(i * columns + i)] = 1;
  return assign(matrix, values);
}

Tensor dirac_(Tensor tensor) {
  const std::int64_t dim = tensor.dim();
  if (dim < 3 || dim > 5)
    throw Error("dirac_: Only tensors with 3, 4, or 5 dimensions are supported, got " + sizes_of(tensor));
  std::int64_t window = 1, centre = 0;
  for (std::int64_t d = 2; d < dim; ++d) {
    window *= tensor.size(d);
    centre = centre * tensor.size(d) + tensor.size(d) / 2;
  }
  std::vector<double> values(static_cast<std::size_t>(tensor.numel()));
  for (std::int64_t i = 0; i < std::min(tensor.size(0), tensor.size(1)); ++i)
    values[static_cast<std::size_t>((i * tensor.size(1) + i) * window + centre)] = 1;
  return assign(tensor, values);
}

Tensor orthogonal_(Tensor tensor, double gain) {
  if (tensor.dim() < 2)
    throw Error("orthogonal_: Only tensors with 2 or more dimensions are supported, got " + sizes_of(tensor));
  if (tensor.numel() == 0) return tensor;
  const std::size_t rows = static_cast<std::size_t>(tensor.size(0)),
                    columns = static_cast<std::size_t>(tensor.numel()) / rows;
  // Orthonormalises `count` vectors of `length` (the fewer of rows and columns) by Gram-Schmidt, done twice
  // for precision.
  const std::size_t count = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<double> q =
      host_values(randn({static_cast<std::int64_t>(count), static_cast<std::int64_t>(length)}, kFloat64));
  for (std::size_t i = 0; i < count; ++i) {
    double* v = &q[i * length];
    for (std::size_t j = 0; j < 2 * i; ++j) {
      const double* u = &q[(j % i) * length];
      const double overlap = std::inner_product(v, v + length, u, 0.0);
      for (std::size_t k = 0; k < length; ++k)
        v[k] -= overlap * u[k];
    }
    const double norm = std::sqrt(std::inner_product(v, v + length, v, 0.0));
    for (std::size_t k = 0; k < length; ++k)
      v[k] *= 1 / norm;
  }
  std::vector<double> values(q.size());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      values[i * columns + j] = gain * (rows <= columns ? q[i * length + j] : q[j * length + i]);
  return assign(tensor, values);
}

Tensor sparse_(Tensor tensor, double sparsity, double std) {
  if (tensor.dim() != 2)
    throw Error("sparse_: Only tensors with 2 dimensions are supported, got " + sizes_of(tensor));
  if (!(sparsity >= 0 && sparsity <= 1))
    throw Error("sparse_: got sparsity " + std::to_string(sparsity) + ", wanted a fraction between 0 and 1");
  const std::size_t rows = static_cast<std::size_t>(tensor.size(0)),
                    columns = static_cast<std::size_t>(tensor.size(1));
  const std::size_t zeros = static_cast<std::size_t>(std::ceil(sparsity * static_cast<double>(rows)));
  std::vector<double> values = host_values(randn(tensor.sizes(), kFloat64));
  const std::vector<double> keys = host_values(rand(tensor.sizes(), kFloat64));
  std::vector<std::size_t> order(rows);
  for (std::size_t column = 0; column < columns; ++column) {
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
      return keys[x * columns + column] < keys[y * columns + column];
    });
    for (std::size_t i = 0; i < rows; ++i)
      values[order[i] * columns + column] *= i < zeros ? 0 : std;
  }
  return assign(tensor, values);
}

Tensor xavier_uniform_(Tensor tensor, double gain) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  return uniform_(std::move(tensor), -bound, bound);
}
Tensor xavier_normal_(Tensor tensor, double gain) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  return normal_(std::move(tensor), 0, gain * std::sqrt(2.0 / static_cast<double>(fan_in + fan_out)));
}
Tensor kaiming_uniform_(Tensor tensor, double a, FanModeType mode, NonlinearityType nonlinearity) {
  const double bound = calculate_gain(nonlinearity, a) * std::sqrt(3.0 / fan(tensor, mode));
  return uniform_(std::move(tensor), -bound, bound);
}
Tensor kaiming_normal_(Tensor tensor, double a, FanModeType mode, NonlinearityType nonlinearity) {
  const double std = calculate_gain(nonlinearity, a) / std::sqrt(fan(tensor, mode));
  return normal_(std::move(tensor), 0, std);
}

} // namespace kiln::nn::init
