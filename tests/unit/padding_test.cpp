// Padding: values and gradients against a walk over the padded places, eagerly and compiled; what the layers
// print and refuse.
#include "../support/checks.h"

#include "kiln/kiln.h"

#include <catch2/catch.hpp>

using namespace kiln;
using Catch::Contains;
using test::Doubles, test::printed, test::values;
namespace F = nn::functional;

namespace {

using Sizes = std::vector<std::int64_t>;

/// Where along a dimension of `size` the element at `at` (0 is the first that is not border) comes from; -1:
/// from nowhere. One step at a time.
std::int64_t source(const std::string& mode, std::int64_t at, std::int64_t size) {
  if (at >= 0 && at < size) return at;
  if (mode == "constant") return -1;
  if (mode == "replicate") return at < 0 ? 0 : size - 1;
  if (mode == "circular") return source(mode, at < 0 ? at + size : at - size, size);
  std::int64_t place = 0, step = size > 1 ? 1 : 0; // reflect: walk to and fro
  for (std::int64_t left = std::abs(at); left > 0; --left) {
    place += step;
    if (place == size - 1 || place == 0) step = -step;
  }
  if (at >= 0) return place;
  place = 0, step = 1;
  for (std::int64_t left = -at; left > 0; --left) {
    place += step;
    if (place == size - 1) step = -1;
  }
  return place;
}

struct Padded {
  Sizes sizes;
  Doubles values, gradient; ///< of the argument, when the result's is `grad`
};

Padded walk(const std::string& mode, const Tensor& x, const Sizes& pad, double value, const Doubles& grad) {
  const std::size_t rank = static_cast<std::size_t>(x.dim());
  Padded result{x.sizes().vec(), {}, Doubles(static_cast<std::size_t>(x.numel()), 0)};
  Sizes before(rank, 0);
  for (std::size_t i = 0; i < pad.size() / 2; ++i) {
    before[rank - 1 - i] = pad[2 * i];
    result.sizes[rank - 1 - i] += pad[2 * i] + pad[2 * i + 1];
  }
  std::int64_t count = 1;
  for (std::int64_t size : result.sizes)
    count *= size;
  const Doubles from = values(x);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, at = 0, stride = 1;
    for (std::size_t d = rank; d-- > 0; rest /= result.sizes[d]) {
      const std::int64_t size = x.size(static_cast<std::int64_t>(d));
      const std::int64_t place = source(mode, rest % result.sizes[d] - before[d], size);
      at = place < 0 || at < 0 ? -1 : at + place * stride;
      stride *= size;
    }
    result.values.push_back(at < 0 ? value : from[static_cast<std::size_t>(at)]);
    if (at >= 0 && !grad.empty())
      result.gradient[static_cast<std::size_t>(at)] += grad[static_cast<std::size_t>(i)];
  }
  return result;
}

/// Values and gradient of `pad`, eagerly and compiled, in float64: padding moves numbers, so they are equal.
void check(const std::string& mode, const Sizes& sizes, const Sizes& pad, double value = 0) {
  INFO(mode << " " << IntArrayRef(sizes) << " by " << IntArrayRef(pad));
  const Tensor start = randn(sizes, kFloat64);
  const Tensor weight = randn(walk(mode, start, pad, value, {}).sizes, kFloat64);
  const Padded wanted = walk(mode, start, pad, value, values(weight));
  auto body = [&](Tensor x, Tensor w) {
    const Tensor y = kiln::pad(x, pad, mode, value);
    (y * w).sum().backward();
    return y;
  };
  auto fast = jit::compile(body);
  for (const bool compiled : {false, true}) {
    INFO((compiled ? "compiled" : "eager"));
    const Tensor x = start.clone().requires_grad_();
    const Tensor y = compiled ? fast(x, weight) : body(x, weight);
    REQUIRE(y.sizes() == IntArrayRef(wanted.sizes));
    CHECK(values(y) == wanted.values);
    const Doubles gradient = values(x.grad());
    for (std::size_t i = 0; i < gradient.size(); ++i)
      CHECK(gradient[i] == Approx(wanted.gradient[i]).margin(1e-12));
  }
}

} // namespace

TEST_CASE("a constant border, or less than there was") {
  manual_seed(1);
  check("constant", {3, 4}, {1, 2}, 2.5);
  check("constant", {3, 4}, {1, 0, 0, 2});
  check("constant", {2, 3, 4, 5}, {2, 1, 0, 3, 1, 1, 2, 0}, -1);
  check("constant", {3, 4}, {-1, 2, 1, -2}, 7);
  check("constant", {5}, {-2, -2});
  CHECK(equal(constant_pad_nd(ones({3}, kInt64), {1, 1}, 4), tensor({4, 1, 1, 1, 4})));
  CHECK(equal(constant_pad_nd(ones({2}, kBool), {1, 0}, false), tensor({false, true, true})));
}

TEST_CASE("a border that mirrors, repeats or wraps") {
  manual_seed(2);
  for (const std::string mode : {"reflect", "replicate"}) {
    check(mode, {2, 3, 5}, {2, 3});
    check(mode, {3, 5}, {4, 0});
    check(mode, {2, 3, 4, 5}, {1, 2, 3, 0});
    check(mode, {3, 4, 5}, {1, 2, 3, 0});
    check(mode, {2, 1, 3, 4, 3}, {1, 2, 0, 3, 2, 1});
    check(mode, {2, 3, 5}, {-1, 2});
  }
  check("replicate", {2, 3, 2}, {5, 7});
  check("circular", {2, 3, 5}, {2, 5});
  check("circular", {2, 3, 4, 5}, {1, 2, 4, 0});
  check("circular", {1, 2, 3, 2, 4}, {1, 2, 2, 1, 0, 3});
}

