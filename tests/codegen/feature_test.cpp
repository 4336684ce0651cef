// Kernels from hand-written fused IR: element types, indexed reads and writes, several results, random bits.
#include "fused_text.h"

#include "kiln/runtime/philox.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace kiln;
using namespace kiln::test;

TEST_CASE("f64: exp, log, tanh and erf to twelve digits") {
  TensorType type{DType::Float64, {37}};
  std::vector inputs{random(type, 1, 0.01, 4)};
  auto out = runFused(R"(
    func.func @main(%x: tensor<37xf64>) -> (tensor<37xf64>, tensor<37xf64>, tensor<37xf64>, tensor<37xf64>) {
      %0:4 = kiln.fusion loop "math" (%a = %x : tensor<37xf64>) -> (tensor<37xf64>, tensor<37xf64>, tensor<37xf64>, tensor<37xf64>) {
        %1 = kiln.exp %a : (tensor<37xf64>) -> tensor<37xf64>
        %2 = kiln.log %a : (tensor<37xf64>) -> tensor<37xf64>
        %3 = kiln.tanh %a : (tensor<37xf64>) -> tensor<37xf64>
        %4 = kiln.erf %a : (tensor<37xf64>) -> tensor<37xf64>
        kiln.yield %1, %2, %3, %4 : tensor<37xf64>, tensor<37xf64>, tensor<37xf64>, tensor<37xf64>
      }
      return %0#0, %0#1, %0#2, %0#3 : tensor<37xf64>, tensor<37xf64>, tensor<37xf64>, tensor<37xf64>
    })",
                      inputs);
  for (int i = 0; i < 37; ++i) {
    double x = inputs[0].as<double>()[i];
    REQUIRE(out[0].as<double>()[i] == Approx(std::exp(x)).epsilon(1e-12));
    REQUIRE(out[1].as<double>()[i] == Approx(std::log(x)).epsilon(1e-12));
    REQUIRE(out[2].as<double>()[i] == Approx(std::tanh(x)).epsilon(1e-12));
    REQUIRE(out[3].as<double>()[i] == Approx(std::erf(x)).epsilon(1e-12));
  }
}

TEST_CASE("f32: exp and log at the edges of their range") {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> x = {-inf, -100, -87.5f, 0, 88, inf, 1e-40f, -0.0f, 1, 20, -20};
  TensorType type{DType::Float32, {11}};
  std::vector inputs{buffer<float>(type, x)};
  auto out = runFused(R"(
    func.func @main(%x: tensor<11xf32>) -> (tensor<11xf32>, tensor<11xf32>, tensor<11xf32>, tensor<11xf32>) {
      %0:4 = kiln.fusion loop "math" (%a = %x : tensor<11xf32>) -> (tensor<11xf32>, tensor<11xf32>, tensor<11xf32>, tensor<11xf32>) {
        %1 = kiln.exp %a : (tensor<11xf32>) -> tensor<11xf32>
        %b = kiln.abs %a : (tensor<11xf32>) -> tensor<11xf32>
        %2 = kiln.log %b : (tensor<11xf32>) -> tensor<11xf32>
        %3 = kiln.tanh %a : (tensor<11xf32>) -> tensor<11xf32>
        %4 = kiln.erf %a : (tensor<11xf32>) -> tensor<11xf32>
        kiln.yield %1, %2, %3, %4 : tensor<11xf32>, tensor<11xf32>, tensor<11xf32>, tensor<11xf32>
      }
      return %0#0, %0#1, %0#2, %0#3 : tensor<11xf32>, tensor<11xf32>, tensor<11xf32>, tensor<11xf32>
    })",
                      inputs);
  for (int i = 0; i < 11; ++i) {
    INFO("x = " << x[i]);
    auto same = [](float got, float wanted) {
      return got == wanted || std::abs(got - wanted) <= 1e-6f * std::abs(wanted) + 1e-38f;
    };
    REQUIRE(same(out[0].as<float>()[i], std::exp(x[i])));
    REQUIRE(same(out[1].as<float>()[i], std::log(std::abs(x[i]))));
    REQUIRE(same(out[2].as<float>()[i], std::tanh(x[i])));
    REQUIRE(same(out[3].as<float>()[i], std::erf(x[i])));
  }
  REQUIRE(std::signbit(out[3].as<float>()[7]));
}

