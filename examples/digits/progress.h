// A progress bar with loss, accuracy and the time left. Quiet when the output is not a terminal, but for one
// line at the end of each epoch, so that logs stay readable.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace kiln::data {

class Progress {
public:
  /// Draws to `out`, which must outlive this. `steps` is the number of steps of one epoch.
  Progress(std::FILE* out, std::string label, int epochs, std::int64_t steps);

  /// Call after each step. Redraws at most ten times a second.
  void update(int epoch, std::int64_t step, double loss, double accuracy);
  /// Ends the epoch with a line that stays.
  void finish_epoch(int epoch, double loss, double accuracy);

  /// The bar as text, without the terminal's control characters.
  static std::string bar(const std::string& label, int epoch, int epochs, double fraction, double loss,
                         double accuracy, double seconds_left);

private:
  using Clock = std::chrono::steady_clock;
  std::FILE* out_;
  std::string label_;
  int epochs_;
  std::int64_t steps_;
  bool terminal_;
  Clock::time_point start_ = Clock::now(), drawn_ = start_;
};

} // namespace kiln::data
