// Resampling: values against sums over samples written here, gradients by the same sums, eagerly and
// compiled; what Upsample, PixelShuffle and F::interpolate print and refuse.
#include "../support/checks.h"

#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>

using namespace kiln;
using Catch::Contains;
using test::Doubles, test::printed, test::values;
namespace F = nn::functional;
using Options = F::InterpolateFuncOptions;

namespace {

using Sizes = std::vector<std::int64_t>;
/// How much of sample s the place p is made of.
using Weight = std::function<double(std::int64_t p, std::int64_t s)>;

double hat(double x) {
  return std::max(0.0, 1 - std::abs(x));
}
double keys(double x, double a) {
  x = std::abs(x);
  if (x < 1) return (a + 2) * x * x * x - (a + 3) * x * x + 1;
  return x < 2 ? a * (x * x * x - 5 * x * x + 8 * x - 4) : 0;
}

/// Of a kernel that is laid over all samples, those beyond the ends being the ends'.
Weight over(const std::function<double(double)>& kernel, std::int64_t from, std::int64_t to, bool corners) {
  return [=](std::int64_t p, std::int64_t s) {
    const double at = corners ? (to > 1 ? double(p) * double(from - 1) / double(to - 1) : 0)
                              : (double(p) + 0.5) * double(from) / double(to) - 0.5;
    double weight = 0;
    for (std::int64_t any = -8; any < from + 8; ++any)
      if (std::clamp<std::int64_t>(any, 0, from - 1) == s) weight += kernel(at - double(any));
    return weight;
  };
}
Weight linear(std::int64_t from, std::int64_t to, bool corners) {
  return over(hat, from, to, corners);
}
Weight cubic(std::int64_t from, std::int64_t to, bool corners) {
  return over([](double x) { return keys(x, -0.75); }, from, to, corners);
}
Weight nearest(std::int64_t from, std::int64_t to) {
  return [=](std::int64_t p, std::int64_t s) { return p * from / to == s ? 1.0 : 0.0; };
}
Weight nearest_exact(std::int64_t from, std::int64_t to) {
  return [=](std::int64_t p, std::int64_t s) { return (2 * p + 1) * from / (2 * to) == s ? 1.0 : 0.0; };
}
Weight area(std::int64_t from, std::int64_t to) {
  return [=](std::int64_t p, std::int64_t s) {
    const std::int64_t begin = p * from / to, end = ((p + 1) * from + to - 1) / to;
    return s >= begin && s < end ? 1.0 / double(end - begin) : 0.0;
  };
}
/// Antialiased: the kernel grows with the distance of places, and weights add up to 1.
Weight smooth(const std::function<double(double)>& kernel, std::int64_t from, std::int64_t to) {
  const double step = double(from) / double(to), wider = std::max(step, 1.0);
  auto raw = [=](std::int64_t p, std::int64_t s) {
    return kernel((double(s) + 0.5 - (double(p) + 0.5) * step) / wider);
  };
  return [=](std::int64_t p, std::int64_t s) {
    double sum = 0;
    for (std::int64_t any = 0; any < from; ++any)
      sum += raw(p, any);
    return raw(p, s) / sum;
  };
}

/// The last dimensions of `x` (sizes `from`, in front of them `outer` others) by one weight each; or, with
/// `transposed`, the gradient of that.
Doubles apply_weights(const Doubles& x, std::int64_t outer, const Sizes& from, const Sizes& to,
                      const std::vector<Weight>& weights, bool transposed) {
  auto product = [](const Sizes& sizes) {
    std::int64_t count = 1;
    for (std::int64_t size : sizes)
      count *= size;
    return count;
  };
  const std::int64_t samples = product(from), places = product(to);
  Doubles result(static_cast<std::size_t>(outer * (transposed ? samples : places)), 0);
  for (std::int64_t n = 0; n < outer; ++n)
    for (std::int64_t p = 0; p < places; ++p)
      for (std::int64_t s = 0; s < samples; ++s) {
        double weight = 1;
        std::int64_t place = p, sample = s;
        for (std::size_t d = from.size(); d-- > 0; place /= to[d], sample /= from[d])
          weight *= weights[d](place % to[d], sample % from[d]);
        const auto sample_at = static_cast<std::size_t>(n * samples + s);
        const auto place_at = static_cast<std::size_t>(n * places + p);
        (transposed ? result[sample_at] : result[place_at]) += weight * x[transposed ? place_at : sample_at];
      }
  return result;
}

void check_close(const Tensor& x, const Doubles& wanted, double tolerance) {
  const Doubles got = values(x);
  REQUIRE(got.size() == wanted.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, std::abs(got[i] - wanted[i]));
  CHECK(worst <= tolerance);
}

/// interpolate from the sizes `from` to `to`: eagerly and compiled, in both precisions.
void check(const Options& options, const Sizes& from, const Sizes& to, const std::vector<Weight>& weights) {
  Sizes sizes = {2, 3}, result = {2, 3};
  sizes.insert(sizes.end(), from.begin(), from.end());
  result.insert(result.end(), to.begin(), to.end());
  auto body = [&](Tensor x, Tensor w) {
    const Tensor y = F::interpolate(x, options);
    (y * w).sum().backward();
    return y;
  };
  auto fast = jit::compile(body);
  for (const DType dtype : {kFloat64, kFloat32}) {
    const double tolerance = dtype == kFloat64 ? 1e-11 : 1e-4;
    const Tensor start = randn(sizes, dtype), weight = randn(result, dtype);
    const Doubles wanted = apply_weights(values(start), 6, from, to, weights, false);
    const Doubles gradient = apply_weights(values(weight), 6, from, to, weights, true);
    for (const bool compiled : {false, true}) {
      INFO(options.mode().name() << " " << IntArrayRef(from) << " to " << IntArrayRef(to) << " in " << dtype
                                 << (compiled ? ", compiled" : ", eager"));
      const Tensor x = start.clone().requires_grad_();
      const Tensor y = compiled ? fast(x, weight) : body(x, weight);
      REQUIRE(y.sizes() == IntArrayRef(result));
      check_close(y, wanted, tolerance);
      check_close(x.grad(), gradient, tolerance);
    }
  }
}
Options to_size(const Sizes& size) {
  return Options().size(size);
}

} // namespace

