// Line charts as SVG, enough for loss curves: axes with round ticks, a legend, no dependencies.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::data {

struct Curve {
  std::string name;
  std::string colour;         ///< any CSS colour
  std::vector<double> values; ///< y of x = 1, 2, …; values that are not finite are left out
  bool dashed = false;
};

/// The chart as text. Curves longer than a chart is wide are averaged over equal stretches.
std::string line_chart(const std::string& title, const std::string& x_label, const std::string& y_label,
                       const std::vector<Curve>& curves);

/// Writes text to a temporary name and renames. Throws Error when the disk refuses.
void write_text(const std::filesystem::path& file, const std::string& text);

} // namespace kiln::data
