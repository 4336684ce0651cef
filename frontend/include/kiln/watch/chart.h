// Charts as SVG text, enough to see how a training went: loss curves, and the regions into which a classifier
// divides the plane. Axes with round ticks, a legend, no dependencies.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace kiln::watch {

struct Curve {
  std::string name;
  std::string colour;         ///< any CSS colour
  std::vector<double> values; ///< y of x = 1, 2, …; values that are not finite are left out
  bool dashed = false;
};

/// The chart as text. Curves longer than a chart is wide are averaged over equal stretches.
std::string line_chart(const std::string& title, const std::string& x_label, const std::string& y_label,
                       const std::vector<Curve>& curves);

/// A function's values over a rectangle: `values` holds rows × columns numbers in 0..1, row after row, the
/// first row at the lowest y; each belongs to the middle of its cell. 0 is painted in `low`, 1 in `high`,
/// both "#rrggbb".
struct Regions {
  double x_min = 0, x_max = 1, y_min = 0, y_max = 1;
  std::size_t rows = 0, columns = 0;
  std::vector<double> values;
  std::string low = "#d95f02", high = "#1b6ca8";
};

struct Points {
  std::string name;
  std::string colour;
  std::vector<std::pair<double, double>> at; ///< points outside the regions' rectangle are left out
};

/// The regions with points over them. Throws Error when `values` is not of rows × columns numbers.
std::string region_chart(const std::string& title, const std::string& x_label, const std::string& y_label,
                         const Regions& regions, const std::vector<Points>& points);

/// Charts next to each other in one picture.
std::string beside(const std::vector<std::string>& charts);

/// Writes text to a temporary name and renames. Throws Error when the disk refuses.
void write_text(const std::filesystem::path& file, const std::string& text);

} // namespace kiln::watch
