// Peak: independent chains of fused multiply-adds in the widest registers that the CPU has, all operands in
// registers. Bandwidth: the better of a plain copy and one with non-temporal stores, which save reading the
// destination.
#include "roofline.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include <immintrin.h>
#include <sched.h>

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Twelve chains cover two FMA units of five cycles' latency.
constexpr int kChains = 12;

__attribute__((target("avx512f"))) double fma_avx512(std::int64_t rounds) {
  __m512 sum[kChains], a = _mm512_set1_ps(1.000001F), b = _mm512_set1_ps(1e-9F);
  for (auto& s : sum)
    s = _mm512_set1_ps(1);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i)
      sum[i] = _mm512_fmadd_ps(sum[i], a, b);
  }
  float total = 0;
  for (auto& s : sum)
    total += _mm512_reduce_add_ps(s);
  return total;
}

__attribute__((target("avx2,fma"))) double fma_avx2(std::int64_t rounds) {
  __m256 sum[kChains], a = _mm256_set1_ps(1.000001F), b = _mm256_set1_ps(1e-9F);
  for (auto& s : sum)
    s = _mm256_set1_ps(1);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i)
      sum[i] = _mm256_fmadd_ps(sum[i], a, b);
  }
  float total = 0;
  for (auto& s : sum)
    total += s[0] + s[5];
  return total;
}

double multiply_add_sse(std::int64_t rounds) {
  __m128 sum[kChains], a = _mm_set1_ps(1.000001F), b = _mm_set1_ps(1e-9F);
  for (auto& s : sum)
    s = _mm_set1_ps(1);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i)
      sum[i] = _mm_add_ps(_mm_mul_ps(sum[i], a), b);
  }
  float total = 0;
  for (auto& s : sum)
    total += s[0] + s[3];
  return total;
}

struct Peak {
  double (*run)(std::int64_t rounds);
  int lanes;
};

Peak widest() {
  if (__builtin_cpu_supports("avx512f")) return {fma_avx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {fma_avx2, 8};
  return {multiply_add_sse, 4};
}

/// Binds the calling thread to one of the CPUs that it may run on, another for each of as many threads. Two
/// that a scheduler leaves on one core would make half a machine of it.
void bind_to_core(int thread) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int nth = thread % CPU_COUNT(&allowed);
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &allowed) && nth-- == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(core, &one);
      sched_setaffinity(0, sizeof one, &one);
      return;
    }
}

/// Runs body(thread) on every thread, all starting together; returns the seconds from the start to the last
/// one's end.
template <class F> double together(int threads, F&& body) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      bind_to_core(t);
      ++ready;
      while (!go.load(std::memory_order_acquire))
        _mm_pause();
      body(t);
    });
  while (ready.load() < threads)
    _mm_pause();
  auto start = Clock::now();
  go.store(true, std::memory_order_release);
  for (auto& thread : pool)
    thread.join();
  return seconds_since(start);
}

double measure_flops(int threads) {
  Peak peak = widest();
  constexpr std::int64_t kRounds = 8'000'000; // 20 to 40 ms
  std::vector<double> sink(static_cast<std::size_t>(threads) * 8);
  double best = 1e30;
  for (int repeat = 0; repeat < 6; ++repeat)
    best = std::min(
        best, together(threads, [&](int t) { sink[static_cast<std::size_t>(t) * 8] = peak.run(kRounds); }));
  volatile double used = sink[0];
  (void)used;
  return 2.0 * peak.lanes * kChains * kRounds * threads / best;
}

void copy_plain(float* to, const float* from, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 4)
    _mm_store_ps(to + i, _mm_load_ps(from + i));
}

__attribute__((target("avx"))) void copy_streaming(float* to, const float* from, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 8)
    _mm256_stream_ps(to + i, _mm256_load_ps(from + i));
  _mm_sfence();
}

double measure_bandwidth(int threads) {
  constexpr std::size_t kCount = 32 << 20; // 128 MiB each way
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  auto allocate = [] {
    return std::unique_ptr<float, Free>(static_cast<float*>(std::aligned_alloc(4096, kCount * 4)));
  };
  auto from = allocate(), to = allocate();
  if (!from || !to) return 0;
  std::fill_n(from.get(), kCount, 1.0F);
  std::fill_n(to.get(), kCount, 0.0F);
  bool streaming = __builtin_cpu_supports("avx");
  std::size_t share = kCount / static_cast<std::size_t>(threads) / 16 * 16;
  double best = 1e30;
  for (int repeat = 0; repeat < 8; ++repeat) {
    auto copy = streaming && repeat % 2 ? copy_streaming : copy_plain;
    best = std::min(best, together(threads, [&](int t) {
                      std::size_t begin = share * static_cast<std::size_t>(t);
                      copy(to.get() + begin, from.get() + begin, share);
                    }));
  }
  return 2.0 * 4 * static_cast<double>(share) * threads / best;
}

/// What one core can reach of the last cache. The kernel's own figure: under a hypervisor, sysconf gives the
/// whole socket's.
std::size_t last_cache_bytes() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
  std::size_t kib = 0;
  return file >> kib ? kib << 10 : 0;
}

} // namespace

Roofline measure_roofline(int threads) {
  return {measure_flops(threads), measure_bandwidth(threads), last_cache_bytes()};
}

double floor_ms(const Roofline& roofline, double flops, double bytes) {
  double compute = flops / roofline.flops;
  double move = bytes > static_cast<double>(roofline.cache_bytes) ? bytes / roofline.bytes : 0;
  return std::max(compute, move) * 1000;
}

} // namespace bench
