// What layers and losses say of their arguments.
#pragma once

#include "kiln/tensor.h"

#include <string>

namespace kiln::internal {

/// Throws Error, naming `op`, for what is no probability.
inline void check_dropout(const char* op, double p) {
  if (!(p >= 0 && p <= 1))
    throw Error(std::string(op) + ": dropout probability has to be between 0 and 1, but got " +
                std::to_string(p));
}

} // namespace kiln::internal
