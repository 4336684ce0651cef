// Composed functions where LibTorch is not asked (tests/parity compares the rest): edges, errors, dtypes,
// draws and accessors.
#include "../support/checks.h"

#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kiln;
using namespace kiln::test;
using Catch::Contains;
namespace F = kiln::nn::functional;

namespace {
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(),
                 kInf = std::numeric_limits<double>::infinity();

Tensor slope_of(Tensor (*f)(const Tensor&), const Doubles& at) {
  const Tensor x = doubles(at).requires_grad_();
  f(x).sum().backward();
  return x.grad();
}
} // namespace

TEST_CASE("inverse hyperbolic functions are right at both ends of the numbers") {
  const Doubles points = {-1e300, -1e10, -3.0, -1e-9, 0.0, 1e-300, 0.5, 2e9, 1e200};
  Doubles wanted;
  for (double x : points)
    wanted.push_back(std::asinh(x));
  check_close(asinh(doubles(points)), wanted, 1e-14);
  check_close(slope_of(asinh, {-1e10, 0.0, 2.0}), {1e-10, 1.0, 1 / std::sqrt(5.0)}, 1e-14);
  CHECK(std::isinf(values(asinh(tensor({-std::numeric_limits<float>::infinity()})))[0]));
  check_close(acosh(doubles({1.0, 1 + 1e-12, 2.0, 1e300})),
              {0.0, std::acosh(1 + 1e-12), std::acosh(2.0), std::acosh(1e300)}, 1e-12);
  CHECK(std::isnan(values(acosh(doubles({0.5})))[0]));
  check_close(atanh(doubles({-0.999999, 1e-12, 0.5})), {std::atanh(-0.999999), 1e-12, std::atanh(0.5)},
              1e-14);
}

TEST_CASE("repeat_interleave has no dimension to repeat a number along") {
  CHECK_THROWS_WITH(repeat_interleave(ones({}), 2, 0),
                    Contains("Dimension specified as 0 but tensor has no dimensions"));
  check_close(repeat_interleave(doubles({3}).squeeze(), 2), {3, 3}, 0);
}

TEST_CASE("fmax and fmin take the number beside a NaN, and x's gradient where both are equal") {
  const Tensor x = doubles({1, kNaN, 2, kNaN, 3}).requires_grad_(),
               y = doubles({0, 5, kNaN, kNaN, 3}).requires_grad_();
  const Tensor most = fmax(x, y);
  CHECK(values(most)[1] == 5);
  CHECK(values(most)[2] == 2);
  CHECK(std::isnan(values(most)[3]));
  CHECK(values(fmin(x, y))[0] == 0);
  most.narrow(0, 4, 1).sum().backward();
  CHECK(values(x.grad())[4] == 1);
  CHECK(values(y.grad())[4] == 0);
}

TEST_CASE("xlogy is 0 where x is, whatever the logarithm, unless y is no number") {
  const Doubles got = values(xlogy(doubles({0, 0, 0, 0, 2, 2}), doubles({0, -1, kInf, kNaN, 0, 3})));
  CHECK(got[0] == 0);
  CHECK(got[1] == 0);
  CHECK(got[2] == 0);
  CHECK(std::isnan(got[3]));
  CHECK(got[4] == -kInf);
  CHECK(got[5] == Approx(2 * std::log(3.0)));
  CHECK(values(sinc(doubles({0, 1, 0.5})))[0] == 1);
  CHECK(values(slope_of(sinc, {0.0}))[0] == 0);
  CHECK(isposinf(doubles({kInf, -kInf, 0})).equal(tensor({true, false, false})));
  CHECK(isneginf(tensor({1, 2})).equal(tensor({false, false})));
}

TEST_CASE("composed functions name what does not fit") {
  const Tensor x = zeros({2, 3}), y = zeros({4, 3});
  CHECK_THROWS_WITH(tensordot(x, y, {0}, {0}),
                    Contains("first has size 2 in dim 0 and second has size 4 in dim 0"));
  CHECK_THROWS_WITH(inner(x, zeros({2})), Contains("inner: the last dimension must match"));
  CHECK_THROWS_WITH(cross(zeros({2, 2}), zeros({2, 2})), Contains("no dimension of size 3"));
  CHECK_THROWS_WITH(matrix_power(zeros({2, 2}), -1), Contains("negative powers need an inverse"));
  CHECK_THROWS_WITH(rot90(x, 1, {0, -2}), Contains("expected rotation dims to be different"));
  CHECK_THROWS_WITH(diag_embed(x, 0, 1, -2), Contains("diagonal dimensions cannot be identical"));
  CHECK_THROWS_WITH(bincount(tensor({1, -1})), Contains("non-negative"));
  CHECK_THROWS_WITH(F::glu(x), Contains("Halving dimension must be even, but dimension -1 is size 3"));
  CHECK_THROWS_WITH(softshrink(x, -1), Contains("lambda must be greater or equal to 0"));
  CHECK_THROWS_WITH(nn::Softmax2d()(x), Contains("requires a 3D or 4D tensor"));
  CHECK_THROWS_WITH(channel_shuffle(zeros({1, 4, 2}), 3), Contains("divisible by groups"));
  CHECK_THROWS_WITH(cdist(x, zeros({2, 2})), Contains("got [2, 3] and [2, 2]"));
}