TEST_CASE("the nearest sample") {
  manual_seed(1);
  check(to_size({8}), {4}, {8}, {nearest(4, 8)});
  check(to_size({7}), {4}, {7}, {nearest(4, 7)});
  check(to_size({2}), {5}, {2}, {nearest(5, 2)});
  check(to_size({6, 3}), {3, 4}, {6, 3}, {nearest(3, 6), nearest(4, 3)});
  check(to_size({4, 3, 5}), {2, 3, 2}, {4, 3, 5}, {nearest(2, 4), nearest(3, 3), nearest(2, 5)});
  check(to_size({7}).mode(kNearestExact), {4}, {7}, {nearest_exact(4, 7)});
  check(to_size({6, 3}).mode(kNearestExact), {3, 5}, {6, 3}, {nearest_exact(3, 6), nearest_exact(5, 3)});
  const Tensor bytes = tensor({1, 2, 3}, kUInt8).view({1, 1, 3});
  CHECK(equal(upsample_nearest1d(bytes, {6}).flatten(), tensor({1, 1, 2, 2, 3, 3}, kUInt8)));
}

TEST_CASE("linear between samples, in one, two and three dimensions") {
  manual_seed(2);
  for (const bool corners : {false, true}) {
    auto w = [&](std::int64_t from, std::int64_t to) { return linear(from, to, corners); };
    check(to_size({9}).mode(kLinear).align_corners(corners), {4}, {9}, {w(4, 9)});
    check(to_size({3}).mode(kLinear).align_corners(corners), {7}, {3}, {w(7, 3)});
    check(to_size({1}).mode(kLinear).align_corners(corners), {3}, {1}, {w(3, 1)});
    check(to_size({6, 5}).mode(kBilinear).align_corners(corners), {3, 4}, {6, 5}, {w(3, 6), w(4, 5)});
    check(to_size({3, 8}).mode(kBilinear).align_corners(corners), {3, 4}, {3, 8}, {w(3, 3), w(4, 8)});
    check(to_size({4, 3, 5}).mode(kTrilinear).align_corners(corners), {2, 3, 2}, {4, 3, 5},
          {w(2, 4), w(3, 3), w(2, 5)});
  }
}