TEST_CASE("f32: exp is within 1.2 units in the last place over its range, denormals included") {
  constexpr int kCount = 100000;
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> x = {88.72283f,   88.72284f,   89.5f,  -87.33654f, -87.33655f, -103.27893f,
                          -103.97208f, -103.97209f, inf,    -inf,       1e30f,      -1e30f,
                          0,           -0.0f,       1e-40f, -1e-8f};
  while (x.size() < kCount)
    x.push_back(-104.5f + 194 * static_cast<float>(x.size()) / kCount);
  std::vector inputs{buffer<float>({DType::Float32, {kCount}}, x)};
  auto out = runFused(R"(
    func.func @main(%x: tensor<100000xf32>) -> tensor<100000xf32> {
      %0 = kiln.fusion loop "exp" (%a = %x : tensor<100000xf32>) -> (tensor<100000xf32>) {
        %1 = kiln.exp %a : (tensor<100000xf32>) -> tensor<100000xf32>
        kiln.yield %1 : tensor<100000xf32>
      }
      return %0 : tensor<100000xf32>
    })",
                      inputs);
  for (int i = 0; i < kCount; ++i) {
    float got = out[0].as<float>()[i];
    double wanted = std::exp(double(x[i]));
    INFO("x = " << x[i] << ", got " << got << ", wanted " << wanted);
    if (float nearest = float(wanted); std::isinf(nearest) || nearest == 0)
      REQUIRE(got == nearest);
    else
      REQUIRE(std::abs(got - wanted) <= 1.2 * std::max(std::ldexp(1.0, std::ilogb(nearest) - 23), 0x1p-149));
  }
}

TEST_CASE("f32: erf over its range") {
  constexpr int kCount = 100000;
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> x = {
      inf, -inf, 1e30f, -1e-30f, 3.92f, -3.9200003f, std::numeric_limits<float>::quiet_NaN()};
  while (x.size() < kCount)
    x.push_back((static_cast<float>(x.size()) / kCount - 0.5f) * 9);
  TensorType type{DType::Float32, {kCount}};
  std::vector inputs{buffer<float>(type, x)};
  auto out = runFused(sized(R"(
    func.func @main(%x: tensor<$nxf32>) -> tensor<$nxf32> {
      %0 = kiln.fusion loop "erf" (%a = %x : tensor<$nxf32>) -> tensor<$nxf32> {
        %1 = kiln.erf %a : (tensor<$nxf32>) -> tensor<$nxf32>
        kiln.yield %1 : tensor<$nxf32>
      }
      return %0 : tensor<$nxf32>
    })",
                            {{'n', kCount}}),
                      inputs);
  double worst = 0;
  for (int i = 0; i < kCount; ++i) {
    const float got = out[0].as<float>()[i];
    const double wanted = std::erf(static_cast<double>(x[i]));
    if (std::isnan(x[i]))
      REQUIRE(std::isnan(got));
    else if (wanted != 0)
      worst = std::max(worst, std::abs(got / wanted - 1));
    if (std::abs(x[i]) > 4) REQUIRE(got == std::copysign(1.0f, x[i])); // 1 + erf is exactly 0
  }
  REQUIRE(worst < 6e-7);
}

