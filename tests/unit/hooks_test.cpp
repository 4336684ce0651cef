// Tensor hooks, retained gradients, autograd::Function and create_graph, eager and compiled.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

using namespace kiln;
using autograd::AutogradContext;
using autograd::variable_list;

namespace {
std::vector<float> values(const Tensor& x) {
  const Tensor copy = x.detach().clone();
  const float* data = copy.data_ptr<float>();
  return {data, data + copy.numel()};
}
using F = std::vector<float>;

// x^2 with a gradient of its own: three times the right one.
struct Triple : autograd::Function<Triple> {
  static Tensor forward(AutogradContext* ctx, Tensor x, double scale) {
    ctx->save_for_backward({x});
    ctx->saved_data["scale"] = scale;
    return x * x * scale;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const Tensor x = ctx->get_saved_variables()[0];
    return {grads[0] * x * 6 * ctx->saved_data["scale"].toDouble(), Tensor()};
  }
};

struct Exp : autograd::Function<Exp> {
  static Tensor forward(AutogradContext* ctx, Tensor x) {
    const Tensor y = x.exp();
    ctx->save_for_backward({y});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    return {grads[0] * ctx->get_saved_variables()[0]};
  }
};

struct MinMax : autograd::Function<MinMax> {
  static variable_list forward(AutogradContext* ctx, Tensor x, Tensor y) {
    const Tensor larger = x > y;
    ctx->mark_non_differentiable({larger});
    ctx->save_for_backward({larger});
    return {where(larger, x, y), where(larger, y, x), larger};
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const Tensor larger = ctx->get_saved_variables()[0];
    return {where(larger, grads[0], grads[1]), where(larger, grads[1], grads[0])};
  }
};
} // namespace

TEST_CASE("hooks see and change gradients, and can be removed") {
  Tensor x = tensor({2.0f}).requires_grad_();
  const Tensor y = x * 3;
  std::vector<float> seen;
  y.register_hook([&](Tensor g) { seen.push_back(g.item<float>()); });
  const unsigned doubled = y.register_hook([](Tensor g) { return g * 2; });
  const unsigned leaf = x.register_hook([](Tensor g) { return g + 1; });
  (y * 5).sum().backward({}, true);
  REQUIRE(seen == F{5});
  REQUIRE(values(x.grad()) == F{31});
  y.remove_hook(doubled);
  x.remove_hook(leaf);
  x.mutable_grad() = {};
  (y * 5).sum().backward();
  REQUIRE(values(x.grad()) == F{15});
  REQUIRE_THROWS_WITH(y.remove_hook(doubled), Catch::Contains("Invalid index"));
  REQUIRE_THROWS_WITH(ones({1}).register_hook([](Tensor g) { return g; }),
                      Catch::Contains("doesn't require gradient"));
  const Tensor z = x * 1;
  z.register_hook([](Tensor g) { return g.view({1, 1}); });
  REQUIRE_THROWS_WITH(z.sum().backward(), Catch::Contains("changed the size"));
}

TEST_CASE("hooks on views") {
  Tensor x = tensor({1.0f, 2.0f}).requires_grad_();
  const Tensor y = (x * 1).view({2, 1});
  y.register_hook([](Tensor g) { return g * 10; });
  (y * y).sum().backward();
  REQUIRE(values(x.grad()) == F{20, 40});
}

TEST_CASE("hooks and retained gradients within a compiled step") {
  Tensor kept;
  auto body = [&](Tensor w) {
    Tensor h = w * 3;
    h.retain_grad();
    const Tensor u = h * h;
    u.register_hook([](Tensor g) { return g * 2; });
    w.register_hook([](Tensor g) { return g + 1; });
    (u * 5).sum().backward();
    kept = h.grad();
    return h.grad() * 1;
  };
  Tensor x = tensor({2.0f}).requires_grad_();
  body(x);
  REQUIRE(values(x.grad()) == F{2 * 5 * 2 * 6 * 3 + 1});
  REQUIRE(values(kept) == F{2 * 5 * 2 * 6});
  Tensor z = tensor({2.0f}).requires_grad_();
  auto step = jit::compile([&](Tensor w) {
    Tensor h = w * 3;
    h.retain_grad();
    const Tensor u = h * h;
    u.register_hook([](Tensor g) { return g * 2; });
    (u * 5).sum().backward();
    return h.grad() * 1;
  });
  REQUIRE(values(step(z)) == F{120});
  REQUIRE(values(z.grad()) == F{360});
  z.mutable_grad() = {};
  REQUIRE(values(step(z)) == F{120});
  REQUIRE(values(z.grad()) == F{360});
}

