// jit::compile: the same results as eager mode, state found and updated in place, guards, segments, failures.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <stdexcept>

using namespace kiln;

namespace {

std::vector<float> values(const Tensor& x) {
  const Tensor whole = x.contiguous();
  const float* data = whole.data_ptr<float>();
  return {data, data + x.numel()};
}

struct NetImpl : nn::Module {
  NetImpl() {
    fc1 = register_module("fc1", nn::Linear(6, 8));
    drop = register_module("drop", nn::Dropout(0.5));
    fc2 = register_module("fc2", nn::Linear(8, 3));
  }
  Tensor forward(const Tensor& x) { return fc2(drop(relu(fc1(x)))); }
  nn::Linear fc1{nullptr}, fc2{nullptr};
  nn::Dropout drop{nullptr};
};
KILN_MODULE(Net);

Tensor inputs() {
  manual_seed(1);
  return randn({5, 6});
}
Tensor targets() {
  return tensor({0, 2, 1, 1, 0});
}

// Losses of a few training steps from one seed.
std::vector<float> train(bool compiled, int steps, Tensor* weight = nullptr) {
  const Tensor x = inputs(), y = targets();
  manual_seed(3);
  Net net;
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.1).momentum(0.9));
  auto step = [&](const Tensor& x, const Tensor& y) {
    sgd.zero_grad();
    const Tensor loss = nn::functional::cross_entropy(net(x), y);
    loss.backward();
    sgd.step();
    return loss;
  };
  auto fast = jit::compile(step);
  std::vector<float> losses;
  for (int i = 0; i < steps; ++i)
    losses.push_back((compiled ? fast(x, y) : step(x, y)).item<float>());
  if (compiled) REQUIRE(fast.programs() == 1);
  if (weight) *weight = net->fc1->weight.detach().clone();
  return losses;
}

} // namespace

TEST_CASE("a compiled training step trains as the eager one does") {
  Tensor eager_weight, compiled_weight;
  const auto eager = train(false, 6, &eager_weight), compiled = train(true, 6, &compiled_weight);
  REQUIRE(eager.front() != eager.back());
  for (std::size_t i = 0; i < eager.size(); ++i)
    REQUIRE(compiled[i] == Approx(eager[i]).epsilon(1e-5));
  REQUIRE(compiled_weight.allclose(eager_weight, 1e-4, 1e-6));
}

TEST_CASE("a compiled model gives the same result and the same gradients") {
  const Tensor x = inputs();
  Net net;
  net->eval();
  auto fast = jit::compile(net);
  net(x).sum().backward();
  const auto eager = values(net->fc1->weight.grad());
  net->zero_grad();
  const Tensor y = fast(x);
  REQUIRE(y.allclose(net(x), 1e-5, 1e-6));
  y.sum().backward();
  const auto compiled = values(net->fc1->weight.grad());
  for (std::size_t i = 0; i < eager.size(); ++i)
    REQUIRE(compiled[i] == Approx(eager[i]).epsilon(1e-4).margin(1e-6));
}

TEST_CASE("a guard that fails recompiles and explains") {
  Net net;
  auto fast = jit::compile(net);
  NoGradGuard guard;
  fast(ones({5, 6}));
  fast(ones({5, 6}));
  REQUIRE(fast.programs() == 1);
  SECTION("shape") {
    fast(ones({4, 6}));
    REQUIRE(fast.programs() == 2);
    REQUIRE_THAT(fast.explain(), Catch::Contains("argument 0 was f32[5, 6], is f32[4, 6]"));
    fast(ones({5, 6}));
    REQUIRE(fast.programs() == 2);
  }
  SECTION("train and eval") {
    net->eval();
    fast(ones({5, 6}));
    REQUIRE(fast.programs() == 2);
    REQUIRE_THAT(fast.explain(), Catch::Contains("training"));
    REQUIRE(fast(ones({5, 6})).allclose(net(ones({5, 6}))));
  }
  SECTION("a replaced submodule") {
    net->eval();
    fast(ones({5, 6}));
    net->fc2 = net->replace_module("fc2", nn::Linear(8, 3));
    REQUIRE(fast(ones({5, 6})).allclose(net(ones({5, 6}))));
  }
  SECTION("requires_grad") {
    AutoGradMode on(true);
    net->eval();
    REQUIRE(fast(ones({5, 6})).requires_grad());
    for (auto& p : net->parameters())
      p.requires_grad_(false);
    REQUIRE_FALSE(fast(ones({5, 6})).requires_grad());
  }
}

