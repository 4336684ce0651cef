// Charts, as text.
#include "kiln/watch/chart.h"

#include "kiln/runtime/error.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <string>

using namespace kiln::watch;
using Catch::Contains;

TEST_CASE("a chart holds a line and a legend entry for each curve") {
  std::string svg = line_chart("Loss", "step", "loss",
                               {{"eager", "red", {3, 2, 1}}, {"compiled", "blue", {3, 2, 1}, true}});
  CHECK_THAT(svg, Contains("<svg ") && Contains("</svg>"));
  CHECK_THAT(svg, Contains(">eager</text>") && Contains(">compiled</text>") && Contains(">Loss</text>"));
  CHECK_THAT(svg, Contains("stroke=\"red\" points=") && Contains("stroke-dasharray"));
}

TEST_CASE("the first value is above the last of a falling curve") {
  std::string svg = line_chart("t", "x", "y", {{"a", "red", {4, 0}}});
  std::string points = svg.substr(svg.find("points=\"") + 8);
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  REQUIRE(std::sscanf(points.c_str(), "%lf,%lf %lf,%lf", &x0, &y0, &x1, &y1) == 4);
  CHECK(x0 < x1);
  CHECK(y0 < y1); // y points down
}

TEST_CASE("text is escaped, and values that are not numbers are left out") {
  std::string svg = line_chart("a < b & c", "x", "y", {{"a", "red", {1, NAN, INFINITY, 2}}});
  CHECK_THAT(svg, Contains("a &lt; b &amp; c"));
  CHECK_THAT(svg, !Contains("nan") && !Contains("inf"));
}

TEST_CASE("long curves are thinned to the width of a chart") {
  std::string svg = line_chart("t", "x", "y", {{"a", "red", std::vector<double>(100'000, 1.0)}});
  CHECK(svg.size() < 20'000);
}

TEST_CASE("a chart that cannot be written is an error that names the file") {
  CHECK_THROWS_AS(write_text("/nonexistent/a.svg", "x"), kiln::Error);
  CHECK_THROWS_WITH(write_text("/nonexistent/a.svg", "x"), Contains("/nonexistent/a.svg: cannot write"));
}

namespace {
Regions halves() {
  Regions regions;
  regions.rows = 2, regions.columns = 4;
  regions.values = {0, 0, 1, 1, 0, 0, 1, 1};
  regions.low = "#000000", regions.high = "#ffffff";
  return regions;
}
int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size())
    ++n;
  return n;
}
} // namespace

TEST_CASE("regions are painted between their two colours, with the points over them") {
  std::string svg =
      region_chart("t", "x", "y", halves(), {{"dots", "red", {{0.5, 0.5}, {0.25, 0.75}, {7, 7}}}});
  // Neighbours of one colour are one rectangle: two a row. Low is paled, white stays white.
  CHECK(count(svg, "<rect fill=\"#737373\"") == 2);
  CHECK(count(svg, "<rect fill=\"#ffffff\"") == 2);
  // Two points, since the third lies outside, and one in the legend.
  CHECK(count(svg, "<circle") == 3);
  CHECK_THAT(svg, Contains(">dots</text>"));
}

TEST_CASE("the first row of regions is the lowest") {
  Regions regions = halves();
  regions.values = {0, 0, 0, 0, 1, 1, 1, 1};
  std::string svg = region_chart("t", "x", "y", regions, {});
  auto y_of = [&](const char* colour) {
    std::size_t at = svg.find(colour);
    return std::stod(svg.substr(svg.find(" y=\"", at) + 4));
  };
  CHECK(y_of("#737373") > y_of("#ffffff\" x")); // y points down
}

TEST_CASE("regions that do not fit are errors") {
  Regions regions = halves();
  regions.values.pop_back();
  CHECK_THROWS_WITH(region_chart("t", "x", "y", regions, {}),
                    "region_chart: got 7 values for 2 rows of 4 columns");
  regions = halves();
  regions.low = "red";
  CHECK_THROWS_WITH(region_chart("t", "x", "y", regions, {}),
                    "region_chart: got the colour \"red\", wanted \"#rrggbb\"");
}

TEST_CASE("charts beside each other are one picture") {
  std::string chart = line_chart("t", "x", "y", {{"a", "red", {1, 2}}});
  std::string both = beside({chart, chart});
  CHECK(count(both, "<svg ") == 3);
  CHECK(count(both, "</svg>") == 3);
  CHECK_THAT(both, Contains("<svg x=\"860\" xmlns="));
}
