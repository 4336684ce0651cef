// See progress.h.
#include "digits/progress.h"

#include <algorithm>
#include <unistd.h>

namespace kiln::data {

Progress::Progress(std::FILE* out, std::string label, int epochs, std::int64_t steps)
    : out_(out), label_(std::move(label)), epochs_(epochs), steps_(steps),
      terminal_(isatty(fileno(out)) != 0) {}

std::string Progress::bar(const std::string& label, int epoch, int epochs, double fraction, double loss,
                          double accuracy, double seconds_left) {
  constexpr int kCells = 24;
  int full = std::clamp(static_cast<int>(fraction * kCells + 0.5), 0, kCells);
  char text[160];
  std::snprintf(text, sizeof text,
                "%-9s epoch %d/%d [%.*s%*s] %3.0f %%  loss %.4f  accuracy %5.2f %%  ETA %.0f s",
                label.c_str(), epoch, epochs, full, "########################", kCells - full, "",
                fraction * 100, loss, accuracy * 100, seconds_left);
  return text;
}

void Progress::update(int epoch, std::int64_t step, double loss, double accuracy) {
  if (!terminal_) return;
  auto now = Clock::now();
  if (step < steps_ && now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  double done = static_cast<double>((epoch - 1) * steps_ + step),
         total = static_cast<double>(epochs_ * steps_);
  double elapsed = std::chrono::duration<double>(now - start_).count();
  double left = done > 0 ? elapsed * (total - done) / done : 0;
  double fraction = static_cast<double>(step) / static_cast<double>(steps_);
  std::fprintf(out_, "\r%s\x1b[K", bar(label_, epoch, epochs_, fraction, loss, accuracy, left).c_str());
  std::fflush(out_);
}

void Progress::finish_epoch(int epoch, double loss, double accuracy) {
  double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  std::fprintf(out_, "%s%-9s epoch %d/%d  loss %.4f  accuracy %5.2f %%  %.1f s%s\n", terminal_ ? "\r" : "",
               label_.c_str(), epoch, epochs_, loss, accuracy * 100, elapsed, terminal_ ? "\x1b[K" : "");
  std::fflush(out_);
}

} // namespace kiln::data
