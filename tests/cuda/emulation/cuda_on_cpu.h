// What printed kernels need to compile as plain C++: CUDA's keywords, built-in variables, shuffles and math.
// Included before the kernel text; no standard headers, so that compiling it takes little time.
#pragma once

#include "cuda_state.h"

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
// One section holds all shared memory, so that the scheduler can fill it before each block.
// (`used`: the compiler must not conclude what is in it.)
#define __shared__ static __attribute__((used, section("kiln_shared")))

extern "C" {
extern EmulatedState emulated_state; // defined in each compiled module

float acosf(float), acoshf(float), asinf(float), asinhf(float), atanf(float), atan2f(float, float),
    atanhf(float), cbrtf(float), ceilf(float), copysignf(float, float), cosf(float), coshf(float),
    erff(float), erfcf(float), expf(float), exp2f(float), expm1f(float), fabsf(float), floorf(float),
    fmaf(float, float, float), fmaxf(float, float), fminf(float, float), fmodf(float, float), logf(float),
    log10f(float), log1pf(float), log2f(float), powf(float, float), rintf(float), roundf(float), sinf(float),
    sinhf(float), sqrtf(float), tanf(float), tanhf(float), truncf(float);
double acos(double), acosh(double), asin(double), asinh(double), atan(double), atan2(double, double),
    atanh(double), cbrt(double), ceil(double), copysign(double, double), cos(double), cosh(double),
    erf(double), erfc(double), exp(double), exp2(double), expm1(double), fabs(double), floor(double),
    fma(double, double, double), fmax(double, double), fmin(double, double), fmod(double, double),
    log(double), log10(double), log1p(double), log2(double), pow(double, double), rint(double), round(double),
    sin(double), sinh(double), sqrt(double), tan(double), tanh(double), trunc(double);
void* memcpy(void*, const void*, decltype(sizeof(0)));
int abs(int);
}

#define threadIdx (emulated_state.threadIndex)
#define blockIdx (emulated_state.blockIndex)
#define blockDim (emulated_state.blockSize)
#define gridDim (emulated_state.gridSize)

inline float rsqrtf(float x) {
  return 1 / sqrtf(x);
}
inline double rsqrt(double x) {
  return 1 / sqrt(x);
}
inline bool isnan(float x) {
  return x != x;
}
inline bool isnan(double x) {
  return x != x;
}
inline long long abs(long long x) {
  return x < 0 ? -x : x;
}
inline signed char abs(signed char x) {
  return x < 0 ? -x : x;
}
template <class T> inline T min(T a, T b) {
  return a < b ? a : b;
}
template <class T> inline T max(T a, T b) {
  return a > b ? a : b;
}
inline float __int_as_float(int bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

inline void __syncthreads() {
  emulated_state.wait(1);
}

// Two slots a lane, used in turn: a lane that runs ahead to the next exchange does not overwrite a value that
// another lane has still to read.
template <class T> inline T emulated_exchange(T value, unsigned source) {
  int parity = emulated_state.parity ^= 1;
  unsigned own = emulated_state.laneNumber;
  memcpy(emulated_state.lane(own, parity), &value, sizeof value);
  emulated_state.wait(2);
  T result;
  memcpy(&result, emulated_state.lane(source < 32 ? source : own, parity), sizeof result);
  return result;
}
template <class T> inline T __shfl_sync(unsigned, T value, int lane) {
  return emulated_exchange(value, lane & 31);
}
template <class T> inline T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulated_exchange(value, emulated_state.laneNumber ^ mask);
}
template <class T> inline T __shfl_down_sync(unsigned, T value, unsigned by) {
  return emulated_exchange(value, emulated_state.laneNumber + by);
}
template <class T> inline T __shfl_up_sync(unsigned, T value, unsigned by) {
  return emulated_exchange(value, emulated_state.laneNumber - by);
}

// Calls a kernel with parameters that lie one after the other, in words of 8 bytes.
template <class... A> struct EmulatedWords;
template <> struct EmulatedWords<> {
  static constexpr unsigned count = 0;
};
template <class First, class... Rest> struct EmulatedWords<First, Rest...> {
  static_assert(sizeof(First) % 8 == 0, "parameters are pointers, arrays of them or 64-bit integers");
  static constexpr unsigned count = sizeof(First) / 8 + EmulatedWords<Rest...>::count;
};
template <class... Left> struct EmulatedCall {
  template <class Kernel, class... Given>
  static void run(Kernel kernel, const unsigned long long*, const Given&... given) {
    kernel(given...);
  }
};
template <class First, class... Rest> struct EmulatedCall<First, Rest...> {
  template <class Kernel, class... Given>
  static void run(Kernel kernel, const unsigned long long* words, const Given&... given) {
    First value;
    memcpy(&value, words, sizeof(First));
    EmulatedCall<Rest...>::run(kernel, words + sizeof(First) / 8, given..., value);
  }
};
template <class... A> inline void emulated_call(void (*kernel)(A...), const unsigned long long* words) {
  EmulatedCall<A...>::run(kernel, words);
}
template <class... A> constexpr unsigned emulated_words(void (*)(A...)) {
  return EmulatedWords<A...>::count;
}
