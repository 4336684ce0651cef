// Loop fusions as CUDA kernels: vector and scalar addresses, broadcasts, transposes, random bits, casts.
#include "program_support.h"

#include "kiln/runtime/philox.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kiln;
using namespace kiln::testing;

namespace {

std::vector<float> numbers(std::size_t n, float scale = 1) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = scale * (float((i * 7919) % 1009) / 1009 - 0.5f);
  return x;
}

void checkClose(const std::vector<float>& got, const std::vector<double>& want, double tolerance = 1e-6) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - want[i]) <= tolerance * std::max(1.0, std::abs(want[i])))) {
      CAPTURE(i, got[i], want[i]);
      FAIL("differs");
    }
}

} // namespace

TEST_CASE("bias and relu: a row vector is broadcast over rows") {
  std::string text =
      R"(func.func @main(%x: tensor<64x96xf32> {kiln.name = "x"}, %b: tensor<96xf32> {kiln.name = "bias"})
      -> tensor<64x96xf32> {
    %r = kiln.fusion loop "bias_relu" (%a = %x : tensor<64x96xf32>, %c = %b : tensor<96xf32>) -> tensor<64x96xf32> {
      %w = kiln.broadcast %c {shape = array<i64: 64, 96>} : (tensor<96xf32>) -> tensor<64x96xf32>
      %s = kiln.add %a, %w : (tensor<64x96xf32>, tensor<64x96xf32>) -> tensor<64x96xf32>
      %p = kiln.relu %s : (tensor<64x96xf32>) -> tensor<64x96xf32>
      kiln.yield %p : tensor<64x96xf32>
    }
    return %r : tensor<64x96xf32>
  })";
  auto x = numbers(64 * 96), b = numbers(96, 0.3f);
  CudaRun run = runText(text, {Buffer::of(x), Buffer::of(b)});
  std::vector<double> want(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    want[i] = std::max(0.0, double(x[i]) + b[i % 96]);
  checkClose(run.results[0].as<float>(), want);
  INFO(run.program.source);
  CHECK(run.program.kernels[0].source.find("load<4>(x + i)") != std::string::npos);
  CHECK(nvrtcProblems(run.program) == "");
}
