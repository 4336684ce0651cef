// Layers that are compositions: values against loops of the test's own, what they print, and what they
// refuse.
#include "../support/checks.h"

#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kiln;
using Catch::Contains;
using test::Doubles, test::printed, test::values;

namespace {

void check_close(const Tensor& x, const Doubles& wanted) {
  test::check_close(x, wanted, 1e-5);
}

/// Each run of `length` numbers with mean 0 and variance 1.
Doubles normalised(Doubles x, std::size_t length, double eps) {
  for (std::size_t from = 0; from < x.size(); from += length) {
    double mean = 0, variance = 0;
    for (std::size_t i = from; i < from + length; ++i)
      mean += x[i] / static_cast<double>(length);
    for (std::size_t i = from; i < from + length; ++i)
      variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(length);
    for (std::size_t i = from; i < from + length; ++i)
      x[i] = (x[i] - mean) / std::sqrt(variance + eps);
  }
  return x;
}

/// x[n][c][...] * weight[c] + bias[c]
Doubles affine(Doubles x, std::size_t inner, const Doubles& weight, const Doubles& bias) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i / inner % weight.size();
    x[i] = x[i] * weight[c] + bias[c];
  }
  return x;
}

} // namespace

TEST_CASE("GroupNorm normalises groups of channels") {
  manual_seed(1);
  nn::GroupNorm norm(nn::GroupNormOptions(2, 6).eps(2e-5));
  {
    NoGradGuard no_grad;
    norm->weight.uniform_(0.5, 2);
    norm->bias.uniform_(-1, 1);
  }
  const Tensor x = randn({3, 6, 4, 5}) * 3 + 1;
  check_close(norm(x),
              affine(normalised(values(x), 3 * 20, 2e-5), 20, values(norm->weight), values(norm->bias)));
  CHECK(printed(*norm) == "GroupNorm(2, 6, eps=2e-05, affine=true)");
  CHECK(nn::GroupNorm(nn::GroupNormOptions(1, 2).affine(false))->parameters().empty());
  CHECK_THROWS_WITH(nn::GroupNorm(4, 6),
                    Contains("num_channels must be divisible by num_groups, got 6 and 4"));
  CHECK_THROWS_WITH(norm(randn({3, 4})), Contains("GroupNorm") || Contains("group_norm"));
}

TEST_CASE("InstanceNorm normalises each channel of each sample, and keeps statistics when asked to") {
  manual_seed(2);
  const Tensor x = randn({2, 3, 4, 5}) * 2 - 1;
  nn::InstanceNorm2d plain(3);
  check_close(plain(x), normalised(values(x), 20, 1e-5));
  check_close(plain(x[1]), values(plain(x)[1]));
  CHECK(plain->parameters().empty());
  CHECK(printed(*plain) ==
        "InstanceNorm2d(3, eps=1e-05, momentum=0.1, affine=false, track_running_stats=false)");
  CHECK_THROWS_WITH(plain(randn({2, 3})), Contains("InstanceNorm2d: expected 3D or 4D input, got 2D input"));
  CHECK_THROWS_WITH(nn::InstanceNorm1d(3)(randn({2, 3, 1})), Contains("more than 1 spatial element"));

  nn::InstanceNorm2d tracking(
      nn::InstanceNorm2dOptions(3).affine(true).track_running_stats(true).momentum(0.25));
  {
    NoGradGuard no_grad;
    tracking->weight.uniform_(0.5, 2);
    tracking->bias.uniform_(-1, 1);
  }
  const Doubles weight = values(tracking->weight), bias = values(tracking->bias), numbers = values(x);
  check_close(tracking(x), affine(normalised(numbers, 20, 1e-5), 20, weight, bias));
  Doubles mean(3, 0), variance(3, 0.75);
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t c = 0; c < 3; ++c) {
      const auto from = numbers.begin() + static_cast<std::ptrdiff_t>((n * 3 + c) * 20);
      double m = 0, v = 0;
      for (int i = 0; i < 20; ++i)
        m += from[i] / 20;
      for (int i = 0; i < 20; ++i)
        v += (from[i] - m) * (from[i] - m) / 19;
      mean[c] += 0.25 * m / 2, variance[c] += 0.25 * v / 2;
    }
  check_close(tracking->running_mean, mean);
  check_close(tracking->running_var, variance);
  tracking->eval();
  Doubles wanted = numbers;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    wanted[i] = (wanted[i] - mean[i / 20 % 3]) / std::sqrt(variance[i / 20 % 3] + 1e-5);
  check_close(tracking(x), affine(wanted, 20, weight, bias));
  check_close(tracking->running_mean, mean); // evaluation leaves them alone
}

