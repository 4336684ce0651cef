// Inputs and comparisons of the CUDA tests.
#pragma once

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

namespace kiln::testing {

/// n numbers between -scale/2 and scale/2, the same every time.
inline std::vector<float> numbers(std::size_t n, float scale = 1, std::size_t seed = 0) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = scale * (float(((i + seed * 131) * 7919) % 1009) / 1009 - 0.5f);
  return x;
}

inline void checkClose(const std::vector<float>& got, const std::vector<double>& want,
                       double tolerance = 1e-6) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - want[i]) <= tolerance * std::max(1.0, std::abs(want[i])))) {
      CAPTURE(i, got[i], want[i]);
      FAIL("differs");
    }
}

} // namespace kiln::testing
