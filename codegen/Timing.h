// Phases of a compilation, printed to stderr when KILN_TIMING=1.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace kiln::codegen {

class PhaseTimer {
public:
  using Clock = std::chrono::steady_clock;

  /// Ends the current phase under this name and starts the next.
  void phase(const char* name) {
    auto now = Clock::now();
    if (enabled())
      std::fprintf(stderr, "kiln: %-12s %8.2f ms\n", name,
                   std::chrono::duration<double, std::milli>(now - start_).count());
    start_ = now;
  }
  static bool enabled() {
    static const bool on = [] {
      const char* value = std::getenv("KILN_TIMING");
      return value && *value == '1';
    }();
    return on;
  }

private:
  Clock::time_point start_ = Clock::now();
};

} // namespace kiln::codegen