TEST_CASE("Bilinear is x1^T W x2 + b") {
  manual_seed(3);
  nn::Bilinear layer(3, 2, 4);
  const Tensor x1 = randn({2, 5, 3}), x2 = randn({2, 5, 2});
  const Doubles a = values(x1), b = values(x2), w = values(layer->weight), bias = values(layer->bias);
  Doubles wanted;
  for (std::size_t n = 0; n < 10; ++n)
    for (std::size_t o = 0; o < 4; ++o) {
      double sum = bias[o];
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 2; ++j)
          sum += a[n * 3 + i] * w[(o * 3 + i) * 2 + j] * b[n * 2 + j];
      wanted.push_back(sum);
    }
  const Tensor y = layer(x1, x2);
  CHECK(y.sizes() == IntArrayRef({2, 5, 4}));
  check_close(y, wanted);
  CHECK(abs(layer->weight).max().item<float>() <= 1 / std::sqrt(3.0f));
  CHECK(printed(*nn::Bilinear(nn::BilinearOptions(3, 2, 4).bias(false))) ==
        "Bilinear(in1_features=3, in2_features=2, out_features=4, bias=false)");
  CHECK_THROWS_WITH(layer(x1, x1),
                    Contains("bilinear: inputs [2, 5, 3] and [2, 5, 3] do not fit weight [4, 3, 2]"));
}

TEST_CASE("PReLU learns its slope") {
  nn::PReLU one;
  const Tensor x = tensor({{-2.0f, 3.0f}, {0.0f, -4.0f}});
  check_close(one(x), {-0.5, 3, 0, -1});
  one(x).sum().backward();
  check_close(one->weight.grad(), {-6});
  nn::PReLU two(nn::PReLUOptions(2).init(0.5));
  {
    NoGradGuard no_grad;
    two->weight[1] = 0.1;
  }
  check_close(two(x), {-1, 3, 0, -0.4});
  CHECK(printed(*two) == "PReLU(num_parameters=2)");
  CHECK_THROWS_WITH(two(randn({2, 3})), Contains("Found parameter numbers = 2 and channel size = 3"));
}

TEST_CASE("Dropout2d and 3d drop whole channels") {
  manual_seed(4);
  const Tensor x = ones({40, 50, 3, 2});
  const auto check = [&](const Tensor& y) {
    const Tensor channels = y.view({40, 50, 6});
    CHECK(equal(channels.amax(2), channels.amin(2)));
    const double kept = y.ne(0).to(kFloat64).mean().item<double>();
    CHECK(kept == Approx(0.75).margin(0.05));
    CHECK(y.max().item<float>() == Approx(1 / 0.75));
  };
  check(nn::Dropout2d(0.25)(x));
  check(nn::Dropout3d(0.25)(x.view({40, 50, 3, 2, 1})));
  nn::Dropout2d quiet(0.25);
  quiet->eval();
  CHECK(equal(quiet(x), x));
  CHECK(printed(*quiet) == "Dropout2d(p=0.25, inplace=false)");
  CHECK_THROWS_WITH(nn::Dropout2d(1.5), Contains("Dropout2d: dropout probability has to be between 0 and 1"));
  CHECK_THROWS_WITH(nn::Dropout2d(0.5)(ones({3})), Contains("at least 2 dimensions"));
}

TEST_CASE("AlphaDropout keeps mean and variance") {
  manual_seed(5);
  const Tensor x = randn({200, 200});
  const Tensor y = nn::AlphaDropout(0.3)(x);
  CHECK(y.mean().item<double>() == Approx(0).margin(0.03));
  CHECK(y.var().item<double>() == Approx(1).margin(0.05));
  // What is dropped has one value: a saturated SELU's, -1.7581, moved and scaled so that mean and variance
  // stay.
  const double scale = 1 / std::sqrt((1.7580993 * 1.7580993 * 0.3 + 1) * 0.7);
  const Tensor dropped = abs(y + 1.7580993 * scale * 0.7) < 1e-5;
  CHECK(dropped.to(kFloat64).mean().item<double>() == Approx(0.3).margin(0.02));
  const Tensor kept = logical_not(dropped);
  check_close(where(kept, y, 0).sum(), values(where(kept, x * scale + 1.7580993 * scale * 0.3, 0).sum()));
  const Tensor channels = nn::FeatureAlphaDropout(0.3)(ones({40, 50, 6}));
  CHECK(equal(channels.amax(2), channels.amin(2)));
}

TEST_CASE("Unflatten cuts a dimension") {
  nn::Unflatten layer(nn::UnflattenOptions(1, {2, 5}));
  CHECK(layer(ones({3, 10, 4})).sizes() == IntArrayRef({3, 2, 5, 4}));
  CHECK(printed(*layer) == "Unflatten(dim=1, unflattened_size={2, 5})");
}

TEST_CASE("the layers compile") {
  manual_seed(6);
  nn::Sequential net(nn::GroupNorm(2, 4), nn::PReLU(),
                     nn::InstanceNorm1d(nn::InstanceNorm1dOptions(4).affine(true)), nn::Flatten(),
                     nn::Unflatten(nn::UnflattenOptions(1, {4, -1})));
  const Tensor x = randn({3, 4, 8});
  auto fast = jit::compile(net);
  const Tensor eager = net->forward(x), compiled = fast(x);
  check_close(compiled, values(eager));
  eager.pow(3).sum().backward();
  std::vector<Doubles> wanted;
  for (Tensor& p : net->parameters()) {
    wanted.push_back(values(p.grad()));
    p.mutable_grad() = {};
  }
  compiled.pow(3).sum().backward();
  for (std::size_t i = 0; i < wanted.size(); ++i)
    check_close(net->parameters()[i].grad(), wanted[i]);
}
