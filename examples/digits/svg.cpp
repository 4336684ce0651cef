// See svg.h.
#include "digits/svg.h"

#include "kiln/runtime/error.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <unistd.h>

namespace kiln::data {

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

struct Scale {
  double x_max, y_max;
  double x(double v) const { return kLeft + (kWidth - kLeft - kRight) * (x_max > 0 ? v / x_max : 0); }
  double y(double v) const { return kHeight - kBottom - (kHeight - kTop - kBottom) * v / y_max; }
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

std::string axes(const Scale& scale) {
  std::string out;
  double step = tick_step(scale.y_max);
  for (int i = 0; i * step <= scale.y_max * 1.0001; ++i) {
    double y = scale.y(i * step);
    out += "<line stroke=\"#ddd\" x1=\"" + number(kLeft) + "\" x2=\"" + number(kWidth - kRight) + "\" y1=\"" +
           number(y) + "\" y2=\"" + number(y) + "\"/>\n" + text_at(kLeft - 8, y + 4, "end", number(i * step));
  }
  step = std::max(1.0, tick_step(std::max(scale.x_max, 1.0)));
  for (int i = 0; i * step <= scale.x_max * 1.0001; ++i)
    out += text_at(scale.x(i * step), kHeight - kBottom + 18, "middle", number(i * step));
  return out;
}

} // namespace

std::string line_chart(const std::string& title, const std::string& x_label, const std::string& y_label,
                       const std::vector<Curve>& curves) {
  Scale scale{1, 0};
  for (const auto& curve : curves) {
    scale.x_max = std::max(scale.x_max, static_cast<double>(curve.values.size()));
    for (double v : curve.values)
      if (std::isfinite(v)) scale.y_max = std::max(scale.y_max, v);
  }
  if (scale.y_max <= 0) scale.y_max = 1;
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(kWidth) + "\" height=\"" +
                    number(kHeight) + "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n" +
                    "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  out += text_at(kWidth / 2, 24, "middle", title, " font-size=\"16\"");
  out += axes(scale);
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
  out += text_at((kLeft + kWidth) / 2, kHeight - 14, "middle", x_label);
  out += text_at(18, kHeight / 2, "middle", y_label,
                 " transform=\"rotate(-90 18 " + number(kHeight / 2) + ")\"");
  return out + "</svg>\n";
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

} // namespace kiln::data
