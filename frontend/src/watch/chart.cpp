// See chart.h.
#include "kiln/watch/chart.h"

#include "kiln/runtime/error.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <unistd.h>
#include <vector>

namespace kiln::watch {

namespace {

constexpr double kWidth = 860, kHeight = 440, kLeft = 70, kRight = 20, kTop = 46, kBottom = 56;
constexpr std::size_t kPoints = 400;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string escape(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

/// 1, 2 or 5 times a power of ten, giving four to ten ticks over `range`.
double tick_step(double range) {
  double power = std::pow(10, std::floor(std::log10(range / 4)));
  for (double factor : {5.0, 2.0})
    if (range / (factor * power) >= 4) return factor * power;
  return power;
}

/// From values to places in the picture, y upwards.
struct Scale {
  double x_min, x_max, y_min, y_max;
  double x(double v) const { return kLeft + (kWidth - kLeft - kRight) * part(v, x_min, x_max); }
  double y(double v) const { return kHeight - kBottom - (kHeight - kTop - kBottom) * part(v, y_min, y_max); }
  static double part(double v, double min, double max) { return max > min ? (v - min) / (max - min) : 0; }
};

std::string polyline(const Curve& curve, const Scale& scale) {
  std::string points;
  std::size_t stretch = std::max<std::size_t>(1, (curve.values.size() + kPoints - 1) / kPoints);
  for (std::size_t begin = 0; begin < curve.values.size(); begin += stretch) {
    std::size_t end = std::min(begin + stretch, curve.values.size());
    double sum = 0;
    int finite = 0;
    for (std::size_t i = begin; i < end; ++i)
      if (std::isfinite(curve.values[i])) sum += curve.values[i], ++finite;
    if (!finite) continue;
    double middle = (static_cast<double>(begin) + static_cast<double>(end) + 1) / 2;
    points += number(scale.x(middle)) + "," + number(scale.y(sum / finite)) + " ";
  }
  return "<polyline fill=\"none\" stroke-width=\"1.8\" stroke=\"" + escape(curve.colour) + "\"" +
         (curve.dashed ? " stroke-dasharray=\"5 4\"" : "") + " points=\"" + points + "\"/>\n";
}

std::string text_at(double x, double y, const std::string& anchor, const std::string& text,
                    const std::string& extra = {}) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\"" + extra +
         ">" + escape(text) + "</text>\n";
}

/// The multiples of `step` in [from, to].
std::vector<double> ticks(double from, double to, double step) {
  const double first = std::ceil(from / step), last = std::floor(to / step + 1e-4);
  std::vector<double> values(static_cast<std::size_t>(std::max(last - first + 1, 0.0)));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = (first + static_cast<double>(i)) * step;
  return values;
}

/// Numbers along both axes, with a line across at each of y's.
std::string axes(const Scale& scale, double least_x_step) {
  std::string out;
  double step = tick_step(scale.y_max - scale.y_min);
  for (double tick : ticks(scale.y_min, scale.y_max, step)) {
    double y = scale.y(tick);
    out += "<line stroke=\"#ddd\" x1=\"" + number(kLeft) + "\" x2=\"" + number(kWidth - kRight) + "\" y1=\"" +
           number(y) + "\" y2=\"" + number(y) + "\"/>\n" + text_at(kLeft - 8, y + 4, "end", number(tick));
  }
  step = std::max(least_x_step, tick_step(scale.x_max - scale.x_min));
  for (double tick : ticks(scale.x_min, scale.x_max, step))
    out += text_at(scale.x(tick), kHeight - kBottom + 18, "middle", number(tick));
  return out;
}

/// The picture's frame: its size, a white ground, the title and the names of the axes.
std::string head(const std::string& title, const std::string& x_label, const std::string& y_label) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(kWidth) + "\" height=\"" +
         number(kHeight) + "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n" +
         "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" +
         text_at(kWidth / 2, 24, "middle", title, " font-size=\"16\"") +
         text_at((kLeft + kWidth) / 2, kHeight - 14, "middle", x_label) +
         text_at(18, kHeight / 2, "middle", y_label,
                 " transform=\"rotate(-90 18 " + number(kHeight / 2) + ")\"");
}

/// "#rrggbb" between two colours of that form.
std::string blend(const std::string& low, const std::string& high, double part) {
  std::string out = "#";
  for (std::size_t i = 1; i < 7; i += 2) {
    auto channel = [&](const std::string& colour) { return std::stoi(colour.substr(i, 2), nullptr, 16); };
    char text[8];
    // Pale, so that points stand out against it.
    double mixed = channel(low) + (channel(high) - channel(low)) * part;
    std::snprintf(text, sizeof text, "%02x", static_cast<int>(std::lround(255 - (255 - mixed) * 0.55)));
    out += text;
  }
  return out;
}

void check(const Regions& regions) {
  if (regions.rows == 0 || regions.values.size() != regions.rows * regions.columns)
    throw Error("region_chart: got " + std::to_string(regions.values.size()) + " values for " +
                std::to_string(regions.rows) + " rows of " + std::to_string(regions.columns) + " columns");
  for (const std::string& colour : {regions.low, regions.high})
    if (colour.size() != 7 || colour[0] != '#' ||
        colour.find_first_not_of("0123456789abcdefABCDEF", 1) != colour.npos)
      throw Error("region_chart: got the colour \"" + colour + "\", wanted \"#rrggbb\"");
}

} // namespace

