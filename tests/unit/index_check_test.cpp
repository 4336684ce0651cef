// Indices outside a tensor within compiled programs: an error before anything runs, as in eager mode.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

using namespace kiln;
using Catch::Contains;

namespace {
Tensor numbers(std::vector<std::int64_t> values) {
  return tensor(values);
}
} // namespace

TEST_CASE("a step with a target outside the classes changes nothing") {
  nn::Linear net(4, 3);
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.1).momentum(0.9));
  auto step = jit::compile([&](const Tensor& x, const Tensor& y) {
    sgd.zero_grad();
    const Tensor loss = nn::functional::cross_entropy(net(x), y);
    loss.backward();
    sgd.step();
    return loss;
  });
  const Tensor x = randn({3, 4});
  step(x, numbers({0, 2, 1}));
  const Tensor before = net->weight.detach().clone();
  for (const std::int64_t wrong : {3, -1, 1'000'000'000}) {
    CAPTURE(wrong);
    REQUIRE_THROWS_WITH(step(x, numbers({0, wrong, 1})),
                        Contains("cross_entropy: Target is out of bounds: got " + std::to_string(wrong) +
                                 ", wanted 0 to 2") &&
                            Contains("index_check_test.cpp"));
    REQUIRE(equal(net->weight, before));
  }
  step(x, numbers({0, -100, 1})); // ignored
  REQUIRE_FALSE(equal(net->weight, before));
  REQUIRE(step.kernels().size() > 0);
}

TEST_CASE("views of an input are checked where they look") {
  nn::Embedding table(5, 2);
  auto look_up = jit::compile([&](const Tensor& tokens) { // [2, 4]
    return table(tokens.slice(1, 0, -1).transpose(0, 1).reshape({3, 2, 1}));
  });
  look_up(numbers({0, 1, 2, 9, 3, 4, 0, -9}).view({2, 4})); // 9 and -9 are looked at by nobody
  REQUIRE_THROWS_WITH(look_up(numbers({0, 1, 2, 9, 3, 4, 5, 9}).view({2, 4})),
                      Contains("index out of range in self: got 5, wanted 0 to 4"));
  REQUIRE_THROWS_WITH(look_up(numbers({0, 1, 2, 9, -1, 4, 0, 9}).view({2, 4})), Contains("got -1"));
  // A first call checks as well, and the next one, the first to run, finds where to write.
  Tensor seen = zeros({2});
  auto count = jit::compile([&](const Tensor& tokens) {
    seen.add_(1);
    return table(tokens);
  });
  REQUIRE_THROWS_WITH(count(numbers({5})), Contains("got 5"));
  REQUIRE(equal(seen, zeros({2})));
  count(numbers({1}));
  REQUIRE(equal(seen, ones({2})));
  auto other = jit::compile([&](const Tensor& tokens) { return table(tokens); });
  REQUIRE_THROWS_WITH(other(numbers({7})), Contains("got 7"));
  REQUIRE(equal(other(numbers({4})), table->weight.slice(0, 4, 5)));
}

TEST_CASE("indices from the end count as inside") {
  const Tensor x = arange(6, kFloat32);
  auto pick = jit::compile([&](const Tensor& at) { return x.index({at}); });
  REQUIRE(equal(pick(numbers({-1, 0, -6})), tensor({5.0f, 0.0f, 0.0f})));
  REQUIRE_THROWS_WITH(pick(numbers({0, -7, 1})), Contains("got -7, wanted -6 to 5"));
  auto columns = jit::compile([](const Tensor& values, const Tensor& at) { return values.gather(1, at); });
  REQUIRE_THROWS_WITH(columns(x.view({2, 3}), numbers({0, 3}).view({2, 1})), Contains("got 3"));
}

TEST_CASE("state is checked as arguments are") {
  Tensor at = numbers({0, 1});
  const Tensor x = arange(4, kFloat32);
  auto pick = jit::compile([&] { return x.index_select(0, at); });
  pick();
  at.fill_(4);
  REQUIRE_THROWS_WITH(pick(), Contains("got 4, wanted 0 to 3"));
  at.fill_(3);
  REQUIRE(equal(pick(), tensor({3.0f, 3.0f})));
}

TEST_CASE("indices of 32 bits are checked before they are widened") {
  nn::Embedding table(5, 2);
  auto look_up = jit::compile([&](const Tensor& tokens) { return table(tokens.slice(1, 1).t()); }); // [2, 3]
  auto tokens = [](std::vector<std::int64_t> values) { return numbers(values).to(kInt32).view({2, 3}); };
  const Tensor rows = look_up(tokens({9, 0, 4, -9, 3, 1})); // 9 and -9 are looked at by nobody
  REQUIRE(equal(rows[1][0], table->weight[4]));
  REQUIRE_THROWS_WITH(look_up(tokens({0, 0, 5, 0, 0, 0})),
                      Contains("index out of range in self: got 5, wanted 0 to 4"));
  REQUIRE_THROWS_WITH(look_up(tokens({0, 0, 0, 0, 0, -2})), Contains("got -2"));
  auto classes = jit::compile([](const Tensor& x, const Tensor& y) {
    return nn::functional::cross_entropy(x, y.to(kInt64)); // bytes, as a data set holds labels
  });
  const Tensor x = randn({2, 3});
  classes(x, numbers({0, 2}).to(kUInt8));
  REQUIRE_THROWS_WITH(classes(x, numbers({0, 200}).to(kUInt8)), Contains("got 200, wanted 0 to 2"));
  // What a conversion may change is not an input's element any more: 259 of 32 bits is 3 of 8.
  auto narrow = jit::compile([&](const Tensor& at) { return table(at.to(kUInt8).to(kInt64)); });
  REQUIRE(equal(narrow(numbers({259}).to(kInt32)), table->weight.slice(0, 3, 4)));
}