TEST_CASE("the padding layers") {
  manual_seed(3);
  const Tensor line = randn({2, 3, 6}), image = randn({2, 3, 5, 6}), volume = randn({2, 3, 4, 5, 6});
  CHECK(equal(nn::ReflectionPad1d(2)(line), kiln::pad(line, {2, 2}, "reflect")));
  CHECK(equal(nn::ReflectionPad2d(nn::ReflectionPad2dOptions({1, 2, 3, 0}))(image),
              reflection_pad2d(image, {1, 2, 3, 0})));
  CHECK(equal(nn::ReflectionPad3d(1)(volume), reflection_pad3d(volume, {1, 1, 1, 1, 1, 1})));
  CHECK(equal(nn::ReplicationPad1d(nn::ReplicationPad1dOptions({3, 1}))(line),
              replication_pad1d(line, {3, 1})));
  CHECK(equal(nn::ReplicationPad2d(2)(image), replication_pad2d(image, {2, 2, 2, 2})));
  CHECK(equal(nn::ReplicationPad3d(1)(volume), replication_pad3d(volume, {1, 1, 1, 1, 1, 1})));
  CHECK(
      equal(nn::ZeroPad2d(nn::ZeroPad2dOptions({1, 2, 0, 1}))(image), constant_pad_nd(image, {1, 2, 0, 1})));
  CHECK(equal(nn::ConstantPad1d(2, 3.5)(line), constant_pad_nd(line, {2, 2}, 3.5)));
  CHECK(equal(nn::ConstantPad2d(nn::ConstantPad2dOptions({3, 0, 2, 1}, 3.5))(image),
              constant_pad_nd(image, {3, 0, 2, 1}, 3.5)));
  CHECK(equal(nn::ConstantPad3d(1, -1)(volume), constant_pad_nd(volume, {1, 1, 1, 1, 1, 1}, -1)));
  CHECK(equal(F::pad(image, F::PadFuncOptions({1, 2, 2, 1}).mode(kCircular)),
              kiln::pad(image, {1, 2, 2, 1}, "circular")));
  CHECK(equal(F::pad(image, F::PadFuncOptions({1, 2}).value(9)), constant_pad_nd(image, {1, 2}, 9)));

  CHECK(printed(*nn::ReflectionPad2d(nn::ReflectionPad2dOptions({1, 1, 2, 0}))) ==
        "ReflectionPad2d(padding=[1, 1, 2, 0])");
  CHECK(printed(*nn::ReplicationPad1d(4)) == "ReplicationPad1d(padding=[4, 4])");
  CHECK(printed(*nn::ZeroPad2d(1)) == "ZeroPad2d(padding=[1, 1, 1, 1])");
  CHECK(printed(*nn::ConstantPad1d(nn::ConstantPad1dOptions({3, 1}, 3.5))) ==
        "ConstantPad1d(padding=[3, 1], value=3.5)");
}

TEST_CASE("what padding refuses") {
  const Tensor x = ones({1, 2, 3});
  CHECK_THROWS_WITH(nn::ReflectionPad1dOptions({1, 2, 3}), Contains("Expected 2 values, but instead got 3"));
  CHECK_THROWS_WITH(nn::ReflectionPad1d(3)(x),
                    Contains("Padding size should be less than the corresponding input dimension, but got: "
                             "padding (3, 3) at dimension 2 of input [1, 2, 3]"));
  CHECK_THROWS_WITH(kiln::pad(x, {4, 0}, "circular"),
                    Contains("Padding value causes wrapping around more than once"));
  CHECK_THROWS_WITH(kiln::pad(x[0], {1, 1}, "circular"), Contains("non-constant padding are supported"));
  CHECK_THROWS_WITH(kiln::pad(x, {1, 1, 1, 1, 1, 1}, "reflect"),
                    Contains("non-constant padding are supported"));
  CHECK_THROWS_WITH(kiln::pad(x, {-2, -1}, "replicate"),
                    Contains("nothing is left by padding (-2, -1) at dimension 2 of input [1, 2, 3]"));
  CHECK_THROWS_WITH(kiln::pad(x, {1, 1}, "mirror"), Contains("Unrecognised padding mode mirror"));
  CHECK_THROWS_WITH(kiln::pad(x, {1, 1}, "reflect", 2), Contains("doesn't take in value argument"));
  CHECK_THROWS_WITH(replication_pad2d(x, {1, 1}), Contains("padding size is expected to be 4, but got: 2"));
  CHECK_THROWS_WITH(constant_pad_nd(x, {1}), Contains("Length of pad must be even but instead it equals 1"));
  CHECK_THROWS_WITH(constant_pad_nd(x, {0, 0, 0, 0, 0, 0, 1, 1}),
                    Contains("Pad length is 8 while the input has 3 dimensions"));
  CHECK_THROWS_WITH(constant_pad_nd(x, {-2, -2}), Contains("resulted in a negative output size"));
}

TEST_CASE("a compiled function that pads is captured once") {
  auto fast = jit::compile([](Tensor x) { return nn::ReflectionPad1d(2)(x) * 2; });
  const Tensor x = randn({2, 3, 6});
  for (int i = 0; i < 3; ++i)
    CHECK(equal(fast(x), nn::ReflectionPad1d(2)(x) * 2));
  const std::string story = fast.explain();
  CHECK(story.find("captured") == story.rfind("captured"));
}