TEST_CASE("bool: comparison, logic and selection") {
  for (int n : {1, 17, 100}) {
    std::string text = sized(R"(
      func.func @main(%x: tensor<$nxf32>, %y: tensor<$nxf32>, %m: tensor<$nxi1>) -> (tensor<$nxi1>, tensor<$nxf32>, tensor<$nxi64>) {
        %0:3 = kiln.fusion loop "select" (%a = %x : tensor<$nxf32>, %b = %y : tensor<$nxf32>, %c = %m : tensor<$nxi1>) -> (tensor<$nxi1>, tensor<$nxf32>, tensor<$nxi64>) {
          %1 = kiln.lt %a, %b : (tensor<$nxf32>, tensor<$nxf32>) -> tensor<$nxi1>
          %2 = kiln.and %1, %c : (tensor<$nxi1>, tensor<$nxi1>) -> tensor<$nxi1>
          %3 = kiln.where %2, %a, %b : (tensor<$nxi1>, tensor<$nxf32>, tensor<$nxf32>) -> tensor<$nxf32>
          %4 = kiln.cast %2 {dtype = "i64"} : (tensor<$nxi1>) -> tensor<$nxi64>
          kiln.yield %2, %3, %4 : tensor<$nxi1>, tensor<$nxf32>, tensor<$nxi64>
        }
        return %0#0, %0#1, %0#2 : tensor<$nxi1>, tensor<$nxf32>, tensor<$nxi64>
      })",
                             {{'n', n}});
    std::vector inputs{random({DType::Float32, {n}}, 1), random({DType::Float32, {n}}, 2),
                       random({DType::Bool, {n}}, 3)};
    auto out = runFused(text, inputs);
    for (int i = 0; i < n; ++i) {
      float a = inputs[0].as<float>()[i], b = inputs[1].as<float>()[i];
      bool both = a < b && inputs[2].bytes[i] != std::byte(0);
      REQUIRE(out[0].bytes[i] == std::byte(both));
      REQUIRE(out[1].as<float>()[i] == (both ? a : b));
      REQUIRE(out[2].as<std::int64_t>()[i] == both);
    }
  }
}

TEST_CASE("take reads rows, gather reads elements; a wrong index stays inside") {
  constexpr int v = 9, n = 5, d = 20;
  std::vector<std::int64_t> rows = {3, 0, 8, 100, -4};
  std::vector inputs{random({DType::Float32, {v, d}}, 1), buffer<std::int64_t>({DType::Int64, {n}}, rows)};
  auto out = runFused(R"(
    func.func @main(%x: tensor<9x20xf32>, %i: tensor<5xi64>) -> (tensor<5x20xf32>, tensor<5x1xf32>) {
      %0 = kiln.fusion loop "take" (%a = %x : tensor<9x20xf32>, %b = %i : tensor<5xi64>) -> tensor<5x20xf32> {
        %1 = kiln.take %a, %b {dim = 0} : (tensor<9x20xf32>, tensor<5xi64>) -> tensor<5x20xf32>
        %2 = kiln.add %1, %1 : (tensor<5x20xf32>, tensor<5x20xf32>) -> tensor<5x20xf32>
        kiln.yield %2 : tensor<5x20xf32>
      }
      %3 = kiln.fusion loop "gather" (%a = %0 : tensor<5x20xf32>, %b = %i : tensor<5xi64>) -> tensor<5x1xf32> {
        %1 = kiln.reshape %b {shape = array<i64: 5, 1>} : (tensor<5xi64>) -> tensor<5x1xi64>
        %2 = kiln.gather %a, %1 {dim = 1} : (tensor<5x20xf32>, tensor<5x1xi64>) -> tensor<5x1xf32>
        kiln.yield %2 : tensor<5x1xf32>
      }
      return %0, %3 : tensor<5x20xf32>, tensor<5x1xf32>
    })",
                      inputs);
  for (int i = 0; i < n; ++i) {
    auto row = std::clamp<std::int64_t>(rows[i], 0, v - 1),
         column = std::clamp<std::int64_t>(rows[i], 0, d - 1);
    for (int j = 0; j < d; ++j)
      REQUIRE(out[0].as<float>()[i * d + j] == 2 * inputs[0].as<float>()[row * d + j]);
    REQUIRE(out[1].as<float>()[i] == 2 * inputs[0].as<float>()[row * d + column]);
  }
}

