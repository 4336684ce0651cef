// What this machine can do at most: float32 multiply-adds a second, and bytes a second through memory.
#pragma once

#include <cstddef>

namespace bench {

struct Roofline {
  double flops = 0;            ///< float32 operations a second, all threads together
  double bytes = 0;            ///< bytes a second read plus written by a copy of arrays beyond every cache
  std::size_t cache_bytes = 0; ///< last level of cache; 0 when unknown
};

/// Measures with `threads` threads at once; takes about half a second.
Roofline measure_roofline(int threads);

/// The least time for the work: the slower of computing and moving. Arrays that fit the last cache need not
/// move.
double floor_ms(const Roofline& roofline, double flops, double bytes);

} // namespace bench