TEST_CASE("einsum says what does not fit, and sums whole numbers") {
  const Tensor x = zeros({2, 3}), y = zeros({4, 3});
  CHECK_THROWS_WITH(einsum("ij", {x, y}), Contains("names 1 operands, got 2"));
  CHECK_THROWS_WITH(einsum("ij,jk->ik", {x, y}), Contains("of operand 1 has size 4, before it was 3"));
  CHECK_THROWS_WITH(einsum("i,jk", {x, y}), Contains("(1) does not match the number of dimensions (2)"));
  CHECK_THROWS_WITH(einsum("i1,jk", {x, y}), Contains("invalid subscript '1'"));
  CHECK_THROWS_WITH(einsum("ij,kj->ii", {x, y}), Contains("i appears more than once in the output"));
  CHECK_THROWS_WITH(einsum("ij,kj->il", {x, y}), Contains("l does not appear in the equation"));
  CHECK_THROWS_WITH(einsum("......i,jk", {x, y}), Contains("more than once"));
  CHECK_THROWS_WITH(einsum("ii,jk", {x, y}),
                    Contains("subscript i is repeated for dimensions of sizes 2 and 3"));
  CHECK_THROWS_WITH(einsum("", {}), Contains("at least one operand"));
  CHECK(einsum("ii->", {tensor({{1, 2}, {3, 4}})}).item<int>() == 5);
  CHECK(einsum("i,i->", {tensor({1, 2, 3}), tensor({4, 5, 6})}).item<int>() == 32);
  CHECK(einsum("ij,jk", {ones({2, 0}), ones({0, 3})}).equal(zeros({2, 3})));
}

TEST_CASE("products read transposed views in place, those with hooks and of changed tensors too") {
  Tensor x = rand({3, 5}), w = rand({4, 5}).requires_grad_();
  const Tensor t = w.t(), want = x.matmul(w.detach().clone().t().contiguous());
  CHECK(x.matmul(t).allclose(want));
  CHECK(x.unsqueeze(0).matmul(w.unsqueeze(0).transpose(1, 2))[0].allclose(want));
  CHECK(rand({5, 3}).fill_(1).t().matmul(t).allclose(w.sum(1).expand({3, 4})));
  int calls = 0;
  const Tensor hooked = w.t();
  hooked.register_hook([&](Tensor) { ++calls; });
  x.matmul(hooked).sum().backward();
  CHECK(calls == 1);
  CHECK(w.grad().allclose(x.sum(0).expand({4, 5})));
  NoGradGuard guard;
  w.mul_(2);
  CHECK(x.matmul(t).allclose(want * 2));
}

TEST_CASE("composed functions of whole numbers, truth values and nothing") {
  CHECK(diff(tensor({1, 4, 9})).equal(tensor({3, 5})));
  CHECK(diff(tensor({true, true, false})).equal(tensor({false, true})));
  CHECK(kron(tensor({1, 2}), tensor({3, 4})).equal(tensor({3, 4, 6, 8})));
  CHECK(cross(tensor({1, 0, 0}), tensor({0, 1, 0})).equal(tensor({0, 0, 1})));
  CHECK(matrix_power(tensor({{1, 1}, {0, 1}}).to(kFloat32), 10).equal(tensor({{1.f, 10.f}, {0.f, 1.f}})));
  CHECK(matrix_power(ones({2, 2}), 0).equal(eye(2)));
  CHECK(combinations(tensor({1, 2}), 3).sizes() == IntArrayRef({0, 3}));
  CHECK(pdist(zeros({1, 4})).sizes() == IntArrayRef(0));
  CHECK(bincount(zeros({0}, kInt64), {}, 2).equal(tensor({0, 0})));
  CHECK(bincount(tensor({3, 1, 3}), tensor({0.5f, 2.f, 1.f})).equal(tensor({0.f, 2.f, 0.f, 1.5f})));
  CHECK(bucketize(tensor(3), tensor({1, 3, 5}), true).dtype() == kInt32);
  CHECK(atleast_3d(zeros({2})).sizes() == IntArrayRef({1, 2, 1}));
  CHECK(atleast_2d(tensor(1.f)).sizes() == IntArrayRef({1, 1}));
  CHECK(promote_types(kInt32, kFloat16) == kFloat16);
  CHECK(result_type(zeros({1}), zeros({1}, kFloat64)) == kFloat64);
  CHECK(histc(tensor({2.f, 2.f}), 2).equal(tensor({0.f, 2.f})));
}