TEST_CASE("multi: updates of different sizes in one kernel") {
  std::vector inputs{random({DType::Float32, {1000}}, 1),  random({DType::Float32, {1000}}, 2),
                     random({DType::Float32, {3, 7}}, 3),  random({DType::Float32, {3, 7}}, 4),
                     random({DType::Float32, {40000}}, 5), random({DType::Float32, {40000}}, 6),
                     random({DType::Float32, {}}, 7)};
  std::string parameters, arguments, body, yields, types, results;
  int sizes[] = {1000, 21, 40000};
  const char* shapes[] = {"1000", "3x7", "40000"};
  const char* dims[] = {"1000", "3, 7", "40000"};
  for (int k = 0; k < 3; ++k) {
    std::string t = std::string("tensor<") + shapes[k] + "xf32>", n = std::to_string(k), s = k ? ", " : "";
    parameters += s + "%p" + n + ": " + t + ", %g" + n + ": " + t;
    arguments += s + "%a" + n + " = %p" + n + " : " + t + ", %b" + n + " = %g" + n + " : " + t;
    body += "%l" + n + " = kiln.broadcast %lr {shape = array<i64: " + dims[k] + ">} : (tensor<f32>) -> " + t +
            "\n";
    body += "%m" + n + " = kiln.mul %b" + n + ", %l" + n + " : (" + t + ", " + t + ") -> " + t + "\n";
    body += "%n" + n + " = kiln.sub %a" + n + ", %m" + n + " : (" + t + ", " + t + ") -> " + t + "\n";
    yields += s + "%n" + n;
    types += s + t;
    results += s + "%0#" + n;
  }
  auto text = "func.func @main(" + parameters + ", %rate: tensor<f32>) -> (" + types +
              ") { %0:3 = kiln.fusion multi \"update\" (" + arguments + ", %lr = %rate : tensor<f32>) -> (" +
              types + ") {\n" + body + "kiln.yield " + yields + " : " + types + "\n}\n return " + results +
              " : " + types + " }";
  auto out = runFused(text, inputs, 2);
  float rate = inputs[6].as<float>()[0];
  for (int k = 0; k < 3; ++k)
    for (int i = 0; i < sizes[k]; ++i)
      REQUIRE(out[k].as<float>()[i] ==
              Approx(inputs[2 * k].as<float>()[i] - inputs[2 * k + 1].as<float>()[i] * rate).margin(1e-6));
}

TEST_CASE("multi: results that share an op but not a shape are loops of their own") {
  std::vector inputs{random({DType::Float32, {3, 5}}, 1)};
  auto out = runFused(R"(
    func.func @main(%x: tensor<3x5xf32>) -> (tensor<3x5xf32>, tensor<5x3xf32>) {
      %0:2 = kiln.fusion multi "both" (%a = %x : tensor<3x5xf32>) -> (tensor<3x5xf32>, tensor<5x3xf32>) {
        %1 = kiln.add %a, %a : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
        %2 = kiln.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<3x5xf32>) -> tensor<5x3xf32>
        kiln.yield %1, %2 : tensor<3x5xf32>, tensor<5x3xf32>
      }
      return %0#0, %0#1 : tensor<3x5xf32>, tensor<5x3xf32>
    })",
                      inputs);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 5; ++j) {
      REQUIRE(out[0].as<float>()[i * 5 + j] == 2 * inputs[0].as<float>()[i * 5 + j]);
      REQUIRE(out[1].as<float>()[j * 3 + i] == 2 * inputs[0].as<float>()[i * 5 + j]);
    }
}

