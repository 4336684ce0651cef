// What functions with an `inplace` option return.
#pragma once

#include "kiln/tensor.h"

namespace kiln::internal {

/// `result`, over x's own storage when asked for.
inline Tensor into(Tensor& x, const Tensor& result, bool inplace) {
  return inplace ? x.copy_(result) : result;
}

} // namespace kiln::internal
