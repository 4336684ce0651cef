// What programs ask about GPUs.
#pragma once

#include "torch/types.h"

namespace kiln::cuda {

inline bool cudnn_is_available() { // we generate kernels instead
  return false;
}
inline void manual_seed(std::uint64_t seed) { // one random state serves every device
  kiln::manual_seed(seed);
}
inline void manual_seed_all(std::uint64_t seed) {
  kiln::manual_seed(seed);
}

} // namespace kiln::cuda