TEST_CASE("the distance of a row from itself has gradient 0") {
  const Tensor x = ones({2, 3}, kFloat64).requires_grad_();
  cdist(x, x).sum().backward();
  check_close(x.grad(), Doubles(6, 0.0));
}

TEST_CASE("gumbel_softmax draws in proportion, and its hard form has the soft one's gradient") {
  manual_seed(3);
  const Tensor odds = tensor({0.2f, 0.5f, 0.3f}), logits = odds.log().expand({20000, 3}).contiguous();
  const Tensor hard = F::gumbel_softmax(logits, F::GumbelSoftmaxFuncOptions().hard(true).tau(0.5).dim(1));
  CHECK(hard.sum(1).allclose(ones({20000})));
  CHECK(allclose(hard.round(), hard, 1e-5, 1e-6));
  CHECK(allclose(hard.mean(0), odds, 0, 0.02));
  auto gradient = [&](bool is_hard) {
    manual_seed(5);
    const Tensor x = odds.log().requires_grad_();
    (F::gumbel_softmax(x, F::GumbelSoftmaxFuncOptions().hard(is_hard)) * tensor({1.f, 2.f, 4.f}))
        .sum()
        .backward();
    return x.grad();
  };
  CHECK(allclose(gradient(true), gradient(false)));
  CHECK(gradient(true).abs().sum().item<float>() > 0);
}

TEST_CASE("rrelu draws a slope for each element when training") {
  nn::RReLU layer(nn::RReLUOptions().lower(0.2).upper(0.4));
  const Tensor x = full({5000}, -1.f).requires_grad_(), y = layer(x);
  y.sum().backward();
  CHECK(allclose(x.grad(), -y));
  CHECK(y.min().item<float>() >= -0.4f);
  CHECK(y.max().item<float>() <= -0.2f);
  CHECK(y.mean().item<float>() == Approx(-0.3).margin(0.01));
  CHECK(y.std().item<float>() > 0.04);
  layer->eval();
  CHECK(layer(tensor({-1.f, 2.f})).allclose(tensor({-0.3f, 2.f})));
}

TEST_CASE("log-normal, Cauchy and geometric draws have their medians and means") {
  manual_seed(11);
  const std::int64_t n = 20000;
  CHECK(empty({n}).log_normal_(1, 0.5).median().item<float>() == Approx(std::exp(1.0)).epsilon(0.03));
  const Tensor cauchy = empty({n}).cauchy_(2, 3);
  CHECK(cauchy.median().item<float>() == Approx(2).margin(0.15));
  CHECK((cauchy - 2).abs().median().item<float>() == Approx(3).epsilon(0.05)); // its scale
  const Tensor trials = empty({n}, kInt64).geometric_(0.25);
  CHECK(trials.min().item<std::int64_t>() == 1);
  CHECK(trials.to(kFloat64).mean().item<double>() == Approx(4).epsilon(0.03));
  CHECK_THROWS_WITH(empty({1}).geometric_(1), Contains("expects p to be in (0, 1)"));
}

TEST_CASE("normalize writes its result over what it is given") {
  Tensor out = empty({1});
  const Tensor x = tensor({{3.f, 4.f}, {0.f, 0.f}});
  CHECK(F::normalize(x, F::NormalizeFuncOptions().out(out)).allclose(tensor({{0.6f, 0.8f}, {0.f, 0.f}})));
  CHECK(out.allclose(tensor({{0.6f, 0.8f}, {0.f, 0.f}})));
}

TEST_CASE("an accessor reads and writes a tensor's memory") {
  const Tensor x = arange(6, kFloat32).view({2, 3});
  auto a = x.accessor<float, 2>();
  CHECK(a.size(1) == 3);
  CHECK(a[1][2] == 5);
  a[0][1] = 7;
  CHECK(x[0][1].item<float>() == 7);
  auto columns = x.t().accessor<float, 2>(); // by strides
  CHECK(columns.stride(0) == 1);
  CHECK(columns[2][1] == 5);
  CHECK(columns[1].sizes() == IntArrayRef(2));
  CHECK_THROWS_WITH((x.accessor<float, 3>()), Contains("expected 3 dims but tensor has 2"));
  CHECK_THROWS((x.accessor<double, 2>()));
}