TEST_CASE("cubic between samples") {
  manual_seed(3);
  for (const bool corners : {false, true}) {
    auto w = [&](std::int64_t from, std::int64_t to) { return cubic(from, to, corners); };
    check(to_size({8, 7}).mode(kBicubic).align_corners(corners), {4, 5}, {8, 7}, {w(4, 8), w(5, 7)});
    check(to_size({2, 3}).mode(kBicubic).align_corners(corners), {5, 6}, {2, 3}, {w(5, 2), w(6, 3)});
  }
}

TEST_CASE("means of areas, and filters that widen where an image shrinks") {
  manual_seed(4);
  check(to_size({3}).mode(kArea), {7}, {3}, {area(7, 3)});
  check(to_size({2, 6}).mode(kArea), {11, 4}, {2, 6}, {area(11, 2), area(4, 6)});
  auto keys_half = [](double x) { return keys(x, -0.5); };
  check(to_size({3, 8}).mode(kBilinear).antialias(true), {10, 5}, {3, 8},
        {smooth(hat, 10, 3), smooth(hat, 5, 8)});
  check(to_size({4, 3}).mode(kBicubic).antialias(true), {9, 12}, {4, 3},
        {smooth(keys_half, 9, 4), smooth(keys_half, 12, 3)});
}

TEST_CASE("a scale says how far apart samples are, unless it is recomputed") {
  manual_seed(5);
  const Tensor x = randn({1, 1, 5}, kFloat64);
  const Doubles from = values(x);
  const Options scaled = Options().scale_factor(std::vector<double>{1.7}).mode(kLinear);
  Doubles wanted;
  for (int p = 0; p < 8; ++p) {
    const double at = std::clamp((p + 0.5) / 1.7 - 0.5, 0.0, 4.0);
    const auto i = static_cast<std::size_t>(at), next = std::min<std::size_t>(i + 1, 4);
    wanted.push_back(from[i] * (1 - (at - double(i))) + from[next] * (at - double(i)));
  }
  check_close(F::interpolate(x, scaled), wanted, 1e-12);
  CHECK(equal(F::interpolate(x, Options(scaled).recompute_scale_factor(true)),
              upsample_linear1d(x, {8}, false)));
  CHECK(equal(F::interpolate(x, scaled), upsample_linear1d(x, {8}, false, 1.7)));
  CHECK(equal(F::interpolate(x, Options().scale_factor(std::vector<double>{3})), x.repeat_interleave(3, 2)));
}

TEST_CASE("narrow types are interpolated in float32") {
  manual_seed(6);
  const Tensor x = rand({1, 2, 5, 5});
  const Options options = to_size({9, 13}).mode(kBilinear).align_corners(true);
  const Tensor narrow = F::interpolate(x.to(kBFloat16), options);
  CHECK(narrow.dtype() == kBFloat16);
  CHECK(equal(narrow, F::interpolate(x.to(kBFloat16).to(kFloat32), options).to(kBFloat16)));
}

TEST_CASE("Upsample") {
  manual_seed(7);
  const Tensor x = randn({1, 2, 3, 4});
  nn::Upsample twice(nn::UpsampleOptions().scale_factor(std::vector<double>({2, 2})));
  CHECK(equal(twice(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3)));
  nn::Upsample to(
      nn::UpsampleOptions().size(std::vector<std::int64_t>({5, 6})).mode(kBilinear).align_corners(true));
  CHECK(equal(to(x), upsample_bilinear2d(x, {5, 6}, true)));
  CHECK(printed(*twice) == "Upsample(scale_factor=[2, 2], mode=kNearest)");
  CHECK(printed(*to) == "Upsample(size=[5, 6], mode=kBilinear)");
  nn::Sequential net(nn::Upsample(nn::UpsampleOptions().scale_factor(std::vector<double>({2, 2}))),
                     nn::PixelUnshuffle(2));
  CHECK(net->forward(x).sizes() == IntArrayRef({1, 8, 3, 4}));
}

