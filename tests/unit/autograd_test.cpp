// The tape: accumulation, freed graphs, modes, aliasing and higher orders.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kiln;

namespace {
std::vector<float> values(const Tensor& x) {
  const Tensor whole = x.contiguous();
  const float* data = whole.data_ptr<float>();
  return {data, data + x.numel()};
}
using F = std::vector<float>;
} // namespace

TEST_CASE("gradients accumulate in leaves") {
  Tensor x = tensor({1.0f, 2.0f, 3.0f}).requires_grad_();
  (x * x).sum().backward();
  REQUIRE(values(x.grad()) == F{2, 4, 6});
  (x * x).sum().backward();
  REQUIRE(values(x.grad()) == F{4, 8, 12});
  x.mutable_grad() = {};
  REQUIRE_FALSE(x.grad().defined());
}

TEST_CASE("a value used twice gets the sum of both paths") {
  Tensor x = tensor({2.0f}).requires_grad_();
  const Tensor y = x * x;
  (y * y + y).sum().backward();
  REQUIRE(values(x.grad()) == F{4 * 8 + 4});
}

TEST_CASE("a second backward through a freed graph is an error, unless it was retained") {
  Tensor x = tensor({2.0f}).requires_grad_();
  const Tensor y = (x * x).sum();
  y.backward({}, true);
  y.backward();
  REQUIRE(values(x.grad()) == F{8});
  REQUIRE_THROWS_WITH(y.backward(), Catch::Contains("second time"));
  REQUIRE(values(x.grad()) == F{8});
}

TEST_CASE("what cannot be differentiated says why") {
  REQUIRE_THROWS_WITH(ones({}).backward(), Catch::Contains("does not require grad"));
  Tensor x = ones({3}).requires_grad_();
  REQUIRE_THROWS_WITH((x * 2).backward(), Catch::Contains("implicitly created only for scalar outputs"));
  REQUIRE_THROWS_WITH((x * 2).backward(ones({4})), Catch::Contains("Mismatch in shape"));
  REQUIRE_THROWS_WITH(ones({2}, kInt64).requires_grad_(), Catch::Contains("floating point"));
  REQUIRE_THROWS_WITH(x.add_(1), Catch::Contains("leaf"));
}

TEST_CASE("no gradient flows where none is wanted") {
  Tensor x = tensor({3.0f}).requires_grad_();
  {
    NoGradGuard guard;
    REQUIRE_FALSE((x * 2).requires_grad());
    x.add_(1);
  }
  REQUIRE(x.requires_grad());
  (x * x.detach()).sum().backward();
  REQUIRE(values(x.grad()) == F{4});
}

TEST_CASE("detach shares memory") {
  Tensor x = tensor({3.0f, 4.0f}).requires_grad_();
  x.detach().fill_(1);
  REQUIRE(values(x.detach()) == F{1, 1});
}

TEST_CASE("gradients go through views and through in-place writes to them") {
  Tensor x = tensor({1.0f, 2.0f, 3.0f, 4.0f}).requires_grad_();
  Tensor y = x * 1;
  y.view({2, 2})[0] = y.view({2, 2})[1] * 10; // elements 0 and 1 are now 10 times 2 and 3
  (y * tensor({1.0f, 2.0f, 3.0f, 4.0f})).sum().backward();
  REQUIRE(values(x.grad()) == F{0, 0, 13, 24});
}

TEST_CASE("an in-place write after use does not change what backward sees") {
  Tensor x = tensor({3.0f}).requires_grad_();
  Tensor y = x * 2;
  const Tensor z = y * y;
  y.add_(100);
  z.sum().backward();
  REQUIRE(values(x.grad()) == F{24});
}

TEST_CASE("grad() returns and does not accumulate") {
  Tensor x = tensor({2.0f}).requires_grad_(), unused = tensor({1.0f}).requires_grad_();
  const Tensor y = x * x * x;
  REQUIRE(values(autograd::grad({y.sum()}, {x}, {}, true)[0]) == F{12});
  REQUIRE_FALSE(x.grad().defined());
  REQUIRE_THROWS_WITH(autograd::grad({y.sum()}, {unused}, {}, true), Catch::Contains("allow_unused"));
  REQUIRE_FALSE(autograd::grad({y.sum()}, {unused}, {}, true, false, true)[0].defined());
}

TEST_CASE("where a function has a corner, its gradient is LibTorch's") {
  auto gradients = [](auto f, const F& a, const F& b) {
    Tensor x = tensor(a).requires_grad_(), y = tensor(b).requires_grad_();
    f(x, y).sum().backward();
    return std::pair{values(x.grad()), values(y.grad())};
  };
  auto larger = [](const Tensor& x, const Tensor& y) { return maximum(x, y); };
  auto smaller = [](const Tensor& x, const Tensor& y) { return minimum(x, y); };
  auto power = [](const Tensor& x, const Tensor& y) { return pow(x, y); };
  REQUIRE(gradients(larger, {1, 2, 3}, {1, 3, 2}) == std::pair{F{0.5, 0, 1}, F{0.5, 1, 0}});
  REQUIRE(gradients(smaller, {1, 2, 3}, {1, 3, 2}) == std::pair{F{0.5, 1, 0}, F{0.5, 0, 1}});
  REQUIRE(gradients(power, {0, 0, 2}, {0, 2, 0}) == std::pair{F{0, 0, 0}, F{0, 0, std::log(2.0F)}});

  auto gradient = [](auto f, const F& a) {
    Tensor x = tensor(a).requires_grad_();
    f(x).sum().backward();
    return values(x.grad());
  };
  REQUIRE(gradient([](const Tensor& x) { return x.amax(0); }, {3, 1, 3}) == F{0.5, 0, 0.5});
  REQUIRE(gradient([](const Tensor& x) { return x.amin(0); }, {3, 1, 1}) == F{0, 0.5, 0.5});
  REQUIRE(gradient([](const Tensor& x) { return relu(x); }, {-1, 0, 1}) == F{0, 0, 1});
  REQUIRE(gradient([](const Tensor& x) { return abs(x); }, {-1, 0, 1}) == F{-1, 0, 1});
}

TEST_CASE("second and third derivatives") {
  Tensor x = tensor({2.0f}).requires_grad_();
  const Tensor first = autograd::grad({(x * x * x * x).sum()}, {x}, {}, true, true)[0];
  const Tensor second = autograd::grad({first.sum()}, {x}, {}, true, true)[0];
  const Tensor third = autograd::grad({second.sum()}, {x})[0];
  REQUIRE(values(first.detach()) == F{32});
  REQUIRE(values(second.detach()) == F{48});
  REQUIRE(values(third) == F{48});
}

TEST_CASE("retain_grad keeps the gradient of an intermediate") {
  Tensor x = tensor({2.0f}).requires_grad_();
  const Tensor y = x * 3;
  y.retain_grad();
  (y * y).sum().backward();
  REQUIRE(values(y.grad()) == F{12});
}

TEST_CASE("a very long graph is freed without recursion") {
  Tensor x = tensor({1.0f}).requires_grad_();
  Tensor y = x;
  for (int i = 0; i < 20000; ++i)
    y = y + 1;
  REQUIRE(y.item<float>() == 20001);
}
