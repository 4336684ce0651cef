// The strong Wolfe line search: walk outwards until an interval holds an acceptable point, then shrink it.
#include "optim/wolfe.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace kiln::optim {

namespace {

constexpr double kDecrease = 1e-4; // of the value, by the slope at the start
constexpr double kFlatten = 0.9;   // of the slope
constexpr int kMaxRounds = 25;

/// Minimum, within bounds, of the cubic with the values and slopes of two points.
double cubic_minimum(const LinePoint& a, const LinePoint& b,
                     std::optional<std::pair<double, double>> bounds = {}) {
  const auto [low, high] = bounds.value_or(std::minmax(a.t, b.t));
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const double d2 = std::sqrt(square);
  const double position = a.t <= b.t
                              ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                              : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
  return std::min(std::max(position, low), high);
}

} // namespace

LineSearch strong_wolfe(const std::function<LinePoint(double)>& evaluate, const LinePoint& start,
                        double first_step, double largest, double tolerance_change) {
  std::int64_t evaluations = 1;
  int round = 0;
  LinePoint previous = start, now = evaluate(first_step);
  auto fell_too_little = [&](const LinePoint& point) {
    return point.value > start.value + kDecrease * point.t * start.slope;
  };
  auto is_flat = [&](const LinePoint& point) { return std::abs(point.slope) <= -kFlatten * start.slope; };

  // Outwards.
  LinePoint bracket[2];
  bool bracketed = false;
  for (; round < kMaxRounds; ++round) {
    if (fell_too_little(now) || (round > 1 && now.value >= previous.value)) {
      bracket[0] = previous, bracket[1] = now, bracketed = true;
      break;
    }
    if (is_flat(now)) return {now, evaluations};
    if (now.slope >= 0) {
      bracket[0] = previous, bracket[1] = now, bracketed = true;
      break;
    }
    const double next =
        cubic_minimum(previous, now, std::pair{now.t + 0.01 * (now.t - previous.t), now.t * 10});
    previous = std::exchange(now, evaluate(next));
    ++evaluations;
  }
  if (!bracketed) bracket[0] = start, bracket[1] = now;

  // Inwards.
  int low = bracket[0].value <= bracket[1].value ? 0 : 1;
  bool crawls = false; // the last point was close to an end already
  for (bool done = false; !done && round < kMaxRounds; ++round) {
    const auto [left, right] = std::minmax(bracket[0].t, bracket[1].t);
    if ((right - left) * largest < tolerance_change) break;
    double t = cubic_minimum(bracket[0], bracket[1]);
    const double margin = 0.1 * (right - left);
    if (std::min(right - t, t - left) < margin) {
      if (crawls || t >= right || t <= left) {
        t = std::abs(t - right) < std::abs(t - left) ? right - margin : left + margin;
        crawls = false;
      } else {
        crawls = true;
      }
    } else {
      crawls = false;
    }
    now = evaluate(t);
    ++evaluations;
    if (fell_too_little(now) || now.value >= bracket[low].value) {
      bracket[1 - low] = now;
      low = bracket[0].value <= bracket[1].value ? 0 : 1;
      continue;
    }
    if (is_flat(now))
      done = true;
    else if (now.slope * (bracket[1 - low].t - bracket[low].t) >= 0)
      bracket[1 - low] = bracket[low];
    bracket[low] = now;
  }
  return {bracket[low], evaluations};
}

} // namespace kiln::optim
