// A progress bar for any loop: `for (auto& batch : watch::progress(loader, "epoch 1"))`. It shows how far the
// loop is, the time left, the rate, and fields of the user's own. It fits the terminal's width, draws each
// time in one write and never leaves the cursor hidden. Where the output is no terminal it is quiet but for
// one line at the end, so that logs stay readable. One thread at a time; one bar at a time on a terminal.
#pragma once

#include "kiln/arg.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace kiln::watch {

struct ProgressOptions {
  using Stream = std::FILE*;
  KILN_ARG(std::int64_t,
           total) = -1;           ///< steps of the loop; -1: ask the range, go without when it cannot tell
  KILN_ARG(Stream, out) = stderr; ///< must outlive the bar
  KILN_ARG(bool, leave) = true;   ///< the last line stays; where there is no terminal it is the only one
};

/// What a bar shows at one moment.
struct ProgressView {
  std::string label;
  std::int64_t done = 0, total = -1;
  double seconds = 0; ///< since the start
  double rate = 0;    ///< steps a second; 0: not known yet
  std::vector<std::pair<std::string, std::string>> fields;
};

/// The bar as text of at most `width` columns, without control characters. Narrow terminals lose the rate,
/// the bar, then the times; what is still too long is cut.
std::string progress_line(const ProgressView& view, int width, bool unicode);
/// The line that stays when the loop is over.
std::string progress_summary(const ProgressView& view);

class Progress {
public:
  explicit Progress(std::string label = {}, const ProgressOptions& options = {});
  ~Progress(); ///< ends the line, wherever the loop is: also when an exception leaves it
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Call after each step. Redraws at most ten times a second.
  void advance(std::int64_t steps = 1);
  /// Shows a value of the user's own behind the rate, in the order in which fields were first set.
  void set(const std::string& field, double value);
  void set(const std::string& field, std::string text);
  /// Prints a line above the bar.
  void note(const std::string& line);
  /// The loop is over. Further calls do nothing.
  void finish();

private:
  using Clock = std::chrono::steady_clock;
  void draw();
  void write(const std::string& text);

  ProgressView view_;
  std::FILE* out_;
  bool leave_, terminal_, unicode_, finished_ = false;
  Clock::time_point start_, drawn_;
  std::int64_t done_when_drawn_ = 0;
};

namespace detail {
template <class Range> decltype(auto) loop_over(Range& range) {
  if constexpr (requires { std::begin(range); })
    return static_cast<Range&>(range);
  else
    return (*range); // a data loader is held by a pointer
}
template <class Range> std::int64_t steps_of(const Range& range) {
  if constexpr (requires { static_cast<std::int64_t>(range.size()); })
    return static_cast<std::int64_t>(range.size());
  else if constexpr (requires { range.size().has_value(); })
    return range.size() ? static_cast<std::int64_t>(*range.size()) : -1;
  else if constexpr (std::is_array_v<Range>)
    return static_cast<std::int64_t>(std::extent_v<Range>);
  else
    return -1;
}
} // namespace detail

/// A range that moves a bar on as it is walked. Walk it once.
template <class Range> class ProgressRange {
public:
  ProgressRange(Range&& range, std::string label, ProgressOptions options)
      : range_(std::forward<Range>(range)), bar_(std::move(label), with_total(std::move(options))) {}

  class Iterator {
  public:
    using Inner = decltype(std::begin(detail::loop_over(std::declval<std::remove_reference_t<Range>&>())));
    Iterator(Inner inner, Progress* bar) : inner_(std::move(inner)), bar_(bar) {}
    decltype(auto) operator*() { return *inner_; }
    Iterator& operator++() {
      bar_->advance(); // before the next batch is waited for
      ++inner_;
      return *this;
    }
    template <class End> bool operator!=(const End& end) {
      if (inner_ != end.inner) return true;
      bar_->finish();
      return false;
    }

  private:
    Inner inner_;
    Progress* bar_;
  };
  template <class Inner> struct End {
    Inner inner;
  };

  auto begin() { return Iterator(std::begin(detail::loop_over(range_)), &bar_); }
  auto end() {
    auto inner = std::end(detail::loop_over(range_));
    return End<decltype(inner)>{std::move(inner)};
  }
  Progress& bar() { return bar_; }
  void set(const std::string& field, double value) { bar_.set(field, value); }
  void set(const std::string& field, std::string text) { bar_.set(field, std::move(text)); }
  void note(const std::string& line) { bar_.note(line); }

private:
  ProgressOptions with_total(ProgressOptions options) {
    return options.total() < 0 ? options.total(detail::steps_of(detail::loop_over(range_))) : options;
  }
  Range range_;
  Progress bar_;
};

/// Wraps a container, a view, a data loader or a pointer to one. A name for the result lets the loop set
/// fields:
///   auto bar = watch::progress(*loader, "epoch 1");
///   for (auto& batch : bar) { …; bar.set("loss", loss); }
template <class Range>
ProgressRange<Range> progress(Range&& range, std::string label = {}, ProgressOptions options = {}) {
  return ProgressRange<Range>(std::forward<Range>(range), std::move(label), std::move(options));
}

} // namespace kiln::watch
