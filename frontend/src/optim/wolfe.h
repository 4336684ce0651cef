// A line search for the strong Wolfe conditions.
#pragma once

#include "kiln/tensor.h"

#include <functional>

namespace kiln::optim {

/// A function along a line: its value, its gradient, and the slope (gradient times direction) at t.
struct LinePoint {
  double t = 0, value = 0;
  Tensor gradient;
  double slope = 0;
};

/// Where the search ended, and how often it evaluated the function.
struct LineSearch {
  LinePoint best;
  std::int64_t evaluations = 0;
};

/// A point at which the value has fallen enough and the slope has flattened enough, or the best point seen.
/// start: the point at t = 0. first_step: the first t to try. largest: the direction's largest component,
/// by which an interval's length becomes a change of parameters.
LineSearch strong_wolfe(const std::function<LinePoint(double)>& evaluate, const LinePoint& start,
                        double first_step, double largest, double tolerance_change);

} // namespace kiln::optim
