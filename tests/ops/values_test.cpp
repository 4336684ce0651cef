// Each op's value, eager and compiled, in float32 and float64, against the slow loops.
#include "core/apply.h"
#include "ops/cases.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace kiln;
using namespace kiln::tests;

namespace {

void check(const reference::Array& got, const reference::Array& want, double tolerance) {
  REQUIRE(to_string(got.type.shape) == to_string(want.type.shape));
  REQUIRE(got.type.dtype == want.type.dtype);
  double scale = 1;
  for (double value : want.values)
    if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < want.values.size(); ++i) {
    INFO("element " << i << ": got " << got[i] << ", want " << want[i]);
    if (want[i] == got[i]) continue; // infinities too
    if (std::isnan(want[i]))
      REQUIRE(std::isnan(got[i]));
    else
      REQUIRE(std::abs(got[i] - want[i]) <= tolerance * scale);
  }
}

void check_case(const Case& example, DType dtype, double tolerance) {
  INFO(describe(example) << " in " << name(dtype));
  const auto arrays = make_operands(example, dtype, 7);
  const reference::Array want = reference::evaluate(example.op, example.attrs, arrays);
  std::vector<Tensor> operands;
  for (const auto& array : arrays)
    operands.push_back(to_tensor(array));
  check(to_array(internal::apply(example.op, operands, example.attrs)), want, tolerance);
  auto compiled = jit::compile(
      [&](const std::vector<Tensor>& x) { return internal::apply(example.op, x, example.attrs); });
  check(to_array(compiled(operands)), want, tolerance);
}

} // namespace

TEST_CASE("every op has the reference's value") {
  int number = 0; // sections of one name would be run once
  for (const Case& example : cases()) {
    DYNAMIC_SECTION("case " << ++number << ", " << describe(example)) {
      check_case(example, kFloat32, example.tolerance);
      check_case(example, kFloat64, 1e-12);
    }
  }
}

TEST_CASE("an infinity in a long cumsum leaves what lies before it as it is") {
  std::vector<double> x(200, 1);
  x[150] = std::numeric_limits<double>::infinity();
  for (bool reverse : {false, true})
    check_case(
        {"cumsum", {{kFloat32, {200}, Values::Fixed, x}}, {{"dim", std::int64_t{0}}, {"reverse", reverse}}},
        kFloat32, 1e-6);
}

TEST_CASE("special values") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const Operand extremes{kFloat32, {8}, Values::Fixed, {-inf, -100, -0.0, 0, 1e-40, 88, inf, nan}};
  for (const char* op : {"exp", "tanh", "erf", "sigmoid", "relu", "abs", "neg", "softplus"})
    check_case({op, {extremes}}, kFloat32, 2e-6);
  const Operand positive{kFloat32, {6}, Values::Fixed, {0, 1e-40, 1e-30, 1, 1e30, inf}};
  for (const char* op : {"log", "sqrt", "log1p"})
    check_case({op, {positive}}, kFloat32, 2e-6);
  const Operand other{kFloat32, {8}, Values::Fixed, {1, nan, 0, -0.0, 2, nan, inf, 1}};
  for (const char* op : {"maximum", "minimum"})
    check_case({op, {extremes, other}}, kFloat32, 0);
  const Operand without{
      kFloat32, {4}, Values::Fixed, {2, nan, 3, nan}}; // the first NaN is the extreme element
  for (const char* op : {"argmax", "argmin"})
    check_case({op, {without}, {{"dim", std::int64_t{0}}, {"keepdim", false}}}, kFloat32, 0);
  const Operand dividends{kFloat32, {10}, Values::Fixed, {1, -1, 7.5, -7.5, 3, -4, 5, inf, 0, 6}};
  const Operand divisors{kFloat32, {10}, Values::Fixed, {0.1, 0.1, 2, -2, 4, 2, inf, 2, 3, 0}};
  check_case({"fmod", {dividends, divisors}}, kFloat32, 0);
  check_case({"fmod", {dividends, divisors}}, kFloat64, 0);
}
