// Matrix products as CUDA kernels: every transpose, batches, ragged edges, tiles of all sizes, epilogues.
#include "numeric_support.h"
#include "program_support.h"

#include <array>
#include <string>

using namespace kiln;
using namespace kiln::testing;

namespace {

std::string tensor(std::vector<int> shape) {
  std::string text = "tensor<";
  for (int size : shape)
    text += std::to_string(size) + "x";
  return text + "f32>";
}

struct Product {
  int batch, m, n, k;
  bool transposeLhs, transposeRhs;
};

std::string text(const Product& p) {
  std::string lhs = tensor(p.transposeLhs ? std::vector{p.batch, p.k, p.m} : std::vector{p.batch, p.m, p.k});
  std::string rhs = tensor(p.transposeRhs ? std::vector{p.batch, p.n, p.k} : std::vector{p.batch, p.k, p.n});
  std::string result = tensor({p.batch, p.m, p.n});
  auto flag = [](bool b) { return b ? "true" : "false"; };
  return "func.func @main(%x: " + lhs + ", %y: " + rhs + ") -> " + result +
         " {\n  %r = kiln.fusion contraction \"product\" (%a = %x : " + lhs + ", %b = %y : " + rhs + ") -> " +
         result + " {\n    %p = kiln.matmul %a, %b {transpose_lhs = " + flag(p.transposeLhs) +
         ", transpose_rhs = " + flag(p.transposeRhs) + "} : (" + lhs + ", " + rhs + ") -> " + result +
         "\n    kiln.yield %p : " + result + "\n  }\n  return %r : " + result + "\n}";
}

std::vector<double> multiply(const Product& p, const std::vector<float>& x, const std::vector<float>& y) {
  std::vector<double> z(std::size_t(p.batch) * p.m * p.n, 0);
  for (int b = 0; b < p.batch; ++b)
    for (int i = 0; i < p.m; ++i)
      for (int j = 0; j < p.n; ++j)
        for (int k = 0; k < p.k; ++k) {
          float l = x[std::size_t(b) * p.m * p.k + (p.transposeLhs ? k * p.m + i : i * p.k + k)];
          float r = y[std::size_t(b) * p.k * p.n + (p.transposeRhs ? j * p.k + k : k * p.n + j)];
          z[(std::size_t(b) * p.m + i) * p.n + j] += double(l) * r;
        }
  return z;
}

} // namespace

