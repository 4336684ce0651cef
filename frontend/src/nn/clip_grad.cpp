// Limits on gradients.
#include "kiln/nn/clip_grad.h"

#include "kiln/autograd.h"
#include "kiln/ops.h"

#include <cmath>

namespace kiln::nn::utils {

namespace {
std::vector<Tensor> gradients(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> result;
  for (const Tensor& parameter : parameters)
    if (parameter.grad().defined()) result.push_back(parameter.grad());
  return result;
}

/// What is summed up over all gradients (or compared, for infinite norms) before the root is taken.
Tensor norm_of(const Tensor& grad, double norm_type) {
  if (std::isinf(norm_type)) return norm_type > 0 ? max(abs(grad)) : min(abs(grad));
  if (norm_type == 0) return (grad != 0).any().to(grad.dtype());
  if (norm_type == 1) return sum(abs(grad));
  if (norm_type == 2) return sum(square(grad));
  return sum(pow(abs(grad), norm_type));
}
} // namespace

TotalNorm clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                          bool error_if_nonfinite) {
  if (std::isnan(norm_type)) throw Error("clip_grad_norm_: got norm_type nan, wanted a number");
  NoGradGuard no_grad;
  std::vector<Tensor> grads = gradients(parameters);
  if (grads.empty()) return {zeros({})};
  Tensor total;
  for (const Tensor& grad : grads) {
    Tensor part = norm_of(grad, norm_type);
    if (!total.defined())
      total = part;
    else if (std::isinf(norm_type))
      total = norm_type > 0 ? maximum(total, part) : minimum(total, part);
    else
      total = total + part;
  }
  if (norm_type == 2)
    total = sqrt(total);
  else if (norm_type != 0 && norm_type != 1 && !std::isinf(norm_type))
    total = pow(total, 1 / norm_type);
  if (error_if_nonfinite && !std::isfinite(total.item<double>()))
    throw Error(
        "clip_grad_norm_: The total norm of order " + std::to_string(norm_type) +
        " for gradients from `parameters` is non-finite, so it cannot be clipped. To disable this error and "
        "scale the gradients with the non-finite norm anyway, set `error_if_nonfinite=false`");
  const Tensor factor = clamp_max(max_norm / (total + 1e-6), 1); // exactly 1 when there is nothing to clip
  for (Tensor& grad : grads)
    grad.mul_(factor.to(grad.dtype()));
  return {total};
}
TotalNorm clip_grad_norm_(const Tensor& parameter, double max_norm, double norm_type,
                          bool error_if_nonfinite) {
  return clip_grad_norm_(std::vector<Tensor>{parameter}, max_norm, norm_type, error_if_nonfinite);
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  NoGradGuard no_grad;
  for (Tensor& grad : gradients(parameters))
    grad.clamp_(-clip_value, clip_value);
}
void clip_grad_value_(const Tensor& parameter, double clip_value) {
  clip_grad_value_(std::vector<Tensor>{parameter}, clip_value);
}

} // namespace kiln::nn::utils
