// Times a function until the clock's noise is small beside it. C++17, standard library only: both benchmarks
// use it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace bench {

struct Times {
  double median_ms = 0, min_ms = 0;
};

inline double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// Runs `step` for about `seconds` after a warm-up. A sample is as many runs as take 0.2 ms, and there are at
/// least `least` samples however long they take.
template <class F> Times measure(F&& step, double seconds = 1.0, std::size_t least = 9) {
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  std::size_t runs = 0;
  do
    step(), ++runs;
  while (runs < 3 || (milliseconds_since(start) < 100 && runs < 2000));
  double one = milliseconds_since(start) / static_cast<double>(runs);
  std::size_t repeat = std::max<std::size_t>(1, static_cast<std::size_t>(0.2 / one));

  std::vector<double> samples;
  start = Clock::now();
  while (samples.size() < least || milliseconds_since(start) < seconds * 1000) {
    auto begin = Clock::now();
    for (std::size_t i = 0; i < repeat; ++i)
      step();
    samples.push_back(milliseconds_since(begin) / static_cast<double>(repeat));
  }
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples.front()};
}

} // namespace bench
