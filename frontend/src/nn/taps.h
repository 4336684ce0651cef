// Filters along one dimension of samples: which samples a place between them is made of, and their weights.
// Standard C++ only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace kiln::internal {

enum class Filter : std::uint8_t { Nearest, NearestExact, Linear, Cubic, Area };

/// How `from` samples become `to`.
struct Resampling {
  std::int64_t from, to;
  std::optional<double> scale; ///< to / from before rounding, when samples are that far apart
  bool align_corners = false;
  bool antialias = false;       ///< Linear and Cubic reach over as many samples as there are to a place
  bool single_precision = true; ///< places are computed in float, as ATen does for float32
};

/// `width` samples for each place, laid out [width][places]. Some may have weight 0; all are in range.
struct Taps {
  std::int64_t places = 0, width = 0;
  std::vector<std::int64_t> sample;
  std::vector<double> weight;
};

Taps make_taps(Filter filter, const Resampling& how);

} // namespace kiln::internal
