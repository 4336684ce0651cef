// Elementwise functions against the C library's long double ones, in units of the last place, over numbers of
// every kind: ordinary ones, all bit patterns, denormals, zeros, infinities, NaN.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <array>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace kiln;

namespace {

constexpr std::size_t kCount = 1 << 15;

template <class T> std::array<T, 14> edges() {
  using L = std::numeric_limits<T>;
  return {0,
          T(-0.0),
          1,
          -1,
          L::infinity(),
          -L::infinity(),
          L::quiet_NaN(),
          L::max(),
          L::lowest(),
          L::min(),
          L::denorm_min(),
          L::epsilon(),
          T(0.5),
          T(-0.5)};
}

/// A quarter each: any bits, within [low, high], within [-1, 1], of any size from 2^-40 to 8.
template <class T> std::vector<T> numbers(double low, double high, unsigned seed) {
  std::mt19937_64 random(seed);
  auto between = [&](double a, double b) { return std::uniform_real_distribution<double>(a, b)(random); };
  std::vector<T> result;
  for (T edge : edges<T>())
    result.push_back(edge);
  while (result.size() < kCount) {
    const std::uint64_t bits = random();
    T any;
    std::memcpy(&any, &bits, sizeof any);
    result.push_back(std::isnan(any) ? edges<T>()[6] : any); // a signalling one is another thing to C
    result.push_back(static_cast<T>(between(low, high)));
    result.push_back(static_cast<T>(between(-1, 1)));
    result.push_back(static_cast<T>(std::copysign(std::exp2(between(-40, 3)), between(-1, 1))));
  }
  return result;
}

/// How many units of T's last place at `want` lie between the two; infinity where they differ in kind or
/// sign.
template <class T> double error(T got, long double want) {
  const double differs = std::numeric_limits<double>::infinity();
  const T nearest = static_cast<T>(want);
  if (std::isnan(want)) return std::isnan(got) ? 0 : differs;
  if (got == nearest) return std::signbit(got) == std::signbit(nearest) ? 0 : differs;
  int exponent = 0;
  std::frexp(want, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent) - std::numeric_limits<T>::digits;
  return static_cast<double>(std::abs(got - want) / std::ldexp(1.0L, exponent));
}

template <class T> Tensor tensor_of(std::vector<T>& values) {
  return from_blob(values.data(), {static_cast<std::int64_t>(values.size())},
                   sizeof(T) == 4 ? kFloat32 : kFloat64)
      .clone();
}

template <class T, class Reference>
void check(const char* name, Tensor (*function)(const Tensor&), Reference reference, double low, double high,
           double limit) {
  std::vector<T> x = numbers<T>(low, high, 1);
  const Tensor y = function(tensor_of(x));
  const T* got = y.data_ptr<T>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double want = reference(static_cast<long double>(x[i]));
    if (error(got[i], want) <= limit) continue;
    FAIL_CHECK(name << "(" << x[i] << "): got " << got[i] << ", want " << want << ": " << error(got[i], want)
                    << " units in the last place, at most " << limit << " allowed");
    return;
  }
  SUCCEED();
}

template <class T> void check_power(const std::vector<T>& a0, const std::vector<T>& b0, double limit) {
  std::vector<T> a = a0, b = b0;
  const Tensor y = pow(tensor_of(a), tensor_of(b));
  const T* got = y.data_ptr<T>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    const long double want = std::pow(static_cast<long double>(a[i]), static_cast<long double>(b[i]));
    if (error(got[i], want) <= limit) continue;
    FAIL_CHECK("pow(" << a[i] << ", " << b[i] << "): got " << got[i] << ", want " << want << ": "
                      << error(got[i], want) << " units in the last place, at most " << limit << " allowed");
    return;
  }
  SUCCEED();
}

template <class T> void check_powers(double limit) {
  const auto edge = edges<T>();
  std::vector<T> bases, exponents;
  for (T a : edge)
    for (T b : {edge[0],       edge[1],   edge[2],           edge[3],       edge[4],
                edge[5],       edge[6],   edge[7],           edge[8],       edge[9],
                edge[10],      edge[12],  edge[13],          T(2),          T(3),
                T(-3),         T(1.5),    T(-2.5),           T(0x1p23) + 1, T(0x1p24),
                T(0x1p52) + 1, T(0x1p53), T(0x1p51) + T(0.5)}) {
      bases.push_back(a);
      exponents.push_back(b);
    }
  check_power(bases, exponents, limit);
  check_power(numbers<T>(0, 50, 2), numbers<T>(-30, 30, 3), limit);
  // Whole exponents of numbers of both signs, and large exponents of numbers near one.
  bases = numbers<T>(-50, 50, 4), exponents = numbers<T>(-30, 30, 5);
  for (std::size_t i = 0; i < bases.size(); ++i)
    exponents[i] = std::round(exponents[i]);
  check_power(bases, exponents, limit);
  for (std::size_t i = 0; i < bases.size(); ++i) {
    bases[i] = 1 + (static_cast<T>(i % 1000) - 500) / 4096;
    exponents[i] *= 100;
  }
  check_power(bases, exponents, limit);
}

} // namespace

#define CHECK_FUNCTION(name, low, high, f32, f64)                                                            \
  SECTION(#name) {                                                                                           \
    const auto reference = [](long double x) { return std::name(x); };                                       \
    const auto function = [](const Tensor& x) { return kiln::name(x); };                                     \
    check<float>(#name " in f32", function, reference, low, high, f32);                                      \
    check<double>(#name " in f64", function, reference, low, high, f64);                                     \
  }

TEST_CASE("functions are right to the last places"){
    CHECK_FUNCTION(exp, -110, 90, 1.2, 1) CHECK_FUNCTION(expm1, -50, 90, 1.6, 1.6)
        CHECK_FUNCTION(tanh, -20, 20, 6, 2.5) CHECK_FUNCTION(log, 0, 1000, 1.6, 1)
            CHECK_FUNCTION(log1p, -1, 1000, 2.5, 1) CHECK_FUNCTION(sin, -1000, 1000, 2.5, 1)
                CHECK_FUNCTION(cos, -1000, 1000, 2.5, 1) CHECK_FUNCTION(atan, -1000, 1000, 2, 1)}

TEST_CASE("powers are right to the last places, and special cases are C's") {
  SECTION("f32") {
    check_powers<float>(0.6);
  }
  SECTION("f64") {
    check_powers<double>(1.5);
  }
}
