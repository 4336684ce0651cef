// Losses that are likelihoods or divergences of distributions.
#include "nn/loss_support.h"

#include "core/shapes.h"
#include "kiln/internal/capture.h"

#include <cmath>
#include <numbers>

namespace kiln {

using internal::check_defined;
using internal::reduce_loss;
using internal::sizes_of;

Tensor kl_div(const Tensor& input, const Tensor& target, std::int64_t reduction, bool log_target) {
  check_defined("kl_div", input, target);
  if (log_target) return reduce_loss(exp(target) * (target - input), reduction);
  // target log(target), 0 at 0: the logarithm's argument is kept positive, or its gradient there were not
  // finite.
  const Tensor positive = target > 0;
  const Tensor entropy = where(positive, target * log(where(positive, target, 1)), 0);
  return reduce_loss(entropy - target * input, reduction);
}

Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input, bool full, double eps,
                        std::int64_t reduction) {
  check_defined("poisson_nll_loss", input, target);
  Tensor loss = log_input ? exp(input) - target * input : input - target * log(input + eps);
  if (full) { // Stirling's approximation of log(target!)
    const Tensor large = target > 1, safe = where(large, target, 2);
    loss = loss + where(large, safe * log(safe) - safe + log(safe * (2 * std::numbers::pi)) * 0.5, 0);
  }
  return reduce_loss(loss, reduction);
}

Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var, bool full, double eps,
                         std::int64_t reduction) {
  check_defined("gaussian_nll_loss", {{"input", &input}, {"target", &target}, {"var", &var}});
  Tensor variance = var;
  if (!(var.sizes() == input.sizes())) {
    const std::vector<std::int64_t> shape = input.sizes().vec(), given = var.sizes().vec();
    const std::vector<std::int64_t> rows(shape.begin(), shape.empty() ? shape.end() : shape.end() - 1);
    if (given == rows)
      variance = var.unsqueeze(-1); // one for each row
    else if (given.size() != shape.size() || given.empty() || given.back() != 1)
      internal::fail("gaussian_nll_loss: var is of incorrect size: got " + sizes_of(var) + " for input " +
                     sizes_of(input));
  }
  if (!internal::is_capturing() && any(var < 0).item<bool>())
    internal::fail("gaussian_nll_loss: var has negative entry/entries");
  // At least eps, which no gradient knows of.
  variance = variance + clamp_min(eps - variance, 0).detach();
  Tensor loss = (log(variance) + square(input - target) / variance) * 0.5;
  if (full) loss = loss + 0.5 * std::log(2 * std::numbers::pi);
  return reduce_loss(loss, reduction);
}

} // namespace kiln
