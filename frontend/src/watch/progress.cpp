// See progress.h. Each drawing is one write: hide the cursor, carriage return, the line, erase to the end,
// show the cursor. So nothing flickers, and a process that is killed between two drawings has nothing to
// restore.
#include "kiln/watch/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace kiln::watch {
namespace {

constexpr int kBarMost = 30, kBarLeast = 8;
constexpr const char *kHide = "\x1b[?25l", *kShow = "\x1b[?25h", *kErase = "\x1b[K";

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

/// Columns of UTF-8 text, of which no character is wider than one.
int columns(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string cut(std::string text, int width) {
  if (columns(text) <= width) return text;
  std::size_t end = 0;
  for (int column = 0; end < text.size(); ++end)
    if ((text[end] & 0xC0) != 0x80 && ++column > width) break;
  return text.substr(0, end);
}

std::string duration(double seconds) {
  auto whole = static_cast<long long>(std::min(seconds, 1e9));
  char text[32];
  if (whole >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  return text;
}

std::string rate_text(double rate) {
  if (rate >= 1) return format(rate < 100 ? "%.1f/s" : "%.0f/s", rate);
  return format("%.1f s each", 1 / rate);
}

std::string bar(double fraction, int cells, bool unicode) {
  // Eighths of a cell, for a bar that moves smoothly.
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  int eighths = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * cells * 8), full = eighths / 8;
  if (!unicode) return "[" + std::string(full, '#') + std::string(cells - full, ' ') + "]";
  std::string text = "▕";
  for (int i = 0; i < full; ++i)
    text += "█";
  text += kEighths[eighths % 8];
  return text + std::string(cells - full - (eighths % 8 ? 1 : 0), ' ') + "▏";
}

std::string fields_text(const ProgressView& view) {
  std::string text;
  for (const auto& [name, value] : view.fields)
    text.append("  ").append(name).append(" ").append(value);
  return text;
}

int terminal_width(std::FILE* out) {
  winsize size{};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (const char* text = std::getenv("COLUMNS"))
    if (int width = std::atoi(text); width > 0) return width;
  return 80;
}

bool is_terminal(std::FILE* out) {
  const char* kind = std::getenv("TERM");
  return isatty(fileno(out)) != 0 && !(kind && std::strcmp(kind, "dumb") == 0);
}

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(name); value && *value) {
      std::string_view text = value;
      return text.find("UTF-8") != text.npos || text.find("utf8") != text.npos;
    }
  return false;
}

} // namespace

std::string progress_line(const ProgressView& view, int width, bool unicode) {
  const bool known = view.total > 0;
  const double fraction = known ? static_cast<double>(view.done) / static_cast<double>(view.total) : 0;
  std::string head = view.label;
  if (!head.empty()) head += "  ";
  if (known) head += format("%3.0f %%", std::floor(std::min(fraction, 1.0) * 100));
  std::string counts = (known ? "  " : "") + std::to_string(view.done);
  if (known) counts += "/" + std::to_string(view.total);
  std::string elapsed = "  " + duration(view.seconds), left, rate;
  if (known && view.rate > 0)
    left =
        " < " + duration(static_cast<double>(std::max<std::int64_t>(view.total - view.done, 0)) / view.rate);
  if (view.rate > 0) rate = "  " + rate_text(view.rate);
  const std::string fields = fields_text(view);

  constexpr int kBarEnds = 3; // a space and the bar's two ends
  auto used = [&] {
    return columns(head) + columns(counts) + columns(elapsed) + columns(left) + columns(rate) +
           columns(fields);
  };
  if (used() + kBarEnds + kBarLeast > width) rate.clear();
  const int cells = std::min(kBarMost, width - used() - kBarEnds);
  if (known && cells >= kBarLeast) head += " " + bar(fraction, cells, unicode);
  if (used() > width) elapsed.clear(), left.clear();
  return cut(head + counts + elapsed + left + rate + fields, width);
}

std::string progress_summary(const ProgressView& view) {
  std::string text = view.label.empty() ? "" : view.label + "  ";
  text += std::to_string(view.done);
  if (view.total >= 0) text += "/" + std::to_string(view.total);
  text += "  in " + (view.seconds < 60 ? format("%.1f s", view.seconds) : duration(view.seconds));
  if (view.seconds > 0 && view.done > 0)
    text += "  " + rate_text(static_cast<double>(view.done) / view.seconds);
  return text + fields_text(view);
}

Progress::Progress(std::string label, const ProgressOptions& options)
    : out_(options.out()), leave_(options.leave()), terminal_(is_terminal(options.out())),
      unicode_(speaks_utf8()), start_(Clock::now()), drawn_(start_) {
  view_.label = std::move(label);
  view_.total = options.total();
  if (terminal_) draw();
}

Progress::~Progress() {
  finish();
}

void Progress::advance(std::int64_t steps) {
  view_.done += steps;
  if (!terminal_ || finished_) return;
  const auto now = Clock::now();
  if (now - drawn_ < std::chrono::milliseconds(100)) return;
  // The rate of late counts most: the first step of a compiled loop takes longer than a thousand others.
  const double late = static_cast<double>(view_.done - done_when_drawn_) /
                      std::chrono::duration<double>(now - drawn_).count();
  view_.rate = view_.rate > 0 ? 0.7 * view_.rate + 0.3 * late : late;
  drawn_ = now;
  done_when_drawn_ = view_.done;
  draw();
}

void Progress::set(const std::string& field, double value) {
  const double size = std::abs(value);
  const bool plain = size == 0 || (size >= 1e-3 && size < 1e5) || !std::isfinite(value);
  set(field, format(plain ? "%.4f" : "%.3e", value));
}

void Progress::set(const std::string& field, std::string text) {
  auto known = std::find_if(view_.fields.begin(), view_.fields.end(),
                            [&](const auto& entry) { return entry.first == field; });
  if (known != view_.fields.end())
    known->second = std::move(text);
  else
    view_.fields.emplace_back(field, std::move(text));
}

void Progress::note(const std::string& line) {
  if (!terminal_ || finished_) return write(line + "\n");
  write(std::string("\r") + line + kErase + "\n");
  draw();
}

void Progress::finish() {
  if (std::exchange(finished_, true)) return;
  view_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  std::string line = leave_      ? progress_summary(view_) + (terminal_ ? kErase : "") + "\n"
                     : terminal_ ? kErase
                                 : "";
  if (!line.empty()) write((terminal_ ? "\r" : "") + line);
}

void Progress::draw() {
  view_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  // The last column stays free: a full line makes some terminals go on to the next.
  write(std::string(kHide) + "\r" + progress_line(view_, terminal_width(out_) - 1, unicode_) + kErase +
        kShow);
}

void Progress::write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

} // namespace kiln::watch
