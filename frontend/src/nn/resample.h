// What Upsample, F::interpolate and the upsample functions share.
#pragma once

#include "kiln/nn/upsampling.h"

namespace kiln::internal {

struct Interpolation {
  nn::interpolate_mode_t mode;
  bool align_corners = false;
  bool antialias = false;
  std::vector<std::optional<double>> scales; ///< by dimension behind [N, C]; may be shorter
};

/// x: [N, C, ...], at least one more dimension -> [N, C, sizes...]. Throws Error, naming `op`, when sizes do
/// not fit.
Tensor resample(const char* op, const Tensor& x, IntArrayRef sizes, const Interpolation& how);

} // namespace kiln::internal