TEST_CASE("changing the learning rate does not recompile") {
  Tensor w = tensor({1.0f}).requires_grad_();
  optim::SGD sgd({w}, optim::SGDOptions(0.5));
  auto step = jit::compile([&] {
    sgd.zero_grad();
    (w * 2).sum().backward();
    sgd.step();
  });
  step();
  REQUIRE(values(w.detach()) == std::vector<float>{0});
  static_cast<optim::SGDOptions&>(sgd.param_groups()[0].options()).lr(0.25);
  step();
  REQUIRE(values(w.detach()) == std::vector<float>{-0.5});
  REQUIRE(step.programs() == 1);
}

TEST_CASE("reading a value while capturing splits the program and keeps eager's result") {
  Tensor w = tensor({3.0f}).requires_grad_();
  auto f = [&](const Tensor& x) {
    Tensor y = (x * w).sum();
    if (y.item<float>() > 0)
      y = y * 10;
    else
      y = y - 1;
    y.backward();
    return y;
  };
  auto fast = jit::compile(f);
  REQUIRE(fast(tensor({2.0f})).item<float>() == 60);
  REQUIRE(values(w.grad()) == std::vector<float>{20});
  w.mutable_grad() = {};
  REQUIRE(fast(tensor({-2.0f})).item<float>() == -7);
  REQUIRE(values(w.grad()) == std::vector<float>{-2});
  REQUIRE_THAT(fast.explain(), Catch::Contains("split") && Catch::Contains("jit_test.cpp"));
}

TEST_CASE("a forward that throws while being captured loses nothing") {
  Tensor w = tensor({1.0f}).requires_grad_();
  (w * 3).sum().backward();
  bool fail = true;
  auto step = jit::compile([&](const Tensor& x) {
    w.mutable_grad() = {};
    (w * x).sum().backward();
    {
      NoGradGuard guard;
      w.sub_(w.grad());
    }
    if (fail) throw std::runtime_error("not today");
    return w.detach();
  });
  REQUIRE_THROWS_WITH(step(tensor({2.0f})), "not today");
  REQUIRE(values(w.detach()) == std::vector<float>{1});
  REQUIRE(values(w.grad()) == std::vector<float>{3});
  fail = false;
  REQUIRE(values(step(tensor({2.0f}))) == std::vector<float>{-1});
}

TEST_CASE("gradients that are not cleared accumulate, compiled as eagerly") {
  Tensor w = tensor({2.0f}).requires_grad_();
  auto step = jit::compile([&] { (w * w).sum().backward(); });
  for (int i = 1; i <= 4; ++i) {
    step();
    REQUIRE(values(w.grad()) == std::vector<float>{4.0f * static_cast<float>(i)});
  }
}

TEST_CASE("a tensor that the function replaces is followed") {
  Tensor state = tensor({1.0f});
  auto step = jit::compile([&] {
    state = state * 2;
    return state;
  });
  for (float want : {2.0f, 4.0f, 8.0f, 16.0f})
    REQUIRE(step().item<float>() == want);
  REQUIRE(values(state) == std::vector<float>{16});
}

TEST_CASE("what a compiled function leaves in other tensors than its result carries gradient") {
  const Tensor weight = tensor({2.0f, 3.0f}, TensorOptions().requires_grad(true));
  Tensor kept, sum = zeros({2});
  auto model = [&](const Tensor& x) {
    const Tensor hidden = weight * x;
    kept = hidden * hidden; // d/dw: 2 w x^2
    sum.add_(hidden);       // d/dw: x
    return hidden * 3;      // d/dw: 3 x
  };
  auto compiled = jit::compile(model);
  const Tensor x = tensor({5.0f, 7.0f});
  auto gradient_of = [&](const Tensor& value) {
    return autograd::grad({value.sum()}, {weight}, {}, /*retain_graph=*/true)[0];
  };
  for (int call = 1; call <= 3; ++call) {
    const Tensor result = compiled(x);
    CHECK(kept.allclose(square(weight * x)));
    CHECK(sum.allclose(weight * x * call));
    CHECK(gradient_of(result).allclose(x * 3));
    CHECK(gradient_of(kept).allclose(weight * 2 * x * x));
    CHECK(gradient_of(result + kept).allclose(x * 3 + weight * 2 * x * x));
    CHECK(gradient_of(sum).allclose(x * call));
  }
  CHECK(compiled.programs() <= 2); // sum carries gradient from the second call on
  sum.detach_();
  compiled(x);
  CHECK(gradient_of(sum).allclose(x));
}

