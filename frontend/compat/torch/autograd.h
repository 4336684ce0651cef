// autograd::grad, hooks, custom functions and gradient modes.
#pragma once

#include "kiln/function.h"
#include "torch/types.h"

namespace kiln::autograd {

using tensor_list = variable_list;

/// A leaf of its own with the value of `data`.
inline Variable make_variable(const Tensor& data, bool requires_grad = false, bool = true) {
  return data.variable_data().requires_grad_(requires_grad);
}

} // namespace kiln::autograd
