// Parameters as one vector.
#include "kiln/nn/convert_parameters.h"

#include "core/shapes.h"
#include "kiln/autograd.h"
#include "kiln/ops.h"

namespace kiln::nn::utils {

Tensor parameters_to_vector(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> parts;
  for (const Tensor& parameter : parameters)
    parts.push_back(parameter.reshape(-1));
  return cat(parts);
}

void vector_to_parameters(const Tensor& vec, const std::vector<Tensor>& parameters) {
  std::int64_t count = 0;
  for (const Tensor& parameter : parameters)
    count += parameter.numel();
  if (vec.dim() != 1 || vec.numel() != count)
    throw Error("vector_to_parameters: got a vector of " + internal::sizes_of(vec) + ", wanted [" +
                std::to_string(count) + "]");
  NoGradGuard no_grad;
  std::int64_t at = 0;
  for (Tensor parameter : parameters) {
    parameter.copy_(vec.narrow(0, at, parameter.numel()).view(parameter.sizes()));
    at += parameter.numel();
  }
}

} // namespace kiln::nn::utils
