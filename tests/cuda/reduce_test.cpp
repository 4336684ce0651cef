// Reductions as CUDA kernels: by warps, by blocks, in chunks, down columns; softmax and layer norm.
#include "numeric_support.h"
#include "program_support.h"

#include "kiln/runtime/error.h"

#include <string>

using namespace kiln;
using namespace kiln::testing;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// Row softmax of an ROWSxCOLS tensor, as decompose writes it.
std::string softmax(int rows, int columns) {
  std::string text =
      R"(func.func @main(%x: tensor<ROWSxCOLSxf32> {kiln.name = "x"}) -> tensor<ROWSxCOLSxf32> {
    %r = kiln.fusion row_reduce "softmax" (%a = %x : tensor<ROWSxCOLSxf32>) -> tensor<ROWSxCOLSxf32> {
      %m = kiln.max %a {dims = array<i64: 1>, keepdim = true} : (tensor<ROWSxCOLSxf32>) -> tensor<ROWSx1xf32>
      %mb = kiln.broadcast %m {shape = array<i64: ROWS, COLS>} : (tensor<ROWSx1xf32>) -> tensor<ROWSxCOLSxf32>
      %d = kiln.sub %a, %mb : (tensor<ROWSxCOLSxf32>, tensor<ROWSxCOLSxf32>) -> tensor<ROWSxCOLSxf32>
      %e = kiln.exp %d : (tensor<ROWSxCOLSxf32>) -> tensor<ROWSxCOLSxf32>
      %s = kiln.sum %e {dims = array<i64: 1>, keepdim = true} : (tensor<ROWSxCOLSxf32>) -> tensor<ROWSx1xf32>
      %sb = kiln.broadcast %s {shape = array<i64: ROWS, COLS>} : (tensor<ROWSx1xf32>) -> tensor<ROWSxCOLSxf32>
      %q = kiln.div %e, %sb : (tensor<ROWSxCOLSxf32>, tensor<ROWSxCOLSxf32>) -> tensor<ROWSxCOLSxf32>
      kiln.yield %q : tensor<ROWSxCOLSxf32>
    }
    return %r : tensor<ROWSxCOLSxf32>
  })";
  return replaced(replaced(text, "ROWS", std::to_string(rows)), "COLS", std::to_string(columns));
}

std::vector<double> softmaxOf(const std::vector<float>& x, int rows, int columns) {
  std::vector<double> y(x.size());
  for (int r = 0; r < rows; ++r) {
    double largest = -INFINITY, sum = 0;
    for (int c = 0; c < columns; ++c)
      largest = std::max<double>(largest, x[r * columns + c]);
    for (int c = 0; c < columns; ++c)
      sum += std::exp(x[r * columns + c] - largest);
    for (int c = 0; c < columns; ++c)
      y[r * columns + c] = std::exp(x[r * columns + c] - largest) / sum;
  }
  return y;
}

} // namespace

