// nn::utils: limits on gradients, between backward() and step().
#pragma once

#include "kiln/tensor.h"

#include <vector>

namespace kiln::nn::utils {

/// A norm that is read only when it is used as a number: reading it inside a captured function would split
/// the program.
struct TotalNorm {
  Tensor value; ///< 0-d
  operator double() const { return value.item<double>(); }
  operator Scalar() const { return double(*this); } ///< where an op takes a number
};

/// Scales all gradients by one factor, so that their norm taken together is at most max_norm. norm_type: any
/// p, infinities included; 0 counts the gradients that are not zero all over. Returns the norm before. With
/// error_if_nonfinite, Error when that is not finite, and no gradient changes.
TotalNorm clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type = 2.0,
                          bool error_if_nonfinite = false);
TotalNorm clip_grad_norm_(const Tensor& parameter, double max_norm, double norm_type = 2.0,
                          bool error_if_nonfinite = false);
/// Limits every element of every gradient to [-clip_value, clip_value].
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);
void clip_grad_value_(const Tensor& parameter, double clip_value);

} // namespace kiln::nn::utils
