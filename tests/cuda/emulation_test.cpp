// The emulation itself: what a device would do, and what it must refuse.
#include "emulation/EmulatedModule.h"

#include "cuda/Prelude.h"
#include "kiln/runtime/error.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace kiln;
using namespace kiln::testing;

namespace {

const char* kSource = R"(
extern "C" __global__ void __launch_bounds__(64) reverse(const float* x, float* y) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
  __syncthreads();
  y[blockIdx.x * 64 + threadIdx.x] = tile[63 - threadIdx.x];
}
extern "C" __global__ void __launch_bounds__(64) race(const float* x, float* y) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
  y[blockIdx.x * 64 + threadIdx.x] = tile[63 - threadIdx.x];
}
extern "C" __global__ void warp_sum(const float* x, float* y) {
  float sum = x[threadIdx.x];
  for (int o = 16; o > 0; o /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, o);
  y[threadIdx.x] = sum;
}
extern "C" __global__ void split_barrier(const float* x, float* y) {
  if (threadIdx.x < 3) __syncthreads();
  y[threadIdx.x] = x[threadIdx.x];
}
extern "C" __global__ void split_shuffle(const float* x, float* y) {
  if (threadIdx.x < 3) y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, x[threadIdx.x], 1);
}
extern "C" __global__ void unset(const float* x, float* y) {
  __shared__ float tile[64];
  y[threadIdx.x] = tile[threadIdx.x];
}
extern "C" __global__ void convert(const float* x, float* y) {
  y[2 * threadIdx.x] = bfloat16(x[threadIdx.x]);
  y[2 * threadIdx.x + 1] = half16(x[threadIdx.x]);
}
)";

const EmulatedModule& module() {
  static const EmulatedModule compiled(std::string(codegen::cuda::prelude()) + kSource);
  return compiled;
}

std::vector<float> run(const char* kernel, const runtime::CudaLaunch& launch, std::vector<float> x,
                       std::size_t results, Schedule schedule = Schedule::Forward) {
  std::vector<float> y(results, -1);
  std::uint64_t parameters[] = {reinterpret_cast<std::uintptr_t>(x.data()),
                                reinterpret_cast<std::uintptr_t>(y.data())};
  module().launch(kernel, launch, parameters, schedule);
  return y;
}

std::vector<float> count(std::size_t n) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = float(i);
  return x;
}

const runtime::CudaLaunch kTwoBlocks{{2, 1, 1}, {64, 1, 1}, 0}, kWarp{{1, 1, 1}, {32, 1, 1}, 0};

} // namespace

TEST_CASE("barriers order shared memory in every schedule") {
  for (Schedule schedule : kSchedules) {
    auto y = run("reverse", kTwoBlocks, count(128), 128, schedule);
    CHECK(y[0] == 63);
    CHECK(y[64] == 127);
    CHECK(y[127] == 64);
  }
}

TEST_CASE("a missing barrier shows as a difference between schedules, or as NaN") {
  auto forward = run("race", kTwoBlocks, count(128), 128, Schedule::Forward);
  auto reverse = run("race", kTwoBlocks, count(128), 128, Schedule::Reverse);
  bool differ = false;
  for (std::size_t i = 0; i < forward.size(); ++i)
    differ |= !(forward[i] == reverse[i]);
  CHECK(differ);
}

TEST_CASE("shuffles exchange within a warp") {
  for (Schedule schedule : kSchedules)
    CHECK(run("warp_sum", kWarp, count(32), 32, schedule) == std::vector<float>(32, 496));
}

TEST_CASE("divergence at a barrier or a shuffle is an error") {
  CHECK_THROWS_WITH(run("split_barrier", kWarp, count(32), 32),
                    "divergence at a barrier: 3 of 32 threads reach it");
  CHECK_THROWS_WITH(run("split_shuffle", kWarp, count(32), 32),
                    "divergence at a shuffle: 3 of 32 lanes reach it");
}

TEST_CASE("a launch with a parameter too few is an error") {
  std::uint64_t parameters[] = {0};
  CHECK_THROWS_WITH(module().launch("unset", kWarp, parameters, Schedule::Forward),
                    "emulation: unset got 1 words of parameters, wanted 2");
}

TEST_CASE("shared memory starts as NaN") {
  CHECK(std::isnan(run("unset", kWarp, count(32), 32)[5]));
}

TEST_CASE("text that is not C++ is an error with the compiler's message") {
  CHECK_THROWS_AS(EmulatedModule("extern \"C\" __global__ void broken( {"), Error);
}

TEST_CASE("bfloat16 and half round to nearest even") {
  std::vector<float> x(32, 0.0f);
  float inputs[] = {1.0f, 1.00390625f, 1.01171875f, 65504.0f, 65520.0f, 0x1p-24f, 0x1.8p-24f, -0.1f, 1e-9f};
  std::copy(std::begin(inputs), std::end(inputs), x.begin());
  auto y = run("convert", kWarp, x, 64);
  CHECK(y[2] == 1.0f);      // 1 + 2^-8: halfway, to even
  CHECK(y[4] == 1.015625f); // 1 + 3 * 2^-8: halfway, to even
  CHECK(y[7] == 65504.0f);
  CHECK(std::isinf(y[9]));  // halfway beyond the largest half
  CHECK(y[11] == 0x1p-24f); // the smallest subnormal half
  CHECK(y[13] == 0x1p-23f); // halfway between subnormals, to even
  CHECK(y[15] == -0.0999755859375f);
  CHECK(y[17] == 0.0f);
}
