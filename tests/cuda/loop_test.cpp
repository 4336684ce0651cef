// Loop fusions as CUDA kernels: vector and scalar addresses, broadcasts, transposes, indices, random bits.
#include "numeric_support.h"
#include "program_support.h"

#include "cuda/Nvrtc.h"
#include "kiln/runtime/error.h"
#include "kiln/runtime/philox.h"

using namespace kiln;
using namespace kiln::testing;

TEST_CASE("bias and relu: a row vector is broadcast over rows, 16 bytes a thread") {
  CudaRun run = runText(
      R"(func.func @main(%x: tensor<64x96xf32> {kiln.name = "x"}, %b: tensor<96xf32> {kiln.name = "bias"})
      -> tensor<64x96xf32> {
    %r = kiln.fusion loop "bias_relu" (%a = %x : tensor<64x96xf32>, %c = %b : tensor<96xf32>) -> tensor<64x96xf32> {
      %w = kiln.broadcast %c {shape = array<i64: 64, 96>} : (tensor<96xf32>) -> tensor<64x96xf32>
      %s = kiln.add %a, %w : (tensor<64x96xf32>, tensor<64x96xf32>) -> tensor<64x96xf32>
      %p = kiln.relu %s : (tensor<64x96xf32>) -> tensor<64x96xf32>
      kiln.yield %p : tensor<64x96xf32>
    }
    return %r : tensor<64x96xf32>
  })",
      {Buffer::of(numbers(64 * 96)), Buffer::of(numbers(96, 0.3f))});
  auto x = numbers(64 * 96), b = numbers(96, 0.3f);
  std::vector<double> want(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    want[i] = std::max(0.0, double(x[i]) + b[i % 96]);
  checkClose(run.results[0].as<float>(), want);
  CHECK(run.program.kernels[0].source == R"(// loop: broadcast add relu
extern "C" __global__ void __launch_bounds__(256) bias_relu(const float* __restrict__ x,
    const float* __restrict__ bias, float* __restrict__ relu) {
  const int block = blockIdx.x;
  const int thread = threadIdx.x;
  const int i = block * 1024 + thread * 4;
  const vec<float, 4> x_vector = load<4>(x + i);
  const vec<float, 4> bias_vector = load<4>(bias + i % 96);
  vec<float, 4> relu_vector;
  #pragma unroll
  for (int k = 0; k < 4; ++k) {
    const float add = x_vector[k] + bias_vector[k];
    relu_vector[k] = add < 0.0f ? 0.0f : add;
  }
  store(relu + i, relu_vector);
}
)");
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("a large loop keeps two vectors in flight; odd sizes go element by element") {
  CudaRun run =
      runText(R"(func.func @main(%x: tensor<131072xf32>, %y: tensor<1003xf32>, %s: tensor<f32>)
      -> (tensor<131072xf32>, tensor<1003xf32>) {
    %r = kiln.fusion loop "even" (%a = %x : tensor<131072xf32>) -> tensor<131072xf32> {
      %e = kiln.exp %a : (tensor<131072xf32>) -> tensor<131072xf32>
      %t = kiln.tanh %e : (tensor<131072xf32>) -> tensor<131072xf32>
      %m = kiln.mul %t, %e : (tensor<131072xf32>, tensor<131072xf32>) -> tensor<131072xf32>
      kiln.yield %m : tensor<131072xf32>
    }
    %q = kiln.fusion loop "odd" (%a = %y : tensor<1003xf32>, %b = %s : tensor<f32>) -> tensor<1003xf32> {
      %w = kiln.broadcast %b {shape = array<i64: 1003>} : (tensor<f32>) -> tensor<1003xf32>
      %d = kiln.div %a, %w : (tensor<1003xf32>, tensor<1003xf32>) -> tensor<1003xf32>
      kiln.yield %d : tensor<1003xf32>
    }
    return %r, %q : tensor<131072xf32>, tensor<1003xf32>
  })",
              {Buffer::of(numbers(131072)), Buffer::of(numbers(1003)), Buffer::of(std::vector<float>{0.7f})});
  auto x = numbers(131072), y = numbers(1003);
  std::vector<double> even(x.size()), odd(y.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    even[i] = std::tanh(std::exp(double(x[i]))) * std::exp(double(x[i]));
  for (std::size_t i = 0; i < y.size(); ++i)
    odd[i] = y[i] / double(0.7f);
  checkClose(run.results[0].as<float>(), even);
  checkClose(run.results[1].as<float>(), odd);
  CHECK(run.program.kernels[0].cuda.grid[0] == 64);
  if (codegen::cuda::nvrtc().available) {
    std::string ptx = codegen::cuda::compilePtx(run.program.source, "sm_90a");
    CHECK(ptx.find("ld.global.nc.v4") != std::string::npos);
    CHECK(ptx.find("st.global.v4") != std::string::npos);
  }
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("transposes and slices are addresses") {
  CudaRun run =
      runText(R"(func.func @main(%x: tensor<20x12xf32>, %y: tensor<30x40xf32>) -> tensor<12x20xf32> {
    %r = kiln.fusion loop "move" (%a = %x : tensor<20x12xf32>, %b = %y : tensor<30x40xf32>) -> tensor<12x20xf32> {
      %t = kiln.transpose %a {permutation = array<i64: 1, 0>} : (tensor<20x12xf32>) -> tensor<12x20xf32>
      %s = kiln.slice %b {starts = array<i64: 3, 5>, stops = array<i64: 27, 25>, steps = array<i64: 2, 1>}
          : (tensor<30x40xf32>) -> tensor<12x20xf32>
      %d = kiln.sub %t, %s : (tensor<12x20xf32>, tensor<12x20xf32>) -> tensor<12x20xf32>
      kiln.yield %d : tensor<12x20xf32>
    }
    return %r : tensor<12x20xf32>
  })",
              {Buffer::of(numbers(240)), Buffer::of(numbers(1200))});
  auto x = numbers(240), y = numbers(1200);
  std::vector<double> want;
  for (int i = 0; i < 12; ++i)
    for (int j = 0; j < 20; ++j)
      want.push_back(double(x[j * 12 + i]) - y[(3 + 2 * i) * 40 + 5 + j]);
  checkClose(run.results[0].as<float>(), want);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("embedding: rows are chosen by indices, and wrong ones are clamped") {
  std::vector<std::int64_t> indices = {3, 0, 9, 4, 12, -2};
  CudaRun run = runText(R"(func.func @main(%t: tensor<10x8xf32>, %i: tensor<6xi64>) -> tensor<6x8xf32> {
    %r = kiln.fusion loop "embedding" (%a = %t : tensor<10x8xf32>, %b = %i : tensor<6xi64>) -> tensor<6x8xf32> {
      %g = kiln.take %a, %b {dim = 0 : i64} : (tensor<10x8xf32>, tensor<6xi64>) -> tensor<6x8xf32>
      kiln.yield %g : tensor<6x8xf32>
    }
    return %r : tensor<6x8xf32>
  })",
                        {Buffer::of(numbers(80)), Buffer::of(indices)});
  auto table = numbers(80);
  std::vector<double> want;
  for (std::int64_t index : indices)
    for (int j = 0; j < 8; ++j)
      want.push_back(table[std::clamp<std::int64_t>(index, 0, 9) * 8 + j]);
  checkClose(run.results[0].as<float>(), want, 0);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("random bits are those of the host's generator") {
  std::vector<std::int64_t> state = {0x123456789abcdef, 70};
  CudaRun run = runText(R"(func.func @main(%s: tensor<2xi64>) -> tensor<10x30xf32> {
    %r = kiln.fusion loop "noise" (%a = %s : tensor<2xi64>) -> tensor<10x30xf32> {
      %u = kiln.uniform %a {offset = 64 : i64, dtype = "f32", shape = array<i64: 10, 30>} : (tensor<2xi64>) -> tensor<10x30xf32>
      kiln.yield %u : tensor<10x30xf32>
    }
    return %r : tensor<10x30xf32>
  })",
                        {Buffer::of(state)});
  std::vector<double> want;
  for (int i = 0; i < 300; ++i)
    want.push_back(runtime::random_uniform(state[0], 70 + 64, i));
  checkClose(run.results[0].as<float>(), want, 0);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("comparisons, bool in memory, integers, double") {
  CudaRun run =
      runText(R"(func.func @main(%x: tensor<300xf32>, %n: tensor<300xi64>, %d: tensor<300xf64>)
      -> (tensor<300xi1>, tensor<300xf32>, tensor<300xf64>) {
    %r:3 = kiln.fusion loop "types" (%a = %x : tensor<300xf32>, %b = %n : tensor<300xi64>, %c = %d : tensor<300xf64>)
        -> (tensor<300xi1>, tensor<300xf32>, tensor<300xf64>) {
      %f = kiln.cast %b {dtype = "f32"} : (tensor<300xi64>) -> tensor<300xf32>
      %lt = kiln.lt %a, %f : (tensor<300xf32>, tensor<300xf32>) -> tensor<300xi1>
      %w = kiln.where %lt, %a, %f : (tensor<300xi1>, tensor<300xf32>, tensor<300xf32>) -> tensor<300xf32>
      %e = kiln.log %c : (tensor<300xf64>) -> tensor<300xf64>
      kiln.yield %lt, %w, %e : tensor<300xi1>, tensor<300xf32>, tensor<300xf64>
    }
    return %r#0, %r#1, %r#2 : tensor<300xi1>, tensor<300xf32>, tensor<300xf64>
  })",
              [&] {
                std::vector<std::int64_t> n(300);
                std::vector<double> d(300);
                for (int i = 0; i < 300; ++i)
                  n[i] = i % 3 - 1, d[i] = 0.1 + i;
                return std::vector<Buffer>{Buffer::of(numbers(300, 4)), Buffer::of(n), Buffer::of(d)};
              }());
  auto x = numbers(300, 4);
  auto less = run.results[0].as<std::uint8_t>();
  auto chosen = run.results[1].as<float>();
  auto logs = run.results[2].as<double>();
  for (int i = 0; i < 300; ++i) {
    float n = float(i % 3 - 1);
    CHECK(less[i] == (x[i] < n));
    CHECK(chosen[i] == std::min(x[i], n));
    CHECK(std::abs(logs[i] - std::log(0.1 + i)) < 1e-14);
  }
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("a program of unknown size takes the number of elements when it is launched") {
  CudaRun run = runText(R"(func.func @main(%x: tensor<?xf32>, %s: tensor<f32>) -> tensor<?xf32> {
    %r = kiln.fusion loop "scale" (%a = %x : tensor<?xf32>, %b = %s : tensor<f32>) -> tensor<?xf32> {
      %m = kiln.mul %a, %b : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
      kiln.yield %m : tensor<?xf32>
    }
    return %r : tensor<?xf32>
  })",
                        {Buffer::of(numbers(1234)), Buffer::of(std::vector<float>{3})});
  std::vector<double> want;
  for (float x : numbers(1234))
    want.push_back(x * 3.0);
  checkClose(run.results[0].as<float>(), want);
  CHECK(nvrtcProblems(run.program) == "");
}
