// Activations composed of primitive ops. Pieces are chosen with `where`, and the branch not taken is kept
// finite, so that no gradient is 0 * inf.
#include "kiln/nn/ops.h"

namespace kiln {

Tensor leaky_relu(const Tensor& x, Scalar negative_slope) {
  return where(x > 0, x, x * negative_slope);
}

Tensor relu6(const Tensor& x) {
  return hardtanh(x, 0, 6);
}

Tensor elu(const Tensor& x, Scalar alpha, Scalar scale, Scalar input_scale) {
  const Tensor positive = x > 0;
  Tensor below = where(positive, 0, x); // expm1 would overflow for large x
  if (input_scale.to<double>() != 1) below = below * input_scale;
  below = expm1(below) * Scalar(alpha.to<double>() * scale.to<double>());
  return where(positive, scale.to<double>() == 1 ? x : x * scale, below);
}

Tensor selu(const Tensor& x) {
  return elu(x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946);
}

Tensor celu(const Tensor& x, Scalar alpha) {
  if (alpha.to<double>() == 0) throw Error("celu: ZeroDivisionError: alpha cannot be 0 for CELU");
  return elu(x, alpha, 1.0, 1.0 / alpha.to<double>());
}

Tensor mish(const Tensor& x) {
  return x * tanh(softplus(x));
}

Tensor softplus(const Tensor& x, Scalar beta, Scalar threshold) {
  // The op is exact at any x: the default threshold only serves implementations that would overflow.
  if (beta.to<double>() == 1 && threshold.to<double>() >= 20) return softplus(x);
  const Tensor scaled = x * beta;
  return where(scaled > threshold, x, softplus(scaled) / beta);
}

namespace {
// Tensors of whole numbers stay so: numbers beside them are cut off, as ATen has it.
Scalar beside(const Tensor& x, Scalar number) {
  return x.is_floating_point() ? number : Scalar(number.to<std::int64_t>());
}
} // namespace

Tensor hardtanh(const Tensor& x, Scalar min_val, Scalar max_val) {
  if (min_val.to<double>() > max_val.to<double>())
    throw Error("hardtanh: max_val must be larger than min_val");
  const Scalar least = beside(x, min_val), most = beside(x, max_val);
  return where(x <= least, least, where(x >= most, most, x));
}

Tensor hardswish(const Tensor& x) {
  return where(x < -3, 0, where(x > 3, x, x * (x + 3) / 6));
}

Tensor hardsigmoid(const Tensor& x) {
  return where(x <= -3, 0, where(x >= 3, 1, x / 6 + 0.5));
}

Tensor log_sigmoid(const Tensor& x) {
  return -softplus(-x);
}

Tensor softsign(const Tensor& x) {
  return x / (abs(x) + 1);
}

Tensor hardshrink(const Tensor& x, Scalar lambd) {
  return where(logical_and(x >= -lambd, x <= lambd), 0, x);
}

Tensor softshrink(const Tensor& x, Scalar lambd) {
  if (lambd.to<double>() < 0)
    throw Error("softshrink: lambda must be greater or equal to 0, but found to be " +
                std::to_string(lambd.to<double>()));
  return where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0));
}

Tensor glu(const Tensor& x, std::int64_t dim) {
  if (x.dim() == 0) throw Error("glu: does not support 0-dimensional tensors");
  const std::int64_t size = x.size(dim);
  if (size % 2 != 0)
    throw Error("glu: Halving dimension must be even, but dimension " + std::to_string(dim) + " is size " +
                std::to_string(size));
  return x.narrow(dim, 0, size / 2) * sigmoid(x.narrow(dim, size / 2, size / 2));
}

Tensor rrelu(const Tensor& x, Scalar lower, Scalar upper, bool training) {
  const double low = lower.to<double>(), high = upper.to<double>();
  if (low > high)
    throw Error("rrelu: lower must not be above upper, got " + std::to_string(low) + " and " +
                std::to_string(high));
  if (!training) return leaky_relu(x, (low + high) / 2);
  return where(x > 0, x, x * (rand_like(x) * (high - low) + low));
}

Tensor threshold(const Tensor& x, Scalar threshold, Scalar value) {
  return where(x <= beside(x, threshold), beside(x, value), x);
}

} // namespace kiln
