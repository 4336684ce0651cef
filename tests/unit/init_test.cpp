// nn::init: bounds, moments and structure of what it fills in; errors.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace kiln;
namespace init = nn::init;

namespace {

std::vector<double> values(const Tensor& x) {
  const Tensor wide = x.to(kFloat64).clone();
  const double* data = wide.data_ptr<double>();
  return {data, data + wide.numel()};
}
double mean_of(const std::vector<double>& v) {
  double sum = 0;
  for (double x : v)
    sum += x;
  return sum / static_cast<double>(v.size());
}
double std_of(const std::vector<double>& v) {
  double sum = 0, mean = mean_of(v);
  for (double x : v)
    sum += (x - mean) * (x - mean);
  return std::sqrt(sum / static_cast<double>(v.size() - 1));
}
// Uniform within +-bound: nothing outside, and something close to both ends.
void check_uniform(const Tensor& x, double bound) {
  const auto v = values(x);
  const auto [low, high] = std::minmax_element(v.begin(), v.end());
  CHECK(*low >= -bound * (1 + 1e-6));
  CHECK(*high <= bound * (1 + 1e-6));
  CHECK(*low < -0.98 * bound);
  CHECK(*high > 0.98 * bound);
  CHECK(std::abs(mean_of(v)) < 0.05 * bound);
}

} // namespace

TEST_CASE("gains are PyTorch's") {
  CHECK(init::calculate_gain(kLinear) == 1);
  CHECK(init::calculate_gain(kConv2D) == 1);
  CHECK(init::calculate_gain(kSigmoid) == 1);
  CHECK(init::calculate_gain(kTanh) == Approx(5.0 / 3));
  CHECK(init::calculate_gain(kReLU) == Approx(std::sqrt(2.0)));
  CHECK(init::calculate_gain(kLeakyReLU, 0.2) == Approx(std::sqrt(2 / 1.04)));
}

TEST_CASE("constants, zeros, ones and the identity") {
  CHECK(init::constant_(empty({2, 2}), 3.5).equal(full({2, 2}, 3.5)));
  CHECK(init::zeros_(ones({3})).equal(zeros({3})));
  CHECK(init::ones_(zeros({3})).equal(ones({3})));
  CHECK(init::eye_(empty({2, 3})).equal(tensor({{1.f, 0.f, 0.f}, {0.f, 1.f, 0.f}})));
  CHECK_THROWS_WITH(init::eye_(empty({2})), "eye_: Only tensors with 2 dimensions are supported, got [2]");
}

TEST_CASE("filling does not record gradients and returns its argument") {
  Tensor x = zeros({4, 4}).requires_grad_();
  Tensor y = init::kaiming_uniform_(x);
  CHECK(y.is_same(x));
  CHECK(x.is_leaf());
  CHECK(x.requires_grad());
}

TEST_CASE("xavier and kaiming scale with the fans") {
  manual_seed(1);
  check_uniform(init::xavier_uniform_(empty({80, 120}), 2), 2 * std::sqrt(6.0 / 200));
  check_uniform(init::kaiming_uniform_(empty({80, 120}), 0, kFanIn, kReLU),
                std::sqrt(2.0) * std::sqrt(3.0 / 120));
  check_uniform(init::kaiming_uniform_(empty({80, 120}), 0, kFanOut, kReLU),
                std::sqrt(2.0) * std::sqrt(3.0 / 80));
  CHECK(std_of(values(init::xavier_normal_(empty({80, 120})))) == Approx(std::sqrt(2.0 / 200)).epsilon(0.05));
  CHECK(std_of(values(init::kaiming_normal_(empty({80, 120})))) ==
        Approx(std::sqrt(2.0 / 120)).epsilon(0.05));
  // A convolution's window counts in both fans.
  CHECK(init::_calculate_fan_in_and_fan_out(empty({8, 4, 3, 3})) ==
        std::tuple<std::int64_t, std::int64_t>(36, 72));
  CHECK_THROWS_WITH(
      init::xavier_uniform_(empty({3})),
      "init: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got [3]");
}

TEST_CASE("normal and truncated normal have their moments and limits") {
  manual_seed(2);
  const auto normal = values(init::normal_(empty({10000}), 3, 0.5));
  CHECK(mean_of(normal) == Approx(3).epsilon(0.01));
  CHECK(std_of(normal) == Approx(0.5).epsilon(0.03));
  const auto truncated = values(init::trunc_normal_(empty({10000}), 0, 1, -1, 2));
  for (double x : truncated)
    REQUIRE((x >= -1 && x <= 2));
  // Mean of a standard normal within [-1, 2]: (pdf(-1) - pdf(2)) / (cdf(2) - cdf(-1)).
  CHECK(mean_of(truncated) == Approx(0.2296).margin(0.03));
  CHECK_THROWS_WITH(init::normal_(empty({2}), 0, -1), "normal_: expects std >= 0.0, but found std -1.000000");
}

TEST_CASE("orthogonal rows or columns are orthonormal times the gain") {
  for (auto [rows, columns] : {std::pair{6, 10}, std::pair{10, 6}}) {
    const auto q = values(init::orthogonal_(empty({rows, columns}), 2.0));
    const int count = std::min(rows, columns), length = std::max(rows, columns);
    for (int i = 0; i < count; ++i)
      for (int j = 0; j < count; ++j) {
        double dot = 0;
        for (int k = 0; k < length; ++k)
          dot += rows <= columns ? q[i * columns + k] * q[j * columns + k]
                                 : q[k * columns + i] * q[k * columns + j];
        CHECK(dot == Approx(i == j ? 4.0 : 0.0).margin(1e-5));
      }
  }
  CHECK_THROWS_WITH(init::orthogonal_(empty({3})),
                    "orthogonal_: Only tensors with 2 or more dimensions are supported, got [3]");
}

TEST_CASE("sparse columns have exactly their share of zeros") {
  const auto v = values(init::sparse_(empty({10, 7}), 0.35));
  for (int column = 0; column < 7; ++column) {
    int zeros = 0;
    for (int row = 0; row < 10; ++row)
      zeros += v[row * 7 + column] == 0;
    CHECK(zeros == 4); // ceil(0.35 * 10)
  }
}

TEST_CASE("dirac keeps channels") {
  const auto v = values(init::dirac_(empty({2, 3, 3})));
  for (int i = 0; i < 18; ++i)
    CHECK(v[i] == ((i == 1 || i == 13) ? 1 : 0));
  CHECK_THROWS_WITH(init::dirac_(empty({2, 2})),
                    "dirac_: Only tensors with 3, 4, or 5 dimensions are supported, got [2, 2]");
}

TEST_CASE("layers start as PyTorch's do") {
  manual_seed(3);
  nn::Linear linear(100, 300);
  check_uniform(linear->weight, 0.1);
  check_uniform(linear->bias, 0.1);
  nn::LayerNorm norm(std::vector<std::int64_t>{4});
  CHECK(norm->weight.equal(ones(4)));
  CHECK(norm->bias.equal(zeros(4)));
  nn::Embedding table(nn::EmbeddingOptions(200, 50).padding_idx(-1));
  CHECK(std_of(values(table->weight)) == Approx(1).epsilon(0.05));
  CHECK(table->weight[199].equal(zeros(50)));
}