TEST_CASE("a hook added to a leaf after a capture is followed") {
  Tensor w = tensor({2.0f}).requires_grad_();
  auto step = jit::compile([&](Tensor x) {
    w.mutable_grad() = {};
    (w * x).sum().backward();
    return x * 1;
  });
  step(tensor({3.0f}));
  REQUIRE(values(w.grad()) == F{3});
  const unsigned hook = w.register_hook([](Tensor g) { return g * 10; });
  step(tensor({3.0f}));
  REQUIRE(values(w.grad()) == F{30});
  w.remove_hook(hook);
  step(tensor({3.0f}));
  REQUIRE(values(w.grad()) == F{3});
}

TEST_CASE("autograd::Function has the gradient that its backward gives") {
  Tensor x = tensor({2.0f}).requires_grad_();
  Tensor y = Triple::apply(x, 0.5);
  REQUIRE(values(y) == F{2});
  REQUIRE(y.grad_fn()->name() == "CppNode<(anonymous namespace)::Triple>");
  (y * 10).sum().backward({}, true);
  REQUIRE(values(x.grad()) == F{60});
  (y * 10).sum().backward();
  REQUIRE_THROWS_WITH((y * 10).sum().backward(), Catch::Contains("second time"));
  REQUIRE_FALSE(Triple::apply(ones({1}), 1.0).requires_grad());
}

TEST_CASE("autograd::Function is differentiable twice") {
  Tensor x = tensor({1.5f}).requires_grad_();
  const Tensor first = autograd::grad({Exp::apply(x).sum()}, {x}, {}, true, true)[0];
  const Tensor second = autograd::grad({first.sum()}, {x})[0];
  REQUIRE(first.item<float>() == Approx(std::exp(1.5f)));
  REQUIRE(second.item<float>() == Approx(std::exp(1.5f)));
}

TEST_CASE("several results, some without gradient") {
  Tensor x = tensor({1.0f, 5.0f}).requires_grad_(), y = tensor({3.0f, 4.0f}).requires_grad_();
  auto results = MinMax::apply(x, y);
  REQUIRE(results[0].requires_grad());
  REQUIRE_FALSE(results[2].requires_grad());
  (results[0] * 2 + results[1] * 3).sum().backward();
  REQUIRE(values(x.grad()) == F{3, 2});
  REQUIRE(values(y.grad()) == F{2, 3});
  Tensor z = tensor({1.0f}).requires_grad_();
  MinMax::apply(z, z * 2)[1].sum().backward(); // the other result gets no gradient
  REQUIRE(values(z.grad()) == F{1});
}

TEST_CASE("autograd::Function within a compiled step, and within a compiled model") {
  Tensor w = tensor({2.0f}).requires_grad_();
  auto step = jit::compile([&](Tensor x) {
    w.mutable_grad() = {};
    const Tensor y = Triple::apply(w * x, 1.0);
    (Exp::apply(y * 0.1) * 2).sum().backward();
    return y * 1;
  });
  auto wanted = [](float x) { return 2 * std::exp(0.4f * x * x) * 0.1f * 6 * 2 * x * x; };
  REQUIRE(values(step(tensor({1.0f}))) == F{4});
  REQUIRE(w.grad().item<float>() == Approx(wanted(1)));
  step(tensor({0.5f}));
  REQUIRE(w.grad().item<float>() == Approx(wanted(0.5f)));
  REQUIRE(step.programs() == 1);

  Tensor v = tensor({3.0f}).requires_grad_();
  auto model = jit::compile([&](Tensor x) { return Triple::apply(v * x, 1.0) * 2; });
  for (int round = 0; round < 2; ++round) {
    v.mutable_grad() = {};
    model(tensor({1.0f})).sum().backward();
    REQUIRE(values(v.grad()) == F{2 * 6 * 3});
  }
}

TEST_CASE("create_graph goes through a compiled call: a gradient penalty") {
  auto penalty = [](auto& net, const Tensor& x) {
    const Tensor y = net(x);
    const Tensor g = autograd::grad({y.sum()}, {x}, {}, true, true)[0];
    return (g * g).sum() + y.sum();
  };
  Tensor w = tensor({2.0f, -1.0f}).requires_grad_(), x = tensor({0.5f, 0.25f}).requires_grad_();
  auto plain = [&](const Tensor& in) { return (w * in * in).tanh(); };
  penalty(plain, x).backward();
  const F dw = values(w.grad()), dx = values(x.grad());
  w.mutable_grad() = {};
  x.mutable_grad() = {};
  auto compiled = jit::compile([&](Tensor in) { return (w * in * in).tanh(); });
  penalty(compiled, x).backward();
  for (int i = 0; i < 2; ++i) {
    REQUIRE(values(w.grad())[static_cast<std::size_t>(i)] == Approx(dw[static_cast<std::size_t>(i)]));
    REQUIRE(values(x.grad())[static_cast<std::size_t>(i)] == Approx(dx[static_cast<std::size_t>(i)]));
  }
  // And the whole as one program.
  w.mutable_grad() = {};
  x.mutable_grad() = {};
  auto step = jit::compile([&](Tensor in) {
    const Tensor loss = penalty(plain, in);
    loss.backward();
    return loss;
  });
  step(x);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(values(w.grad())[static_cast<std::size_t>(i)] == Approx(dw[static_cast<std::size_t>(i)]));
    REQUIRE(values(x.grad())[static_cast<std::size_t>(i)] == Approx(dx[static_cast<std::size_t>(i)]));
  }
}

