// Whole programs through kiln_compiler() against plain loops.
#include "../support/run_program.h"
#include "kiln/ir/compiler.h"
#include "kiln/runtime/philox.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace kiln;
using namespace kiln::test;

namespace {
constexpr DType f32 = DType::Float32, f64 = DType::Float64;

ir::ValueId call(ir::Program& p, std::string_view op, std::vector<ir::ValueId> operands,
                 std::vector<ir::NamedAttr> attrs = {}) {
  return p.add_call(op, std::move(operands), std::move(attrs)).front();
}
} // namespace

TEST_CASE("broadcasting of rows, columns and scalars") {
  for (auto [m, n] : {std::pair{1, 1}, {3, 7}, {17, 16}, {5, 1000}, {63, 63}}) {
    ir::Program p;
    auto a = p.add_input({f32, {m, n}}), row = p.add_input({f32, {n}}), column = p.add_input({f32, {m, 1}}),
         scalar = p.add_input({f32, {}});
    p.outputs = {call(p, "mul", {call(p, "add", {a, row}), call(p, "sub", {column, scalar})})};
    std::vector<Buffer> in;
    for (unsigned i = 0; i < 4; ++i)
      in.push_back(random(p.values[i], i));
    auto one = run(p, in, 1), two = run(p, in, 2);
    REQUIRE(one[0].bytes == two[0].bytes);
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        float expected = (in[0].as<float>()[i * n + j] + in[1].as<float>()[j]) *
                         (in[2].as<float>()[i] - in[3].as<float>()[0]);
        REQUIRE(one[0].as<float>()[i * n + j] == Approx(expected).margin(1e-6));
      }
  }
}

TEST_CASE("idle lanes of a row's tail stay out of its sum, although they hold 0 / 0") {
  for (DType dtype : {f32, f64})
    for (int n : {1, 3, 9, 17, 25}) {
      ir::Program p;
      auto a = p.add_input({dtype, {2, n}}), row = p.add_input({dtype, {n}});
      p.outputs = {call(p, "sum", {call(p, "div", {a, row})},
                        {{"dims", std::vector<std::int64_t>{1}}, {"keepdim", false}})};
      std::vector in{random({dtype, {2, n}}, 1), random({dtype, {n}}, 2)};
      auto out = run(p, in, 1);
      auto at = [&](const Buffer& from, int i) {
        return dtype == f32 ? double(from.as<float>()[i]) : from.as<double>()[i];
      };
      for (int i = 0; i < 2; ++i) {
        double expected = 0;
        for (int j = 0; j < n; ++j)
          expected += at(in[0], i * n + j) / at(in[1], j);
        REQUIRE(at(out[0], i) == Approx(expected).epsilon(1e-4));
      }
    }
}

TEST_CASE("layer_norm over the last dimension, in f32 and f64") {
  for (DType dtype : {f32, f64})
    for (auto [m, n] : {std::pair{4, 10}, {3, 64}, {5, 1000}}) {
      ir::Program p;
      auto x = p.add_input({dtype, {m, n}}), w = p.add_input({dtype, {n}}), b = p.add_input({dtype, {n}});
      p.outputs = {call(p, "layer_norm", {x, w, b}, {{"dims", std::int64_t(1)}, {"eps", 1e-5}})};
      std::vector in{random({dtype, {m, n}}, 1), random({dtype, {n}}, 2), random({dtype, {n}}, 3)};
      auto out = run(p, in, 2);
      auto at = [&](const Buffer& from, int i) {
        return dtype == f32 ? double(from.as<float>()[i]) : from.as<double>()[i];
      };
      for (int i = 0; i < m; ++i) {
        double mean = 0, variance = 0;
        for (int j = 0; j < n; ++j)
          mean += at(in[0], i * n + j) / n;
        for (int j = 0; j < n; ++j)
          variance += std::pow(at(in[0], i * n + j) - mean, 2) / n;
        for (int j = 0; j < n; ++j) {
          double expected =
              (at(in[0], i * n + j) - mean) / std::sqrt(variance + 1e-5) * at(in[1], j) + at(in[2], j);
          REQUIRE(at(out[0], i * n + j) ==
                  Approx(expected).epsilon(dtype == f32 ? 1e-4 : 1e-12).margin(dtype == f32 ? 1e-5 : 1e-13));
        }
      }
    }
}

