// Nodes of LibTorch's tape that programs make by name.
#pragma once

#include "torch/autograd.h"

namespace kiln::autograd {

/// Hands tensors on and stops their gradients: what comes back to them is undefined.
struct UndefinedGrad {
  struct Stop : Function<Stop> {
    static variable_list forward(AutogradContext*, variable_list tensors) {
      for (Tensor& x : tensors)
        if (x.defined()) x = x.clone();
      return tensors;
    }
    static variable_list backward(AutogradContext*, variable_list gradients) {
      return variable_list(gradients.size());
    }
  };
  variable_list apply(variable_list&& tensors) { return Stop::apply(std::move(tensors)); }
  variable_list operator()(variable_list&& tensors) { return apply(std::move(tensors)); }
};

} // namespace kiln::autograd