TEST_CASE("a tensor that a compiled function frees of its gradient has none") {
  const Tensor weight = tensor({2.0f}, TensorOptions().requires_grad(true));
  Tensor state = weight * 3;
  auto clear = jit::compile([&](const Tensor& x) {
    const Tensor was = state * x;
    state.detach_();
    state.add_(1);
    return was;
  });
  for (int call = 0; call < 2; ++call) {
    state = weight * 3;
    CHECK(autograd::grad({clear(ones({1}))}, {weight})[0].item<float>() == 3);
    CHECK_FALSE(state.requires_grad());
    CHECK(state.item<float>() == 7);
  }
}

TEST_CASE("tensors that arguments alone decide are made once, and each call has its own") {
  auto body = [](Tensor x) {
    Tensor places = arange(4);
    places.add_(x); // is not seen by the next call
    return std::make_tuple(places, linspace(0, 1, 5), eye(3) * 2 + arange(0.0, 1.5, 0.5));
  };
  auto fast = jit::compile(body);
  for (int i = 0; i < 3; ++i) {
    const Tensor x = full({4}, i, kInt64);
    auto [places, line, matrix] = fast(x);
    auto [wanted_places, wanted_line, wanted_matrix] = body(x);
    CHECK(equal(places, wanted_places));
    CHECK(equal(line, wanted_line));
    CHECK(equal(matrix, wanted_matrix));
    line.zero_(); // neither is this
  }
  const std::string story = fast.explain();
  CHECK(story.find("captured") == story.rfind("captured"));
}

TEST_CASE("state that others hold is not overwritten under them") {
  Tensor w = tensor({1.0f});
  auto step = jit::compile([&] { w.add_(1); });
  step();
  const Tensor kept = w.clone();
  step();
  REQUIRE(values(kept) == std::vector<float>{2});
  REQUIRE(values(w) == std::vector<float>{3});
}

TEST_CASE("a replay finds its state wherever it went since the last call") {
  Tensor w = full({3}, 1.0, kFloat32), v = full({3}, 1.0, kFloat32);
  auto step = jit::compile([&](const Tensor& x) {
    w.add_(x);
    v.mul_(2);
    return x + 1;
  });
  auto back = jit::compile([&](const Tensor& x) {
    w.sub_(x);
    return x - 1;
  });
  const Tensor one = ones({3});
  float wanted_w = 1, wanted_v = 1;
  auto check = [&] {
    step(one);
    wanted_w += 1, wanted_v *= 2;
    REQUIRE(values(w) == std::vector<float>(3, wanted_w));
    REQUIRE(values(v) == std::vector<float>(3, wanted_v));
  };
  check();
  step(one), step(one);
  wanted_w += 2, wanted_v *= 4;
  check();
  const Tensor held = w.clone(); // may share memory until one of them is written
  check();
  REQUIRE(values(held) == std::vector<float>(3, wanted_w - 1));
  w.fill_(40);
  wanted_w = 40;
  check();
  w.set_data(full({3}, 7.0, kFloat32));
  wanted_w = 7;
  check();
  back(one), back(one); // another program's run lies between
  wanted_w -= 2;
  check();
  w = full({3}, 30.0, kFloat32); // another tensor: captured anew
  wanted_w = 30;
  check();
  check();
}

TEST_CASE("programs that are one for two models keep the models apart") {
  auto make = [](float first) {
    auto w = std::make_shared<Tensor>(full({4}, first, kFloat32));
    return std::pair(w, jit::compile([w](const Tensor& x) {
                       w->add_(x);
                       return *w * 2;
                     }));
  };
  auto [a, step_a] = make(1);
  auto [b, step_b] = make(100);
  const Tensor one = ones({4});
  for (int i = 0; i < 4; ++i) {
    step_a(one);
    if (i != 2) step_b(one);
  }
  REQUIRE(values(*a) == std::vector<float>(4, 5));
  REQUIRE(values(*b) == std::vector<float>(4, 103));
}

TEST_CASE("a number that is state changes beside those that read its old value") {
  Tensor n = ones({}), x = full({70000}, 2.0), y = full({3}, 1.0);
  const Tensor alias = n.view({1});
  auto step = jit::compile([&] {
    const Tensor next = n * 2;
    x.mul_(n);
    y.add_(next);
    n.copy_(next);
  });
  for (int i = 0; i < 4; ++i)
    step();
  REQUIRE(n.item<float>() == 16);
  REQUIRE(alias.item<float>() == 16);
  REQUIRE(x[69999].item<float>() == 2 * 1 * 2 * 4 * 8);
  REQUIRE(y[2].item<float>() == 1 + 2 + 4 + 8 + 16);
  REQUIRE(step.kernels().size() == 1);
  // Whoever holds its address reads what later steps make of it.
  const float* address = n.data_ptr<float>();
  step();
  REQUIRE(*address == 32);
}

