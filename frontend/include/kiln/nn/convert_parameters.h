// nn::utils: parameters as one vector, and back.
#pragma once

#include "kiln/tensor.h"

#include <vector>

namespace kiln::nn::utils {

/// All elements one after another: [sum of sizes]. Gradients flow through it.
Tensor parameters_to_vector(const std::vector<Tensor>& parameters);
/// Gives the parameters the values of `vec`, in place. Throws Error unless `vec` has as many elements as they
/// have together; no parameter changes then.
void vector_to_parameters(const Tensor& vec, const std::vector<Tensor>& parameters);

} // namespace kiln::nn::utils