TEST_CASE("reductions over any dimensions") {
  Shape shape{3, 5, 17, 4};
  for (std::vector<std::int64_t> dims :
       {std::vector<std::int64_t>{0}, {1}, {3}, {0, 2}, {1, 3}, {0, 2, 3}, {0, 1, 2, 3}}) {
    ir::Program p;
    auto x = p.add_input({f32, shape});
    p.outputs = {call(p, "sum", {x}, {{"dims", dims}, {"keepdim", true}}),
                 call(p, "max", {x}, {{"dims", dims}, {"keepdim", true}})};
    std::vector in{random({f32, shape}, 3)};
    auto out = run(p, in, 2);
    Shape kept = p.values[p.outputs[0]].shape;
    std::vector<double> sum(kept.numel()), most(kept.numel(), -1e9);
    for (int i = 0; i < shape.numel(); ++i) {
      int rest = i, to = 0, stride = 1;
      for (int d = 3; d >= 0; --d) {
        int index = rest % static_cast<int>(shape[d]);
        rest /= static_cast<int>(shape[d]);
        to += kept[d] == 1 ? 0 : index * stride;
        stride *= static_cast<int>(kept[d]);
      }
      sum[to] += in[0].as<float>()[i];
      most[to] = std::max<double>(most[to], in[0].as<float>()[i]);
    }
    for (std::size_t k = 0; k < sum.size(); ++k) {
      REQUIRE(out[0].as<float>()[k] == Approx(sum[k]).margin(1e-4));
      REQUIRE(out[1].as<float>()[k] == Approx(most[k]));
    }
  }
}

TEST_CASE("the largest of what is repeated along the columns is one number for all of them") {
  ir::Program p;
  auto x = p.add_input({f32, {40, 1}}), y = p.add_input({f32, {40, 70}});
  auto wide = call(p, "broadcast", {x}, {{"shape", std::vector<std::int64_t>{40, 70}}});
  const std::vector<ir::NamedAttr> rows = {{"dims", std::vector<std::int64_t>{0}}, {"keepdim", false}};
  p.outputs = {call(p, "add", {call(p, "max", {wide}, rows), call(p, "max", {y}, rows)})};
  std::vector in{random({f32, {40, 1}}, 1), random({f32, {40, 70}}, 2)};
  auto out = run(p, in, 2);
  const auto columns = in[0].as<float>();
  float most = *std::ranges::max_element(columns);
  for (int j = 0; j < 70; ++j) {
    float own = in[1].as<float>()[j];
    for (int i = 1; i < 40; ++i)
      own = std::max(own, in[1].as<float>()[i * 70 + j]);
    REQUIRE(out[0].as<float>()[j] == most + own);
  }
}

TEST_CASE("a draw that is cut or turned keeps its bits") {
  ir::Program p;
  auto state = p.add_input({DType::Int64, {2}});
  auto draw = call(p, "uniform", {state},
                   {{"dtype", std::string("f32")},
                    {"offset", std::int64_t{0}},
                    {"shape", std::vector<std::int64_t>{4, 192}}});
  using Ints = std::vector<std::int64_t>;
  auto part = [&](Ints starts, Ints stops, Ints steps) {
    return call(p, "neg",
                {call(p, "slice", {draw}, {{"starts", starts}, {"steps", steps}, {"stops", stops}})});
  };
  p.outputs = {call(p, "neg", {draw}), part({1, 1}, {4, 129}, {1, 1}), part({0, 64}, {4, 192}, {1, 2}),
               call(p, "neg", {call(p, "transpose", {draw}, {{"permutation", Ints{1, 0}}})})};
  const Ints seed = {77, 640};
  auto out = run(p, std::vector{buffer<std::int64_t>({DType::Int64, {2}}, seed)});
  auto whole = [&](int i, int j) { return out[0].as<float>()[i * 192 + j]; };
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 192; ++j) {
      REQUIRE(out[3].as<float>()[j * 4 + i] == whole(i, j));
      if (i >= 1 && j >= 1 && j < 129) REQUIRE(out[1].as<float>()[(i - 1) * 128 + j - 1] == whole(i, j));
      if (j >= 64 && j % 2 == 0) REQUIRE(out[2].as<float>()[i * 64 + (j - 64) / 2] == whole(i, j));
    }
}

