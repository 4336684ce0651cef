// Tensors without elements, eager and within compiled programs. What is expected is PyTorch's.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kiln;

namespace {
bool holds(const Tensor& x, const Tensor& wanted) {
  return x.dtype() == wanted.dtype() && equal(x, wanted);
}
} // namespace

TEST_CASE("reductions of nothing are the neutral element") {
  REQUIRE(holds(zeros({3, 0}).sum(1), zeros({3})));
  REQUIRE(holds(zeros({0, 3}).sum(), zeros({})));
  REQUIRE(holds(zeros({0, 3}).sum(0, /*keepdim=*/true), zeros({1, 3})));
  REQUIRE(holds(zeros({3, 0}).prod(1), ones({3})));
  REQUIRE(std::isnan(zeros({0}).mean().item<float>()));
  REQUIRE(zeros({0}, kBool).all().item<bool>());
  REQUIRE_FALSE(zeros({0}, kBool).any().item<bool>());
  REQUIRE_THROWS_WITH(zeros({3, 0}).max(1), Catch::Contains("empty"));
}

TEST_CASE("what is computed from empty tensors is empty") {
  REQUIRE(zeros({3, 0}).sum(0).sizes() == IntArrayRef{0});
  REQUIRE(softmax(zeros({3, 0}), 1).sizes() == IntArrayRef({3, 0}));
  REQUIRE(softmax(zeros({0, 3}), 1).sizes() == IntArrayRef({0, 3}));
  REQUIRE(zeros({0, 3}).cumsum(1).sizes() == IntArrayRef({0, 3}));
  REQUIRE(matmul(zeros({0, 3}), ones({3, 4})).sizes() == IntArrayRef({0, 4}));
  REQUIRE((zeros({0, 3}) + ones({3})).exp().transpose(0, 1).sizes() == IntArrayRef({3, 0}));
}

TEST_CASE("empty parts add nothing") {
  Tensor x = arange(6, kFloat32).view({2, 3});
  REQUIRE(holds(cat({x, zeros({0, 3})}), x));
  REQUIRE(holds(cat({zeros({2, 0}), x, zeros({2, 0}), x}, 1), cat({x, x}, 1)));
  REQUIRE(holds(x.index_select(0, zeros({0}, kInt64)), zeros({0, 3})));
  Tensor y = x.clone();
  y.slice(0, 1, 1).fill_(7);
  REQUIRE(holds(y, x));
  REQUIRE(holds(x.scatter(0, zeros({0, 3}, kInt64), zeros({0, 3})), x));
}

TEST_CASE("gradients pass through empty tensors") {
  Tensor x = ones({2, 3}).requires_grad_(), none = zeros({0, 3}).requires_grad_();
  (cat({x, none}).pow(2).sum() + none.sum()).backward();
  REQUIRE(holds(x.grad(), full({2, 3}, 2.0f)));
  REQUIRE(none.grad().sizes() == IntArrayRef({0, 3}));
}

TEST_CASE("normalisations along an empty dimension, with gradients") {
  for (const bool compiled : {false, true}) {
    CAPTURE(compiled);
    auto gradients = [](const Tensor& values) {
      Tensor x = values.clone().requires_grad_();
      const Tensor most = logsumexp(x, 1);
      (softmax(x, 1).sum() + log_softmax(x, 1).sum() + layer_norm(x, {0}).sum()).backward();
      return std::vector<Tensor>{most.detach(), x.grad()};
    };
    const Tensor nothing = zeros({3, 0});
    const auto results = compiled ? jit::compile(gradients)(nothing) : gradients(nothing);
    REQUIRE(holds(results[0], full({3}, -INFINITY)));
    REQUIRE(holds(results[1], nothing));
  }
}

TEST_CASE("a class among none is an error") {
  REQUIRE_THROWS_WITH(nn::functional::cross_entropy(zeros({2, 0}), zeros({2}, kInt64)),
                      Catch::Contains("cross_entropy"));
  auto loss =
      jit::compile([](const Tensor& x, const Tensor& y) { return nn::functional::cross_entropy(x, y); });
  REQUIRE_THROWS_WITH(loss(zeros({2, 0}), zeros({2}, kInt64)), Catch::Contains("no classes"));
}

TEST_CASE("compiled programs may hold empty tensors") {
  // Each m, n, k may be 0; the product and what follows it are outputs, which makes two kernels of them.
  for (std::int64_t m : {0, 2})
    for (std::int64_t n : {0, 4})
      for (std::int64_t k : {0, 3}) {
        CAPTURE(m, n, k);
        auto step = jit::compile([](const Tensor& a, const Tensor& b, const Tensor& c) {
          Tensor product = matmul(a, b);
          return std::vector<Tensor>{product, relu(product + c), (product + c).sum(1), product.sum()};
        });
        Tensor a = ones({m, k}), b = full({k, n}, 2.0f), c = full({n}, 0.5f);
        std::vector<Tensor> results = step(a, b, c);
        float each = 2.0f * static_cast<float>(k);
        REQUIRE(holds(results[0], full({m, n}, each)));
        REQUIRE(holds(results[1], full({m, n}, each + 0.5f)));
        REQUIRE(holds(results[2], full({m}, (each + 0.5f) * static_cast<float>(n))));
        REQUIRE(results[3].item<float>() == each * static_cast<float>(m * n));
      }
}
