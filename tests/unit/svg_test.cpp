// The chart and the progress bar, as text.
#include "digits/progress.h"
#include "digits/svg.h"
#include "kiln/runtime/error.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <string>

using namespace kiln::data;
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

TEST_CASE("the bar shows where training is") {
  CHECK(Progress::bar("eager", 2, 3, 0.5, 0.25, 0.9, 12) ==
        "eager     epoch 2/3 [############            ]  50 %  loss 0.2500  accuracy 90.00 %  ETA 12 s");
}

TEST_CASE("a file that is not a terminal gets one line an epoch") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file);
  Progress progress(file, "eager", 1, 2);
  progress.update(1, 1, 1.0, 0.5);
  progress.update(1, 2, 1.0, 0.5);
  progress.finish_epoch(1, 1.0, 0.5);
  std::string text(200, '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  CHECK_THAT(text, Contains("eager     epoch 1/1  loss 1.0000  accuracy 50.00 %"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK_THAT(text, !Contains("\r") && !Contains("\x1b"));
}