TEST_CASE("what interpolate refuses") {
  const Tensor x = ones({1, 2, 3, 4});
  CHECK_THROWS_WITH(F::interpolate(x), Contains("either size or scale_factor should be defined"));
  CHECK_THROWS_WITH(F::interpolate(x, to_size({2, 2}).scale_factor(std::vector<double>{2, 2})),
                    Contains("only one of size or scale_factor should be defined"));
  CHECK_THROWS_WITH(
      F::interpolate(x, Options().scale_factor(std::vector<double>{2})),
      Contains("scale_factor shape must match input shape. Input is 2D, scale_factor size is 1"));
  CHECK_THROWS_WITH(F::interpolate(x, to_size({2, 2}).align_corners(true)),
                    Contains("align_corners option can only be set with"));
  CHECK_THROWS_WITH(F::interpolate(x, to_size({2, 2}).mode(kLinear)),
                    Contains("Got 4D input, but kLinear mode needs 3D input"));
  CHECK_THROWS_WITH(F::interpolate(ones({2, 3}), to_size({2})),
                    Contains("Only 3D, 4D and 5D input Tensors supported (got 2D)"));
  CHECK_THROWS_WITH(F::interpolate(x, to_size({2, 2}).antialias(true)),
                    Contains("Anti-alias option is only supported for bilinear and bicubic modes"));
  CHECK_THROWS_WITH(F::interpolate(x, to_size({0, 2})),
                    Contains("Input and output sizes should be greater than 0"));
  CHECK_THROWS_WITH(F::interpolate(x, to_size({2, 2, 2})), Contains("expected input_size equals to 5"));
  CHECK_THROWS_WITH(F::interpolate(x.to(kInt64), to_size({2, 2}).mode(kBilinear)),
                    Contains("kBilinear is not implemented for"));
}

TEST_CASE("PixelShuffle moves channels into pixels, and PixelUnshuffle back") {
  manual_seed(8);
  const Tensor x = randn({2, 2 * 9, 4, 5}, kFloat64);
  const Doubles from = values(x);
  Doubles wanted;
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t c = 0; c < 2; ++c)
      for (std::size_t h = 0; h < 12; ++h)
        for (std::size_t w = 0; w < 15; ++w)
          wanted.push_back(from[((n * 18 + c * 9 + h % 3 * 3 + w % 3) * 4 + h / 3) * 5 + w / 3]);
  const Tensor y = nn::PixelShuffle(3)(x);
  CHECK(y.sizes() == IntArrayRef({2, 2, 12, 15}));
  CHECK(values(y) == wanted);
  CHECK(equal(nn::PixelUnshuffle(3)(y), x));
  CHECK(equal(F::pixel_shuffle(x[1], F::PixelShuffleFuncOptions(3)), y[1]));
  const Tensor leaf = x.clone().requires_grad_();
  (pixel_unshuffle(pixel_shuffle(leaf, 3), 3) * x).sum().backward();
  CHECK(equal(leaf.grad(), x));
  CHECK(printed(*nn::PixelShuffle(5)) == "PixelShuffle(upscale_factor=5)");
  CHECK(printed(*nn::PixelUnshuffle(5)) == "PixelUnshuffle(downscale_factor=5)");
  CHECK_THROWS_WITH(
      pixel_shuffle(ones({2, 2}), 2),
      Contains("expects input to have at least 3 dimensions, but got input with 2 dimension(s)"));
  CHECK_THROWS_WITH(pixel_shuffle(x, 0), Contains("expects a positive upscale_factor, but got 0"));
  CHECK_THROWS_WITH(pixel_shuffle(x, 2), Contains("input.size(-3)=18 is not divisible by 4"));
  CHECK_THROWS_WITH(pixel_unshuffle(x, 2), Contains("input.size(-1)=5 is not divisible by 2"));
}