TEST_CASE("the program can be looked at") {
  auto f = jit::compile([](const Tensor& x) { return (x.exp() + 1).sum(); });
  REQUIRE_THROWS_WITH(f.ir(jit::Stage::Captured), Catch::Contains("not been called"));
  f(ones({4, 4}));
  REQUIRE_THAT(f.ir(jit::Stage::Captured), Catch::Contains("kiln.exp"));
  REQUIRE_THAT(f.ir(jit::Stage::Fused), Catch::Contains("kiln.fusion"));
  const auto kernels = f.kernels();
  REQUIRE(kernels.size() == 1);
  REQUIRE_FALSE(kernels[0].source.empty());
  REQUIRE(f.memory().peak >= f.memory().lower_bound);
}

TEST_CASE("wrong shapes inside a captured model name the module and the line") {
  Net net;
  auto fast = jit::compile(net);
  REQUIRE_THROWS_WITH(fast(ones({5, 7})),
                      Catch::Contains("linear") && Catch::Contains("fc1") && Catch::Contains("[5, 7]"));
  fast(ones({5, 6}));
}

TEST_CASE("a chain of modules is passed over: an error names the line that calls it") {
  auto fast = jit::compile(nn::Sequential(nn::Linear(6, 8), nn::ReLU(), nn::Linear(9, 2)));
  const Tensor x = ones({5, 6});
  REQUIRE_THROWS_WITH(fast(x), Catch::Contains("jit_test.cpp:" + std::to_string(__LINE__)));
}

TEST_CASE("a value written without being recorded keeps its place in the graph, compiled as eagerly") {
  const auto loss_of = [](const Tensor& x) {
    Tensor a = x * 2.0, b = x * 3.0, c = (x / 0.0).sum();
    a.detach().add_(1.0);
    NoGradGuard guard;
    b[0] = 7.0;
    c.fill_(2.0); // from infinity
    AutoGradMode enabled(true);
    return (a * a).sum() + (b * b).sum() + c.detach();
  };
  Tensor x = tensor({1.0, -2.0}, kFloat64).requires_grad_(), y = x.detach().clone().requires_grad_();
  const Tensor wanted = loss_of(x), got = jit::compile(loss_of)(y);
  CHECK(wanted.item<double>() == 3 * 3 + 3 * 3 + 7 * 7 + 6 * 6 + 2);
  CHECK(got.item<double>() == wanted.item<double>());
  wanted.backward(), got.backward();
  CHECK(x.grad().equal(tensor({2 * 3 * 2.0 + 2 * 7 * 3.0, 2 * -3 * 2.0 + 2 * -6 * 3.0}, kFloat64)));
  CHECK(y.grad().equal(x.grad()));
}

TEST_CASE("a detached argument becomes a leaf of the compiled function's own") {
  const auto penalty = [](const Tensor& x, const Tensor& w) {
    const Tensor p = x.detach().requires_grad_(), q = x.slice(0, 0, 2).detach().requires_grad_();
    const Tensor e = (p * p * w).sum() + (q * w.slice(0, 1, 3)).pow(3).sum();
    const auto g = autograd::grad({e}, {p, q}, {}, /*retain_graph=*/true, /*create_graph=*/true);
    return std::make_tuple(g[0], g[1], (g[0] * g[0]).sum(), e.detach());
  };
  auto compiled = jit::compile(penalty);
  const Tensor w = tensor({2.0, 3.0, 5.0}, kFloat64).requires_grad_();
  for (double scale : {1.0, 2.0}) {
    const Tensor x = tensor({1.0, -1.0, 0.5}, kFloat64) * scale;
    const auto [p, q, norm, e] = compiled(x, w);
    CHECK(p.equal(x * w.detach() * 2));
    CHECK(q.equal(x.slice(0, 0, 2).pow(2) * w.detach().slice(0, 1, 3).pow(3) * 3));
    CHECK(e.item<double>() == std::get<3>(penalty(x, w)).item<double>());
    CHECK(autograd::grad({norm}, {w})[0].allclose(w.detach() * x.pow(2) * 8));
  }
  CHECK(compiled.programs() == 1);
}