TEST_CASE("gradients by an intermediate and by what lies before it, in one call") {
  auto body = [](Tensor x) {
    const Tensor y = x * 2;
    const Tensor z = y * y;
    return autograd::grad({z.sum()}, {y, x});
  };
  Tensor x = tensor({3.0f}).requires_grad_();
  const auto eager = body(x);
  REQUIRE(values(eager[0]) == F{12});
  REQUIRE(values(eager[1]) == F{24});
  auto compiled = jit::compile(body);
  const auto fast = compiled(x);
  REQUIRE(values(fast[0]) == F{12});
  REQUIRE(values(fast[1]) == F{24});
}

TEST_CASE("backward with inputs accumulates in those alone; names are PyTorch's") {
  Tensor a = tensor({2.0f}).requires_grad_(), b = tensor({3.0f}).requires_grad_();
  const Tensor c = a * b;
  c.sum().backward({}, {}, false, std::vector<Tensor>{a});
  REQUIRE(values(a.grad()) == F{3});
  REQUIRE_FALSE(b.grad().defined());
  REQUIRE(c.grad_fn()->name() == "MulBackward0");
  REQUIRE((a + b).grad_fn()->name() == "AddBackward0");
  REQUIRE(log_softmax(a, 0).grad_fn()->name() == "LogSoftmaxBackward0");
  REQUIRE_THROWS_WITH(c.sum().backward({}, {}, false, std::vector<Tensor>{}),
                      Catch::Contains("cannot be empty"));
  autograd::backward({a * a, b * b}, {tensor({1.0f}), tensor({2.0f})});
  REQUIRE(values(a.grad()) == F{7});
  REQUIRE(values(b.grad()) == F{12});
}

TEST_CASE("a second backward() through what a captured step has freed is eager mode's error") {
  Tensor w = tensor({2.f, 3.f}).requires_grad_();
  const bool function = GENERATE(false, true);
  const bool splits = GENERATE(false, true);
  auto body = [&](Tensor x) {
    w.mutable_grad() = Tensor();
    Tensor y = function ? Triple::apply(x * w, 1.0) : square(x * w);
    Tensor loss = y.sum();
    loss.backward();
    if (splits) (void)loss.item<float>();
    return std::vector<Tensor>{y, loss, y * 2};
  };
  auto step = jit::compile(body);
  const Tensor x = tensor({1.f, 2.f});
  for (int i = 0; i < 3; ++i) {
    const auto results = i == 0 ? body(x) : step(x);
    INFO("run " << i << (function ? ", function" : "") << (splits ? ", split" : ""));
    CHECK(results[1].item<float>() == 40);
    for (const Tensor& result : results) {
      CHECK(result.requires_grad());
      CHECK_THROWS_WITH(result.sum().backward(),
                        Catch::Contains("Trying to backward through the graph a second time"));
    }
    NoGradGuard no_grad;
    CHECK_FALSE((results[1] * 2).requires_grad());
  }
}

TEST_CASE("results that pass through a compiled function, or were made before a split, keep their graph") {
  const Tensor w = tensor({2.f, 3.f}).requires_grad_();
  auto body = [&](Tensor x, Tensor y) {
    const Tensor made = x * w;
    (void)made.sum().item<float>();
    return std::vector<Tensor>{made, w, y};
  };
  auto fast = jit::compile(body);
  const Tensor x = tensor({1.f, 2.f});
  for (int i = 0; i < 3; ++i) {
    Tensor v = tensor({1.f, 1.f}).requires_grad_();
    const auto results = fast(x, v * 5);
    for (const Tensor& result : results)
      REQUIRE(result.requires_grad());
    (results[0] + results[1] * 10 + results[2] * 100).sum().backward();
    CHECK(values(w.grad()) == F{11, 12});
    CHECK(values(v.grad()) == F{500, 500});
    Tensor(w).mutable_grad() = Tensor();
    NoGradGuard no_grad;
    for (const Tensor& result : fast(x, v * 5))
      CHECK_FALSE(result.requires_grad());
  }
}

