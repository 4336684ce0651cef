// Whole programs on integers, at the ends of their ranges, against plain loops.
#include "../support/run_program.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

using namespace kiln;
using namespace kiln::test;

namespace {

ir::ValueId call(ir::Program& p, std::string_view op, std::vector<ir::ValueId> operands,
                 std::vector<ir::NamedAttr> attrs = {}) {
  return p.add_call(op, std::move(operands), std::move(attrs)).front();
}

template <typename T> void checkQuotients(DType dtype) {
  INFO(name(dtype));
  const T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max(),
          minusOne = static_cast<T>(-1);
  std::vector<T> a, b;
  for (T dividend : {least, most, T(0), T(7), static_cast<T>(-7)})
    for (T divisor : {T(0), minusOne, T(1), T(2), static_cast<T>(-3), most})
      a.push_back(dividend), b.push_back(divisor);
  const TensorType type{dtype, {static_cast<std::int64_t>(a.size())}};
  ir::Program p;
  auto x = p.add_input(type), y = p.add_input(type);
  p.outputs = {call(p, "div", {x, y}), call(p, "fmod", {x, y})};
  std::vector<Buffer> out = run(p, std::vector{buffer<T>(type, a), buffer<T>(type, b)});
  for (std::size_t i = 0; i < a.size(); ++i) {
    bool overflows = std::is_signed_v<T> && b[i] == minusOne;
    T quotient = b[i] == 0   ? T(0)
                 : overflows ? static_cast<T>(0 - static_cast<std::uint64_t>(a[i]))
                             : static_cast<T>(a[i] / b[i]);
    T rest = static_cast<T>(static_cast<std::uint64_t>(a[i]) -
                            static_cast<std::uint64_t>(quotient) * static_cast<std::uint64_t>(b[i]));
    INFO(std::int64_t(a[i]) << " / " << std::int64_t(b[i]));
    REQUIRE(out[0].as<T>()[i] == quotient);
    REQUIRE(out[1].as<T>()[i] == rest);
  }
}

} // namespace

TEST_CASE("no quotient of integers traps: by zero it is zero, the least one by -1 wraps") {
  checkQuotients<std::int64_t>(DType::Int64);
  checkQuotients<std::int32_t>(DType::Int32);
  checkQuotients<std::int8_t>(DType::Int8);
  checkQuotients<std::uint8_t>(DType::UInt8);
}

TEST_CASE("bytes without a sign: 128 and more are no negative numbers") {
  constexpr int n = 300;
  std::vector<float> values(n);
  for (int i = 0; i < n; ++i)
    values[i] = static_cast<float>(i * 37 % 256) + 0.5F;
  ir::Program p;
  auto x = p.add_input({DType::Float32, {n}});
  auto bytes = call(p, "cast", {x}, {{"dtype", std::string("u8")}});
  auto half = call(p, "constant", {},
                   {{"dtype", std::string("u8")}, {"shape", std::vector<std::int64_t>{}}, {"value", 128.0}});
  p.outputs = {bytes,
               call(p, "cast", {bytes}, {{"dtype", std::string("f32")}}),
               call(p, "cast", {bytes}, {{"dtype", std::string("i64")}}),
               call(p, "abs", {bytes}),
               call(p, "lt", {bytes, half}),
               call(p, "maximum", {bytes, half}),
               call(p, "argsort", {bytes},
                    {{"count", std::int64_t{n}},
                     {"descending", false},
                     {"dim", std::int64_t{0}},
                     {"first", std::int64_t{0}}})};
  auto out = run(p, std::vector{buffer<float>({DType::Float32, {n}}, values)});
  std::vector<std::int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  auto byte = [&](std::int64_t i) { return static_cast<int>(values[static_cast<std::size_t>(i)]); };
  std::ranges::stable_sort(order, {}, byte);
  for (int i = 0; i < n; ++i) {
    REQUIRE(out[0].as<std::uint8_t>()[i] == byte(i));
    REQUIRE(out[1].as<float>()[i] == static_cast<float>(byte(i)));
    REQUIRE(out[2].as<std::int64_t>()[i] == byte(i));
    REQUIRE(out[3].as<std::uint8_t>()[i] == byte(i));
    REQUIRE(out[4].bytes[i] == std::byte(byte(i) < 128));
    REQUIRE(out[5].as<std::uint8_t>()[i] == std::max(byte(i), 128));
    REQUIRE(out[6].as<std::int64_t>()[i] == order[i]);
  }
}

TEST_CASE("the largest and least of bytes, where many threads share a long row") {
  for (DType dtype : {DType::UInt8, DType::Int8}) {
    const TensorType type{dtype, {200000}};
    ir::Program p;
    auto x = p.add_input(type);
    std::vector<ir::NamedAttr> all = {{"dims", std::vector<std::int64_t>{0}}, {"keepdim", false}};
    p.outputs = {call(p, "max", {x}, all), call(p, "min", {x}, all), call(p, "sum", {x}, all)};
    Buffer in = zeros(type);
    for (std::size_t i = 0; i < in.bytes.size(); ++i)
      in.bytes[i] = static_cast<std::byte>(3 + i % 100);
    in.bytes[150000] = std::byte{200};
    in.bytes[60000] = std::byte{1};
    auto out = run(p, std::vector{in}, 2);
    bool isSigned = dtype == DType::Int8;
    unsigned sum = 0;
    for (std::byte each : in.bytes)
      sum += static_cast<unsigned>(each);
    REQUIRE(out[0].bytes[0] == std::byte(isSigned ? 102 : 200));
    REQUIRE(out[1].bytes[0] == std::byte(isSigned ? 200 : 1));
    REQUIRE(out[2].bytes[0] == static_cast<std::byte>(sum));
  }
}
