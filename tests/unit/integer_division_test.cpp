// Quotients and remainders of integers against the machine's own division, one by one.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using namespace kiln;

namespace {

/// Numbers of every size, with the ends of T's range and of what a float holds.
template <class T> std::vector<T> numbers(unsigned seed) {
  using L = std::numeric_limits<T>;
  std::vector<T> result = {
      0, 1, 2, L::max(), L::min(), static_cast<T>(L::max() - 1), static_cast<T>(L::min() + 1)};
  if (L::is_signed) result.push_back(static_cast<T>(-1));
  for (int bits : {23, 24, 31, 50, 51, 52, 53})
    if (bits < L::digits)
      for (int near : {-1, 0, 1})
        for (int sign : {1, -1})
          result.push_back(static_cast<T>(sign * ((std::int64_t{1} << bits) + near)));
  std::mt19937_64 random(seed);
  while (result.size() < 3000)
    result.push_back(static_cast<T>(static_cast<std::int64_t>(random()) >> random() % 64));
  return result;
}

/// As of a division that never traps: by 0 the quotient is 0.
template <class T> T quotient(T a, T b) {
  if (b == 0) return 0;
  if (std::numeric_limits<T>::is_signed && b == static_cast<T>(-1))
    return static_cast<T>(-static_cast<std::uint64_t>(a));
  return static_cast<T>(a / b);
}

template <class T> void check(DType dtype) {
  std::vector<T> a = numbers<T>(1), b = numbers<T>(2);
  for (std::size_t i = a.size() / 2; i < a.size(); ++i) // multiples, and their neighbours
    a[i] = static_cast<T>(static_cast<std::uint64_t>(b[i]) * (static_cast<std::uint64_t>(a[i]) % 1000) +
                          i % 3 - 1);
  auto tensor = [&](std::vector<T>& values) {
    return from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, dtype).clone();
  };
  const Tensor x = tensor(a), y = tensor(b);
  const Tensor quotients = div(x, y, "trunc"), rests = fmod(x, y);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const T want = quotient(a[i], b[i]);
    const T rest = static_cast<T>(static_cast<std::uint64_t>(a[i]) -
                                  static_cast<std::uint64_t>(want) * static_cast<std::uint64_t>(b[i]));
    if (quotients.data_ptr<T>()[i] == want && rests.data_ptr<T>()[i] == rest) continue;
    FAIL_CHECK(std::int64_t{a[i]} << " / " << std::int64_t{b[i]} << ": got "
                                  << std::int64_t{quotients.data_ptr<T>()[i]} << " rest "
                                  << std::int64_t{rests.data_ptr<T>()[i]} << ", want " << std::int64_t{want}
                                  << " rest " << std::int64_t{rest});
    return;
  }
  SUCCEED();
}

} // namespace

TEST_CASE("integers of every size divide exactly") {
  SECTION("i64") {
    check<std::int64_t>(kInt64);
  }
  SECTION("i32") {
    check<std::int32_t>(kInt32);
  }
  SECTION("i8") {
    check<std::int8_t>(kInt8);
  }
  SECTION("u8") {
    check<std::uint8_t>(kUInt8);
  }
}
