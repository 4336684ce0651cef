// Modules, layers, losses, functional, init and utils under LibTorch's names.
#pragma once

#include "kiln/nn.h"
#include "torch/types.h"

#include <cmath> // LibTorch's headers bring it, and programs use std::sqrt and the like without asking for it

#define TORCH_ARG(T, name) KILN_ARG(T, name)
/// Defines the holder `Name` of the module class `NameImpl`.
#define TORCH_MODULE(Name) KILN_MODULE(Name)
#define TORCH_MODULE_IMPL(Name, ImplType) KILN_MODULE_IMPL(Name, ImplType)
/// Default arguments of forward() need no declaration here: AnyModule and Sequential use them.
#undef FORWARD_HAS_DEFAULT_ARGS
#define FORWARD_HAS_DEFAULT_ARGS(...) static_assert(true);

namespace kiln::nn::functional {
/// As the function with options, but for `beta`, which LibTorch takes beside them.
inline Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, SmoothL1LossFuncOptions options,
                             double beta) {
  return smooth_l1_loss(input, target, options.beta(beta));
}
} // namespace kiln::nn::functional

namespace kiln::nn::detail {
/// Our layers print as "torch::nn::Linear(…)", which programs compare.
inline const bool prints_as_torch = (set_print_prefix("torch::nn::"), true);
} // namespace kiln::nn::detail
