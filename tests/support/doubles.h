// Tensors as plain numbers, for tests that compare with loops of their own.
#pragma once

#include "kiln/ops.h"
#include "kiln/tensor.h"

#include <vector>

namespace kiln::test {

using Doubles = std::vector<double>;

/// Elements in row-major order.
inline Doubles values(const Tensor& x) {
  const Tensor wide = x.detach().to(kFloat64).clone();
  const double* data = wide.data_ptr<double>();
  return {data, data + wide.numel()};
}
/// A float64 vector of these numbers.
inline Tensor doubles(const Doubles& v) {
  return from_blob(v.data(), {static_cast<std::int64_t>(v.size())}, kFloat64).clone();
}

} // namespace kiln::test