TEST_CASE("long sums that are cut in chunks end where their rows do") {
  using Ints = std::vector<std::int64_t>;
  for (bool alongRow : {true, false}) {
    const Shape shape = alongRow ? Shape{2, 70100} : Shape{9100, 8};
    const std::int64_t end = alongRow ? 70001 : 9001, kept = alongRow ? 2 : 8;
    ir::Program p;
    auto x = p.add_input({f64, shape});
    auto part = call(
        p, "slice", {x},
        {{"starts", Ints{0, 0}}, {"steps", Ints{1, 1}}, {"stops", alongRow ? Ints{2, end} : Ints{end, 8}}});
    p.outputs = {call(p, "sum", {part}, {{"dims", Ints{alongRow ? 1 : 0}}, {"keepdim", false}})};
    std::vector in{random({f64, shape}, 1, 1, 2)};
    auto out = run(p, in, 3);
    for (std::int64_t k = 0; k < kept; ++k) {
      double sum = 0;
      for (std::int64_t i = 0; i < end; ++i)
        sum += in[0].as<double>()[static_cast<std::size_t>(alongRow ? k * 70100 + i : i * 8 + k)];
      REQUIRE(out[0].as<double>()[static_cast<std::size_t>(k)] == Approx(sum).epsilon(1e-11));
    }
  }
}

TEST_CASE("a long draw, and the sum of one, have the documented bits on any number of threads") {
  constexpr std::int64_t n = 300007;
  ir::Program p;
  auto state = p.add_input({DType::Int64, {2}});
  auto draw = [&](std::int64_t offset) {
    return call(p, "uniform", {state},
                {{"dtype", std::string("f64")}, {"offset", offset}, {"shape", std::vector<std::int64_t>{n}}});
  };
  p.outputs = {call(p, "neg", {draw(0)}),
               call(p, "sum", {draw(512000)}, {{"dims", std::vector<std::int64_t>{0}}, {"keepdim", false}})};
  const std::vector<std::int64_t> seed = {77, 640};
  std::vector<double> wanted(n);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    wanted[static_cast<std::size_t>(i)] = -runtime::random_uniform(77, 640, static_cast<std::uint64_t>(i));
    sum += runtime::random_uniform(77, 640 + 512000, static_cast<std::uint64_t>(i));
  }
  for (int threads : {1, 3}) {
    auto out = run(p, std::vector{buffer<std::int64_t>({DType::Int64, {2}}, seed)}, threads);
    REQUIRE(std::ranges::equal(out[0].as<double>(), wanted));
    REQUIRE(out[1].as<double>()[0] == Approx(sum).epsilon(1e-11));
  }
}

TEST_CASE("a donated input holds the output") {
  ir::Program p;
  auto x = p.add_input({f32, {1000}}), y = p.add_input({f32, {1000}});
  p.outputs = {call(p, "add", {x, y})};
  p.donations = {{0, 0}};
  std::vector in{random({f32, {1000}}, 1), random({f32, {1000}}, 2)};
  auto out = run(p, in);
  for (int i = 0; i < 1000; ++i)
    REQUIRE(out[0].as<float>()[i] == in[0].as<float>()[i] + in[1].as<float>()[i]);
}