std::string line_chart(const std::string& title, const std::string& x_label, const std::string& y_label,
                       const std::vector<Curve>& curves) {
  Scale scale{0, 1, 0, 0};
  for (const auto& curve : curves) {
    scale.x_max = std::max(scale.x_max, static_cast<double>(curve.values.size()));
    for (double v : curve.values)
      if (std::isfinite(v)) scale.y_max = std::max(scale.y_max, v);
  }
  if (scale.y_max <= 0) scale.y_max = 1;
  std::string out = head(title, x_label, y_label) + axes(scale, 1);
  for (const auto& curve : curves)
    out += polyline(curve, scale);
  double y = kTop + 16;
  for (const auto& curve : curves) {
    out += "<line stroke-width=\"3\" x1=\"" + number(kWidth - 190) + "\" x2=\"" + number(kWidth - 165) +
           "\" y1=\"" + number(y - 4) + "\" y2=\"" + number(y - 4) + "\" stroke=\"" + escape(curve.colour) +
           "\"" + (curve.dashed ? " stroke-dasharray=\"5 4\"" : "") + "/>\n" +
           text_at(kWidth - 158, y, "start", curve.name);
    y += 18;
  }
  return out + "</svg>\n";
}

std::string region_chart(const std::string& title, const std::string& x_label, const std::string& y_label,
                         const Regions& regions, const std::vector<Points>& points) {
  check(regions);
  const Scale scale{regions.x_min, regions.x_max, regions.y_min, regions.y_max};
  std::string out = head(title, x_label, y_label);
  const double width = (scale.x(scale.x_max) - scale.x(scale.x_min)) / static_cast<double>(regions.columns),
               height = (scale.y(scale.y_min) - scale.y(scale.y_max)) / static_cast<double>(regions.rows);
  for (std::size_t row = 0; row < regions.rows; ++row) {
    const double y = scale.y(scale.y_min) - height * static_cast<double>(row + 1);
    for (std::size_t begin = 0, end; begin < regions.columns; begin = end) {
      // Neighbours of one colour are one rectangle. A little overlap hides the seams.
      auto colour = [&](std::size_t column) {
        double value = regions.values[row * regions.columns + column];
        return blend(regions.low, regions.high, std::isfinite(value) ? std::clamp(value, 0.0, 1.0) : 0.5);
      };
      for (end = begin + 1; end < regions.columns && colour(end) == colour(begin);)
        ++end;
      out += "<rect fill=\"" + colour(begin) + "\" x=\"" +
             number(kLeft + width * static_cast<double>(begin)) + "\" y=\"" + number(y) + "\" width=\"" +
             number(width * static_cast<double>(end - begin) + 0.3) + "\" height=\"" + number(height + 0.3) +
             "\"/>\n";
    }
  }
  out += axes(scale, 0);
  double legend = kTop + 16;
  for (const auto& set : points) {
    auto circle = [&](double x, double y) {
      out += "<circle r=\"3\" stroke=\"white\" stroke-width=\"0.8\" fill=\"" + escape(set.colour) +
             "\" cx=\"" + number(x) + "\" cy=\"" + number(y) + "\"/>\n";
    };
    for (auto [x, y] : set.at)
      if (x >= scale.x_min && x <= scale.x_max && y >= scale.y_min && y <= scale.y_max)
        circle(scale.x(x), scale.y(y));
    circle(kLeft + 14, legend - 4);
    out += text_at(kLeft + 24, legend, "start", set.name);
    legend += 18;
  }
  return out + "</svg>\n";
}

std::string beside(const std::vector<std::string>& charts) {
  std::string inside;
  double width = 0;
  for (const std::string& chart : charts) {
    // A picture may hold pictures: only their place must be said.
    inside += "<svg x=\"" + number(width) + "\"" + chart.substr(std::min<std::size_t>(4, chart.size()));
    width += kWidth;
  }
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) + "\" height=\"" +
         number(kHeight) + "\">\n" + inside + "</svg>\n";
}

void write_text(const std::filesystem::path& file, const std::string& text) {
  auto temporary = file;
  temporary += ".tmp" + std::to_string(getpid());
  std::ofstream out(temporary, std::ios::binary);
  std::error_code code;
  if (out << text << std::flush)
    std::filesystem::rename(temporary, file, code);
  else
    code = std::make_error_code(std::errc::io_error);
  if (!code) return;
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  throw Error(file.string() + ": cannot write: " + code.message());
}

} // namespace kiln::watch