TEST_CASE("products with every transpose, ragged in every dimension") {
  bool transposeLhs = GENERATE(false, true), transposeRhs = GENERATE(false, true);
  Product p{2, 37, 45, 29, transposeLhs, transposeRhs};
  auto x = numbers(std::size_t(p.batch) * p.m * p.k), y = numbers(std::size_t(p.batch) * p.k * p.n, 1, 3);
  CudaRun run = runText(text(p), {Buffer::of(x), Buffer::of(y)});
  checkClose(run.results[0].as<float>(), multiply(p, x, y), 3e-6);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("operands and results of whole vectors move by vectors, whatever is transposed") {
  bool transposeLhs = GENERATE(false, true), transposeRhs = GENERATE(false, true);
  // Several steps along the inner dimension, the last one cut; one step; the middle tile.
  auto [batch, m, n, k] =
      GENERATE(std::array{2, 36, 44, 76}, std::array{1, 32, 64, 8}, std::array{32, 52, 72, 40});
  Product p{batch, m, n, k, transposeLhs, transposeRhs};
  auto x = numbers(std::size_t(p.batch) * p.m * p.k), y = numbers(std::size_t(p.batch) * p.k * p.n, 1, 3);
  CudaRun run = runText(text(p), {Buffer::of(x), Buffer::of(y)});
  checkClose(run.results[0].as<float>(), multiply(p, x, y), 5e-6);
  const std::string& kernel = run.program.kernels[0].source;
  CHECK_THAT(kernel, Catch::Contains("load<4>(input0 + ") && Catch::Contains("load<4>(input1 + ") &&
                         Catch::Contains("store(matmul + "));
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("a product of few tiles is cut along its inner dimension, and its chunks added up in order") {
  // The inner dimension ends within a step, and within a chunk; batches; columns that are no vectors.
  auto [batch, m, n, k] = GENERATE(std::array{1, 40, 48, 1000}, std::array{2, 33, 45, 515});
  Product p{batch, m, n, k, GENERATE(false, true), false};
  auto x = numbers(std::size_t(p.batch) * p.m * p.k), y = numbers(std::size_t(p.batch) * p.k * p.n, 1, 3);
  CudaRun run = runText(text(p), {Buffer::of(x), Buffer::of(y)});
  checkClose(run.results[0].as<float>(), multiply(p, x, y), 2e-5);
  REQUIRE(run.program.kernels.size() == 2);
  CHECK(run.program.kernels[0].name == "product_chunks");
  CHECK(run.program.kernels[0].cuda.grid[2] > batch);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("the epilogue of a product in chunks is the second kernel's") {
  CudaRun run = runText(
      R"(func.func @main(%x: tensor<8x1024xf32>, %y: tensor<1024x12xf32>, %b: tensor<12xf32>) -> tensor<8x12xf32> {
    %r = kiln.fusion contraction "linear_relu" (%a = %x : tensor<8x1024xf32>, %c = %y : tensor<1024x12xf32>,
        %d = %b : tensor<12xf32>) -> tensor<8x12xf32> {
      %p = kiln.matmul %a, %c {transpose_lhs = false, transpose_rhs = false} : (tensor<8x1024xf32>, tensor<1024x12xf32>) -> tensor<8x12xf32>
      %w = kiln.broadcast %d {shape = array<i64: 8, 12>} : (tensor<12xf32>) -> tensor<8x12xf32>
      %s = kiln.add %p, %w : (tensor<8x12xf32>, tensor<8x12xf32>) -> tensor<8x12xf32>
      %h = kiln.relu %s : (tensor<8x12xf32>) -> tensor<8x12xf32>
      kiln.yield %h : tensor<8x12xf32>
    }
    return %r : tensor<8x12xf32>
  })",
      {Buffer::of(numbers(8 * 1024)), Buffer::of(numbers(1024 * 12, 1, 1)), Buffer::of(numbers(12, 1, 2))});
  auto b = numbers(12, 1, 2);
  auto want = multiply({1, 8, 12, 1024, false, false}, numbers(8 * 1024), numbers(1024 * 12, 1, 1));
  for (std::size_t i = 0; i < want.size(); ++i)
    want[i] = std::max(0.0, want[i] + b[i % 12]);
  checkClose(run.results[0].as<float>(), want, 2e-5);
  CHECK_THAT(run.program.kernels[1].source, Catch::Contains("store(relu + "));
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("the middle and the large tile") {
  Product p = GENERATE(Product{40, 70, 64, 33, false, true}, Product{67, 130, 128, 9, true, false});
  auto x = numbers(std::size_t(p.batch) * p.m * p.k), y = numbers(std::size_t(p.batch) * p.k * p.n, 1, 3);
  CudaRun run = runText(text(p), {Buffer::of(x), Buffer::of(y)});
  checkClose(run.results[0].as<float>(), multiply(p, x, y), 3e-6);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("the epilogue: bias, relu and a residual, two results, one transposed view") {
  constexpr int kM = 48, kN = 40, kK = 64;
  CudaRun run = runText(
      R"(func.func @main(%x: tensor<48x64xf32> {kiln.name = "x"}, %w: tensor<40x64xf32> {kiln.name = "fc1.weight"},
        %b: tensor<40xf32> {kiln.name = "fc1.bias"}, %e: tensor<40x48xf32> {kiln.name = "residual"}) -> (tensor<48x40xf32>, tensor<48x40xi1>) {
    %r:2 = kiln.fusion contraction "linear_relu" (%a = %x : tensor<48x64xf32>, %c = %w : tensor<40x64xf32>,
        %d = %b : tensor<40xf32>, %f = %e : tensor<40x48xf32>) -> (tensor<48x40xf32>, tensor<48x40xi1>) {
      %p = kiln.matmul %a, %c {transpose_lhs = false, transpose_rhs = true} : (tensor<48x64xf32>, tensor<40x64xf32>) -> tensor<48x40xf32>
      %w0 = kiln.broadcast %d {shape = array<i64: 48, 40>} : (tensor<40xf32>) -> tensor<48x40xf32>
      %s = kiln.add %p, %w0 : (tensor<48x40xf32>, tensor<48x40xf32>) -> tensor<48x40xf32>
      %h = kiln.relu %s : (tensor<48x40xf32>) -> tensor<48x40xf32>
      %t = kiln.transpose %f {permutation = array<i64: 1, 0>} : (tensor<40x48xf32>) -> tensor<48x40xf32>
      %y = kiln.add %h, %t : (tensor<48x40xf32>, tensor<48x40xf32>) -> tensor<48x40xf32>
      %z = kiln.constant {value = 0.0 : f64, dtype = "f32", shape = array<i64: 48, 40>} : tensor<48x40xf32>
      %m = kiln.gt %s, %z : (tensor<48x40xf32>, tensor<48x40xf32>) -> tensor<48x40xi1>
      kiln.yield %y, %m : tensor<48x40xf32>, tensor<48x40xi1>
    }
    return %r#0, %r#1 : tensor<48x40xf32>, tensor<48x40xi1>
  })",
      {Buffer::of(numbers(kM * kK)), Buffer::of(numbers(kN * kK, 1, 1)), Buffer::of(numbers(kN, 1, 2)),
       Buffer::of(numbers(kN * kM, 1, 4))});
  auto x = numbers(kM * kK), w = numbers(kN * kK, 1, 1), b = numbers(kN, 1, 2), e = numbers(kN * kM, 1, 4);
  auto product = multiply({1, kM, kN, kK, false, true}, x, w);
  std::vector<double> want(product.size());
  auto mask = run.results[1].as<std::uint8_t>();
  for (int i = 0; i < kM; ++i)
    for (int j = 0; j < kN; ++j) {
      double s = product[i * kN + j] + b[j];
      want[i * kN + j] = std::max(0.0, s) + e[j * kM + i];
      if (std::abs(s) > 1e-5) CHECK(mask[i * kN + j] == (s > 0));
    }
  checkClose(run.results[0].as<float>(), want, 3e-6);
  CHECK(nvrtcProblems(run.program) == "");
}