TEST_CASE("softmax: a warp per row, a block per row, ragged rows") {
  auto [rows, columns] = GENERATE(table<int, int>({{19, 10}, {16, 256}, {3, 2048}, {5, 1500}, {2, 1027}}));
  CAPTURE(rows, columns);
  auto x = numbers(std::size_t(rows) * columns, 8);
  CudaRun run = runText(softmax(rows, columns), {Buffer::of(x)});
  checkClose(run.results[0].as<float>(), softmaxOf(x, rows, columns));
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("a barrier taken out of the block's reduction shows in emulation") {
  const std::string barrier = "__syncthreads();\n";
  std::string text = softmax(2, 2048);
  auto program = emitText(text);
  auto x = numbers(2 * 2048, 8);
  std::size_t first = program.source.find(barrier), second = program.source.find(barrier, first + 1);
  REQUIRE(second != std::string::npos);
  std::string withoutFirst = program.source, withoutSecond = program.source;
  withoutFirst.erase(first, barrier.size());
  withoutSecond.erase(second, barrier.size());
  // Partial results are read before all warps have written them: NaN, in every order.
  CHECK(std::isnan(runProgram(text, program, withoutFirst, {Buffer::of(x)})[0].as<float>()[0]));
  // They are overwritten before all warps have read them.
  CHECK_THROWS_WITH(runProgram(text, program, withoutSecond, {Buffer::of(x)}),
                    "result 0 depends on the order in which threads run");
}

TEST_CASE("a full reduction is cut in chunks and finished by a second kernel") {
  CudaRun run = runText(R"(func.func @main(%x: tensor<50000xf32>) -> tensor<f32> {
    %r = kiln.fusion row_reduce "mean_square" (%a = %x : tensor<50000xf32>) -> tensor<f32> {
      %q = kiln.mul %a, %a : (tensor<50000xf32>, tensor<50000xf32>) -> tensor<50000xf32>
      %s = kiln.sum %q {dims = array<i64: 0>, keepdim = false} : (tensor<50000xf32>) -> tensor<f32>
      %c = kiln.constant {value = 2.0e-5 : f64, dtype = "f32", shape = array<i64>} : tensor<f32>
      %m = kiln.mul %s, %c : (tensor<f32>, tensor<f32>) -> tensor<f32>
      kiln.yield %m : tensor<f32>
    }
    return %r : tensor<f32>
  })",
                        {Buffer::of(numbers(50000))});
  double sum = 0;
  for (float x : numbers(50000))
    sum += double(x) * x;
  checkClose(run.results[0].as<float>(), {sum * 2e-5});
  CHECK(run.program.launches.size() == 2);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("layer norm forward: two phases, affine, statistics kept") {
  constexpr int kRows = 12, kColumns = 192;
  CudaRun run = runText(R"(func.func @main(%x: tensor<12x192xf32>, %g: tensor<192xf32>, %b: tensor<192xf32>)
      -> (tensor<12x192xf32>, tensor<12xf32>) {
    %r:2 = kiln.fusion row_reduce "layer_norm" (%a = %x : tensor<12x192xf32>, %w = %g : tensor<192xf32>, %v = %b : tensor<192xf32>)
        -> (tensor<12x192xf32>, tensor<12xf32>) {
      %n = kiln.constant {value = 0.005208333333333333 : f64, dtype = "f32", shape = array<i64: 12>} : tensor<12xf32>
      %eps = kiln.constant {value = 1.0e-5 : f64, dtype = "f32", shape = array<i64: 12>} : tensor<12xf32>
      %s = kiln.sum %a {dims = array<i64: 1>, keepdim = false} : (tensor<12x192xf32>) -> tensor<12xf32>
      %m = kiln.mul %s, %n : (tensor<12xf32>, tensor<12xf32>) -> tensor<12xf32>
      %mr = kiln.reshape %m {shape = array<i64: 12, 1>} : (tensor<12xf32>) -> tensor<12x1xf32>
      %mb = kiln.broadcast %mr {shape = array<i64: 12, 192>} : (tensor<12x1xf32>) -> tensor<12x192xf32>
      %d = kiln.sub %a, %mb : (tensor<12x192xf32>, tensor<12x192xf32>) -> tensor<12x192xf32>
      %q = kiln.mul %d, %d : (tensor<12x192xf32>, tensor<12x192xf32>) -> tensor<12x192xf32>
      %vs = kiln.sum %q {dims = array<i64: 1>, keepdim = false} : (tensor<12x192xf32>) -> tensor<12xf32>
      %vm = kiln.mul %vs, %n : (tensor<12xf32>, tensor<12xf32>) -> tensor<12xf32>
      %ve = kiln.add %vm, %eps : (tensor<12xf32>, tensor<12xf32>) -> tensor<12xf32>
      %i = kiln.rsqrt %ve : (tensor<12xf32>) -> tensor<12xf32>
      %ir = kiln.reshape %i {shape = array<i64: 12, 1>} : (tensor<12xf32>) -> tensor<12x1xf32>
      %ib = kiln.broadcast %ir {shape = array<i64: 12, 192>} : (tensor<12x1xf32>) -> tensor<12x192xf32>
      %h = kiln.mul %d, %ib : (tensor<12x192xf32>, tensor<12x192xf32>) -> tensor<12x192xf32>
      %wb = kiln.broadcast %w {shape = array<i64: 12, 192>} : (tensor<192xf32>) -> tensor<12x192xf32>
      %bb = kiln.broadcast %v {shape = array<i64: 12, 192>} : (tensor<192xf32>) -> tensor<12x192xf32>
      %y0 = kiln.mul %h, %wb : (tensor<12x192xf32>, tensor<12x192xf32>) -> tensor<12x192xf32>
      %y = kiln.add %y0, %bb : (tensor<12x192xf32>, tensor<12x192xf32>) -> tensor<12x192xf32>
      kiln.yield %y, %i : tensor<12x192xf32>, tensor<12xf32>
    }
    return %r#0, %r#1 : tensor<12x192xf32>, tensor<12xf32>
  })",
                        {Buffer::of(numbers(kRows * kColumns)), Buffer::of(numbers(kColumns, 2, 1)),
                         Buffer::of(numbers(kColumns, 1, 2))});
  auto x = numbers(kRows * kColumns), g = numbers(kColumns, 2, 1), b = numbers(kColumns, 1, 2);
  std::vector<double> want(x.size()), inverse(kRows);
  for (int r = 0; r < kRows; ++r) {
    double mean = 0, variance = 0;
    for (int c = 0; c < kColumns; ++c)
      mean += x[r * kColumns + c] / double(kColumns);
    for (int c = 0; c < kColumns; ++c)
      variance += std::pow(x[r * kColumns + c] - mean, 2) / kColumns;
    inverse[r] = 1 / std::sqrt(variance + 1e-5);
    for (int c = 0; c < kColumns; ++c)
      want[r * kColumns + c] = (x[r * kColumns + c] - mean) * inverse[r] * g[c] + b[c];
  }
  checkClose(run.results[0].as<float>(), want, 3e-6);
  checkClose(run.results[1].as<float>(), inverse, 3e-6);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("column sums: one chunk, and several with a finishing kernel") {
  auto [rows, columns] = GENERATE(table<int, int>({{20, 70}, {700, 33}}));
  CAPTURE(rows, columns);
  std::string text = R"(func.func @main(%x: tensor<ROWSxCOLSxf32>, %y: tensor<ROWSxCOLSxf32>)
      -> (tensor<COLSxf32>, tensor<COLSxf32>, tensor<ROWSxCOLSxf32>) {
    %r:3 = kiln.fusion column_reduce "gradients" (%a = %x : tensor<ROWSxCOLSxf32>, %b = %y : tensor<ROWSxCOLSxf32>)
        -> (tensor<COLSxf32>, tensor<COLSxf32>, tensor<ROWSxCOLSxf32>) {
      %p = kiln.mul %a, %b : (tensor<ROWSxCOLSxf32>, tensor<ROWSxCOLSxf32>) -> tensor<ROWSxCOLSxf32>
      %s = kiln.sum %p {dims = array<i64: 0>, keepdim = false} : (tensor<ROWSxCOLSxf32>) -> tensor<COLSxf32>
      %t = kiln.max %a {dims = array<i64: 0>, keepdim = false} : (tensor<ROWSxCOLSxf32>) -> tensor<COLSxf32>
      %u = kiln.neg %t : (tensor<COLSxf32>) -> tensor<COLSxf32>
      kiln.yield %s, %u, %p : tensor<COLSxf32>, tensor<COLSxf32>, tensor<ROWSxCOLSxf32>
    }
    return %r#0, %r#1, %r#2 : tensor<COLSxf32>, tensor<COLSxf32>, tensor<ROWSxCOLSxf32>
  })";
  text = replaced(replaced(text, "ROWS", std::to_string(rows)), "COLS", std::to_string(columns));
  auto x = numbers(std::size_t(rows) * columns), y = numbers(x.size(), 1, 5);
  CudaRun run = runText(text, {Buffer::of(x), Buffer::of(y)});
  std::vector<double> sums(columns, 0), largest(columns, INFINITY), products(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    products[i] = double(x[i]) * y[i];
    sums[i % columns] += products[i];
    largest[i % columns] = std::min(largest[i % columns], -double(x[i]));
  }
  checkClose(run.results[0].as<float>(), sums, 2e-6);
  checkClose(run.results[1].as<float>(), largest, 0);
  checkClose(run.results[2].as<float>(), products);
  CHECK(run.program.launches.size() == (rows == 20 ? 1 : 2));
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("column statistics in two phases stay in one kernel") {
  constexpr int kRows = 100, kColumns = 40;
  auto x = numbers(kRows * kColumns);
  CudaRun run = runText(R"(func.func @main(%x: tensor<100x40xf32>) -> tensor<100x40xf32> {
    %r = kiln.fusion column_reduce "centre" (%a = %x : tensor<100x40xf32>) -> tensor<100x40xf32> {
      %s = kiln.sum %a {dims = array<i64: 0>, keepdim = true} : (tensor<100x40xf32>) -> tensor<1x40xf32>
      %c = kiln.constant {value = 0.01 : f64, dtype = "f32", shape = array<i64: 1, 40>} : tensor<1x40xf32>
      %m = kiln.mul %s, %c : (tensor<1x40xf32>, tensor<1x40xf32>) -> tensor<1x40xf32>
      %b = kiln.broadcast %m {shape = array<i64: 100, 40>} : (tensor<1x40xf32>) -> tensor<100x40xf32>
      %d = kiln.sub %a, %b : (tensor<100x40xf32>, tensor<100x40xf32>) -> tensor<100x40xf32>
      kiln.yield %d : tensor<100x40xf32>
    }
    return %r : tensor<100x40xf32>
  })",
                        {Buffer::of(x)});
  std::vector<double> want(x.begin(), x.end());
  for (int c = 0; c < kColumns; ++c) {
    double mean = 0;
    for (int r = 0; r < kRows; ++r)
      mean += x[r * kColumns + c] / double(kRows);
    for (int r = 0; r < kRows; ++r)
      want[r * kColumns + c] -= mean;
  }
  checkClose(run.results[0].as<float>(), want);
  CHECK(nvrtcProblems(run.program) == "");
}