TEST_CASE("multi: few long rows and many, which are cut differently") {
  std::vector inputs{random({DType::Float32, {2, 5000}}, 1), random({DType::Float32, {100, 5000}}, 2),
                     random({DType::Float32, {5000}}, 3)};
  auto out = runFused(R"(
    func.func @main(%x: tensor<2x5000xf32>, %y: tensor<100x5000xf32>, %z: tensor<5000xf32>) -> (tensor<2x5000xf32>, tensor<100x5000xf32>) {
      %0:2 = kiln.fusion multi "both" (%a = %x : tensor<2x5000xf32>, %b = %y : tensor<100x5000xf32>, %c = %z : tensor<5000xf32>) -> (tensor<2x5000xf32>, tensor<100x5000xf32>) {
        %1 = kiln.broadcast %c {shape = array<i64: 2, 5000>} : (tensor<5000xf32>) -> tensor<2x5000xf32>
        %2 = kiln.add %a, %1 : (tensor<2x5000xf32>, tensor<2x5000xf32>) -> tensor<2x5000xf32>
        %3 = kiln.broadcast %c {shape = array<i64: 100, 5000>} : (tensor<5000xf32>) -> tensor<100x5000xf32>
        %4 = kiln.add %b, %3 : (tensor<100x5000xf32>, tensor<100x5000xf32>) -> tensor<100x5000xf32>
        kiln.yield %2, %4 : tensor<2x5000xf32>, tensor<100x5000xf32>
      }
      return %0#0, %0#1 : tensor<2x5000xf32>, tensor<100x5000xf32>
    })",
                      inputs, 2);
  for (std::size_t part : {0, 1}) {
    int wrong = 0;
    for (std::size_t i = 0; i < inputs[part].as<float>().size(); ++i)
      wrong += out[part].as<float>()[i] != inputs[part].as<float>()[i] + inputs[2].as<float>()[i % 5000];
    REQUIRE(wrong == 0);
  }
}

TEST_CASE("scatter: index_add in order, slice_update, concat") {
  std::vector<std::int64_t> rows = {3, 0, 3, 8};
  std::vector inputs{random({DType::Float32, {9, 70}}, 1), buffer<std::int64_t>({DType::Int64, {4}}, rows),
                     random({DType::Float32, {4, 70}}, 2)};
  auto out = runFused(R"(
    func.func @main(%x: tensor<9x70xf32>, %i: tensor<4xi64>, %u: tensor<4x70xf32>) -> (tensor<9x70xf32>, tensor<9x70xf32>, tensor<13x70xf32>) {
      %0 = kiln.fusion scatter "index_add" (%a = %x : tensor<9x70xf32>, %b = %i : tensor<4xi64>, %c = %u : tensor<4x70xf32>) -> tensor<9x70xf32> {
        %1 = kiln.index_add %a, %b, %c {dim = 0} : (tensor<9x70xf32>, tensor<4xi64>, tensor<4x70xf32>) -> tensor<9x70xf32>
        kiln.yield %1 : tensor<9x70xf32>
      }
      %2 = kiln.fusion scatter "slice_update" (%a = %x : tensor<9x70xf32>, %c = %u : tensor<4x70xf32>) -> tensor<9x70xf32> {
        %1 = kiln.slice_update %a, %c {starts = array<i64: 1, 0>, stops = array<i64: 9, 70>, steps = array<i64: 2, 1>} : (tensor<9x70xf32>, tensor<4x70xf32>) -> tensor<9x70xf32>
        kiln.yield %1 : tensor<9x70xf32>
      }
      %3 = kiln.fusion scatter "concat" (%a = %x : tensor<9x70xf32>, %c = %u : tensor<4x70xf32>) -> tensor<13x70xf32> {
        %1 = kiln.concat %c, %a {dim = 0} : (tensor<4x70xf32>, tensor<9x70xf32>) -> tensor<13x70xf32>
        kiln.yield %1 : tensor<13x70xf32>
      }
      return %0, %2, %3 : tensor<9x70xf32>, tensor<9x70xf32>, tensor<13x70xf32>
    })",
                      inputs, 2);
  const auto x = inputs[0].as<float>(), u = inputs[2].as<float>();
  std::vector<float> added(x.begin(), x.end()), updated = added;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 70; ++j) {
      added[rows[i] * 70 + j] += u[i * 70 + j];
      updated[(1 + 2 * i) * 70 + j] = u[i * 70 + j];
    }
  for (int k = 0; k < 9 * 70; ++k) {
    REQUIRE(out[0].as<float>()[k] == added[k]);
    REQUIRE(out[1].as<float>()[k] == updated[k]);
    REQUIRE(out[2].as<float>()[4 * 70 + k] == x[k]);
  }
  for (int k = 0; k < 4 * 70; ++k)
    REQUIRE(out[2].as<float>()[k] == u[k]);
}