namespace {
struct Counted : autograd::Function<Counted> {
  static Tensor forward(autograd::AutogradContext*, Tensor x) { return x * 2; }
  static autograd::variable_list backward(autograd::AutogradContext*, autograd::variable_list grads) {
    ++runs;
    return {grads[0] * 2};
  }
  static inline int runs = 0;
};

// As many backward() calls within each other as its argument says.
struct Nesting : autograd::Function<Nesting> {
  static Tensor forward(autograd::AutogradContext* context, Tensor x) {
    context->saved_data["depth"] = x.item<double>();
    return x.clone();
  }
  static autograd::variable_list backward(autograd::AutogradContext* context, autograd::variable_list grads) {
    const double depth = context->saved_data["depth"].toDouble();
    if (depth == 0) return {grads[0]};
    AutoGradMode on(true);
    const Tensor inner = full({1}, depth - 1, kFloat32).requires_grad_();
    apply(inner).sum().backward();
    return {grads[0] + inner.grad()};
  }
};

struct NeedsInput : autograd::Function<NeedsInput> {
  static Tensor forward(autograd::AutogradContext*, Tensor x, Tensor y) { return x + y; }
  static autograd::variable_list backward(autograd::AutogradContext* context, autograd::variable_list grads) {
    needed = {context->needs_input_grad(0), context->needs_input_grad(1),
              context->needs_input_grad({{0, 2}})};
    return {grads[0], grads[0]};
  }
  static inline std::vector<bool> needed;
};
} // namespace

TEST_CASE("only what leads to the wanted gradients is run") {
  const Tensor x = ones({2}, requires_grad()), y = ones({2}, requires_grad());
  Counted::runs = 0;
  const Tensor both = Counted::apply(x) + y * 3;
  REQUIRE(values(autograd::grad({both.sum()}, {y})[0]) == F{3, 3});
  REQUIRE(Counted::runs == 0);
  REQUIRE_FALSE(autograd::grad({Counted::apply(x).sum()}, {y}, {}, {}, false, true)[0].defined());
  REQUIRE(Counted::runs == 0);
  autograd::grad({NeedsInput::apply(x, y).sum()}, {y});
  REQUIRE(NeedsInput::needed == std::vector<bool>{false, true, true});
  NeedsInput::apply(x, y).sum().backward();
  REQUIRE(NeedsInput::needed == std::vector<bool>{true, true, true});
}

TEST_CASE("backward within backward, deeper than one stack holds") {
  const Tensor x = full({1}, 500.0, kFloat32).requires_grad_();
  Nesting::apply(x).sum().backward();
  REQUIRE(values(x.grad()) == F{501});
}

TEST_CASE("retained gradients add up, and stay with the value after a write") {
  const Tensor x = tensor({3.0f}, requires_grad());
  const Tensor h = x * 2;
  h.retain_grad();
  const Tensor out = h * h;
  out.backward({}, true);
  out.backward();
  REQUIRE(values(h.grad()) == F{24});
  Tensor a = x.clone();
  a.retain_grad();
  a.mul_(5);
  (a * 7).backward();
  REQUIRE(values(a.grad()) == F{7});
}

TEST_CASE("warnings of autograd: gradients of intermediates, cycles of create_graph") {
  struct Texts : WarningHandler {
    void process(const SourceLocation&, const std::string& text, bool) override { all += text; }
    std::string all;
  } texts;
  WarningHandler* before = Warning::get_warning_handler();
  Warning::set_warning_handler(&texts);
  const Tensor x = ones({1}, requires_grad()), y = x * x;
  x.grad();
  const std::string of_leaf = texts.all;
  y.grad();
  const std::string of_intermediate = std::exchange(texts.all, {});
  y.backward({}, {}, true);
  Warning::set_warning_handler(before);
  x.mutable_grad() = {};
  REQUIRE(of_leaf.empty());
  REQUIRE(of_intermediate.find("not a leaf") != std::string::npos);
  REQUIRE(texts.all.find("create_graph=True") != std::string::npos);
}

TEST_CASE("the graph can be walked") {
  const Tensor x = ones({2}, requires_grad());
  const auto edges = (x * 3 + x).grad_fn()->next_edges();
  REQUIRE(edges.size() == 2);
  REQUIRE(edges[0].function->name() == "MulBackward0");
  REQUIRE(edges[1].function->name() == "AccumulateGrad");
}

TEST_CASE("second derivatives need no graph of what the first does not depend on") {
  const Tensor x = tensor({2.0f, 3.0f}, requires_grad()), y = tensor({5.0f, 7.0f}, requires_grad());
  ((x + y * 2) + x * y).backward(ones({2}), false, true); // frees the nodes of the sums and products
  const Tensor sum = x.grad() * 2 + y.grad();             // 2 (y + 1) + (x + 2)
  REQUIRE(values(autograd::grad({sum.sum()}, {x}, {}, true)[0]) == F{1, 1});
  REQUIRE(values(autograd::grad({sum.sum()}, {y})[0]) == F{2, 2});
  x.mutable_grad() = {}, y.mutable_grad() = {};
}