TEST_CASE("two states that are each made from the other's old value") {
  ir::Program p;
  auto a = p.add_input({f32, {4, 9}}), b = p.add_input({f32, {9}});
  p.outputs = {call(p, "add", {a, b}),
               call(p, "sum", {a}, {{"dims", std::vector<std::int64_t>{0}}, {"keepdim", false}})};
  p.donations = {{0, 0}, {1, 1}};
  std::vector in{random({f32, {4, 9}}, 1), random({f32, {9}}, 2)};
  auto out = run(p, in);
  for (int j = 0; j < 9; ++j) {
    double sum = 0;
    for (int i = 0; i < 4; ++i) {
      sum += in[0].as<float>()[i * 9 + j];
      REQUIRE(out[0].as<float>()[i * 9 + j] == in[0].as<float>()[i * 9 + j] + in[1].as<float>()[j]);
    }
    REQUIRE(out[1].as<float>()[j] == Approx(sum).margin(1e-6));
  }
}

TEST_CASE("two states that change places in one loop") {
  constexpr int n = 1003;
  ir::Program p;
  auto a = p.add_input({f32, {n}}), b = p.add_input({f32, {n}}), c = p.add_input({f32, {n}});
  p.outputs = {call(p, "add", {b, c}), call(p, "sub", {a, c})};
  p.donations = {{0, 0}, {1, 1}};
  REQUIRE(kiln_compiler()->compile(p, {}).artifact.launches.size() == 1);
  std::vector in{random({f32, {n}}, 1), random({f32, {n}}, 2), random({f32, {n}}, 3)};
  auto out = run(p, in, 2);
  for (int i = 0; i < n; ++i) {
    REQUIRE(out[0].as<float>()[i] == in[1].as<float>()[i] + in[2].as<float>()[i]);
    REQUIRE(out[1].as<float>()[i] == in[0].as<float>()[i] - in[2].as<float>()[i]);
  }
}

TEST_CASE("what is written into donated state needs no copy of it") {
  for (bool donated : {true, false}) {
    ir::Program p;
    auto x = p.add_input({f32, {9, 70}}), y = p.add_input({f32, {9, 70}}), u = p.add_input({f32, {4, 70}}),
         i = p.add_input({DType::Int64, {4}});
    auto attr = [](const char* name, std::vector<std::int64_t> value) { return ir::NamedAttr{name, value}; };
    p.outputs = {call(p, "slice_update", {x, u},
                      {attr("starts", {1, 0}), attr("steps", {2, 1}), attr("stops", {9, 70})}),
                 call(p, "index_add", {y, i, u}, {{"dim", std::int64_t(0)}})};
    if (donated) p.donations = {{0, 0}, {1, 1}};
    const std::vector<std::int64_t> rows = {3, 0, 3, 8};
    std::vector in{random({f32, {9, 70}}, 1), random({f32, {9, 70}}, 2), random({f32, {4, 70}}, 3),
                   buffer<std::int64_t>({DType::Int64, {4}}, rows)};
    REQUIRE(kiln_compiler()->compile(p, {}).artifact.launches.size() == (donated ? 2U : 4U));
    auto out = run(p, in, 2);
    for (int row = 0; row < 9; ++row)
      for (int k = 0; k < 70; ++k) {
        const int at = row * 70 + k;
        float added = in[1].as<float>()[at];
        for (int n = 0; n < 4; ++n)
          if (rows[n] == row) added += in[2].as<float>()[n * 70 + k];
        REQUIRE(out[0].as<float>()[at] ==
                (row % 2 ? in[2].as<float>()[row / 2 * 70 + k] : in[0].as<float>()[at]));
        REQUIRE(out[1].as<float>()[at] == added);
      }
  }
}

TEST_CASE("an op that the compiler does not know is an error that names it") {
  ir::Program p;
  auto x = p.add_input({f32, {3}});
  REQUIRE_THROWS_WITH(p.add_call("no_such_op", {x}), Catch::Contains("no_such_op"));
}