TEST_CASE("scatter: a wrong index adds inside") {
  std::vector<std::int64_t> rows = {100, -4};
  std::vector inputs{random({DType::Float32, {5, 20}}, 1), buffer<std::int64_t>({DType::Int64, {2}}, rows),
                     random({DType::Float32, {2, 20}}, 2)};
  auto out = runFused(R"(
    func.func @main(%x: tensor<5x20xf32>, %i: tensor<2xi64>, %u: tensor<2x20xf32>) -> tensor<5x20xf32> {
      %0 = kiln.fusion scatter "index_add" (%a = %x : tensor<5x20xf32>, %b = %i : tensor<2xi64>, %c = %u : tensor<2x20xf32>) -> tensor<5x20xf32> {
        %1 = kiln.index_add %a, %b, %c {dim = 0} : (tensor<5x20xf32>, tensor<2xi64>, tensor<2x20xf32>) -> tensor<5x20xf32>
        kiln.yield %1 : tensor<5x20xf32>
      }
      return %0 : tensor<5x20xf32>
    })",
                      inputs);
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 20; ++j) {
      float more = i == 4 ? inputs[2].as<float>()[j] : i == 0 ? inputs[2].as<float>()[20 + j] : 0;
      REQUIRE(out[0].as<float>()[i * 20 + j] == inputs[0].as<float>()[i * 20 + j] + more);
    }
}

TEST_CASE("uniform: the documented bits, in groups and one by one") {
  for (auto [m, n] : {std::pair{4, 256}, {3, 70}, {1, 1000}, {5, 10}}) {
    std::string text = sized(R"(
      func.func @main(%s: tensor<2xi64>, %bias: tensor<$nxf32>) -> tensor<$mx$nxf32> {
        %0 = kiln.fusion loop "uniform" (%a = %s : tensor<2xi64>, %b = %bias : tensor<$nxf32>) -> tensor<$mx$nxf32> {
          %1 = kiln.uniform %a {offset = 128, dtype = "f32", shape = array<i64: $m, $n>} : (tensor<2xi64>) -> tensor<$mx$nxf32>
          %2 = kiln.broadcast %b {shape = array<i64: $m, $n>} : (tensor<$nxf32>) -> tensor<$mx$nxf32>
          %3 = kiln.add %1, %2 : (tensor<$mx$nxf32>, tensor<$mx$nxf32>) -> tensor<$mx$nxf32>
          kiln.yield %3 : tensor<$mx$nxf32>
        }
        return %0 : tensor<$mx$nxf32>
      })",
                             {{'m', m}, {'n', n}});
    std::vector<std::int64_t> state = {1234567890123, 640};
    std::vector inputs{buffer<std::int64_t>({DType::Int64, {2}}, state), zeros({DType::Float32, {n}})};
    auto out = runFused(text, inputs, 2);
    for (int e = 0; e < m * n; ++e)
      REQUIRE(out[0].as<float>()[e] == runtime::random_uniform(state[0], state[1] + 128, e));
  }
}
