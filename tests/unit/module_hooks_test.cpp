// Hooks of modules: when they run and with what, what they replace, their removal, and the same under
// capture.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <memory>

using namespace kiln;
using Catch::Matchers::Contains;

namespace {

using List = std::vector<Tensor>;
using Names = std::vector<std::string>;

/// Doubles its input: numbers that a test can have in its head.
struct TwiceImpl : nn::Module {
  Tensor forward(Tensor x) { return x * 2; }
};
KILN_MODULE(Twice);

struct NetImpl : nn::Module {
  NetImpl() {
    inner = register_module("inner", Twice());
    outer = register_module("outer", Twice());
  }
  Tensor forward(Tensor x) { return outer(inner(x)); }
  Twice inner{nullptr}, outer{nullptr};
};
KILN_MODULE(Net);

/// Several tensors, a number and a default value.
struct ManyImpl : nn::Module {
  std::tuple<Tensor, List> forward(const Tensor& a, int times, std::optional<Tensor> b = {}) {
    return {a * times, b ? List{*b} : List{}};
  }
};
KILN_MODULE(Many);

Tensor input() {
  return tensor({1.f, 2.f}).requires_grad_();
}
Tensor of(float a, float b) {
  return tensor({a, b});
}

} // namespace

TEST_CASE("forward hooks run around forward, in order of registration, and see what goes in and comes out") {
  Twice twice;
  Names order;
  twice->register_forward_hook([&](nn::Module& module, const List& inputs, const List& outputs) {
    CHECK(module.as<Twice>() == twice.get());
    CHECK(inputs.at(0).equal(of(1, 2)));
    CHECK(outputs.at(0).equal(of(2, 4)));
    order.push_back("after");
  });
  twice->register_forward_pre_hook([&](nn::Module&, const List& inputs) {
    CHECK(inputs.size() == 1);
    order.push_back("before");
  });
  twice->register_forward_hook([&](nn::Module&, Tensor, Tensor) { order.push_back("after too"); });
  CHECK(twice(of(1, 2)).equal(of(2, 4)));
  CHECK(order == Names{"before", "after", "after too"});
  twice->forward(of(1, 2)); // is no call, as in Python
  CHECK(order.size() == 3);
}

TEST_CASE("a forward hook may replace inputs and outputs: each sees what the one before returned") {
  Twice twice;
  twice->register_forward_pre_hook([](nn::Module&, Tensor x) { return x + 10; });
  twice->register_forward_pre_hook(
      [](nn::Module&, const List& x) -> std::optional<List> { return List{x[0] + 100}; });
  twice->register_forward_hook([](nn::Module&, Tensor x, Tensor y) { return y + x; });
  twice->register_forward_hook([](nn::Module&, Tensor, Tensor y) -> std::optional<Tensor> {
    if (y.size(0) == 2) return std::nullopt;
    return y * 0;
  });
  CHECK(twice(of(1, 2)).equal(of(3 * 111, 3 * 112)));
}

TEST_CASE("hooks see all tensors among arguments and results, and replace those alone") {
  Many many;
  many->register_forward_pre_hook(
      [](nn::Module&, List inputs) { return List{inputs[0] + 1, inputs.back() + 2}; });
  many->register_forward_hook([](nn::Module&, const List&, List outputs) {
    CHECK(outputs.size() == 2);
    std::swap(outputs[0], outputs[1]);
    return outputs;
  });
  const Tensor a = of(1, 2);
  auto [first, rest] = many(a, 3, std::optional(of(5, 6)));
  CHECK(first.equal(of(7, 8)));
  CHECK(rest.at(0).equal(of(6, 9)));
  CHECK(a.equal(of(1, 2))); // the caller's own is not touched
  CHECK_THROWS_WITH(many(a, 3), Contains("ManyImpl: a forward pre-hook returned 2 tensors, wanted 1"));
}

TEST_CASE("a hook that takes one tensor says so where there are more") {
  Many many;
  many->register_forward_pre_hook([](nn::Module&, Tensor) {});
  CHECK_NOTHROW(many(of(1, 2), 3));
  CHECK_THROWS_WITH(many(of(1, 2), 3, std::optional(of(5, 6))),
                    Contains("it takes a Tensor where the module has 2"));
}

TEST_CASE("removing a hook: once, twice, by itself, after the module's end, through a copy of the handle") {
  Twice twice;
  int calls = 0;
  auto count = [&](nn::Module&, const List&) { ++calls; };
  nn::RemovableHandle handle = twice->register_forward_pre_hook(count), copy = handle;
  nn::RemovableHandle other = twice->register_forward_pre_hook(count);
  twice(of(1, 2));
  CHECK(calls == 2);
  handle.remove();
  copy.remove();
  twice(of(1, 2));
  CHECK(calls == 3);
  other.remove();
  twice(of(1, 2));
  CHECK(calls == 3);

  nn::RemovableHandle self;
  self = twice->register_forward_pre_hook([&](nn::Module&, const List&) {
    ++calls;
    self.remove();
  });
  twice(of(1, 2));
  twice(of(1, 2));
  CHECK(calls == 4);

  nn::RemovableHandle late = twice->register_forward_pre_hook(count);
  twice = nullptr;
  late.remove();
  nn::RemovableHandle().remove();
}

TEST_CASE("modules in a Sequential and an AnyModule run their hooks; copies have none") {
  Twice first, second;
  nn::Sequential net(first, second);
  Names order;
  auto note = [&](const char* name) {
    return [&order, name](nn::Module&, const List&) { order.push_back(name); };
  };
  first->register_forward_pre_hook(note("first"));
  second->register_forward_pre_hook(note("second"));
  net->register_forward_pre_hook(note("net"));
  CHECK(net(of(1, 2)).equal(of(4, 8)));
  CHECK(order == Names{"net", "first", "second"});

  Many many;
  many->register_forward_pre_hook([](nn::Module&, List inputs) {
    for (Tensor& x : inputs)
      x = x + 1;
    return inputs;
  });
  many->register_forward_hook([](nn::Module&, const List&, List outputs) {
    outputs[0] = outputs[0] * 10;
    return outputs;
  });
  nn::AnyModule any(many);
  CHECK(std::get<0>(any.forward<std::tuple<Tensor, List>>(of(1, 2), 3)).equal(of(60, 90)));

  ManyImpl copy(*many);
  CHECK(copy.internal_state()->hooks == nullptr);
}

TEST_CASE("an exception in a hook ends the call and leaves the module as it was") {
  Net net;
  auto handle =
      net->outer->register_forward_pre_hook([](nn::Module&, const Tensor& x) { matmul(x, ones({3, 3})); });
  CHECK_THROWS_WITH(net(of(1, 2)), Contains("in outer"));
  auto fast = jit::compile(net);
  CHECK_THROWS_WITH(fast(of(1, 2)), Contains("in outer"));
  CHECK(internal::ModuleScope::path().empty());
  CHECK_FALSE(internal::is_capturing());
  handle.remove();
  CHECK(net(of(1, 2)).equal(of(4, 8)));
  CHECK(fast(of(1, 2)).equal(of(4, 8)));

  net->inner->register_full_backward_hook(
      [](nn::Module&, const List&, const List&) { throw std::runtime_error("mine"); });
  const Tensor x = input();
  CHECK_THROWS_WITH(net(x).sum().backward(), "mine");
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a full backward hook sees the gradients of inputs and outputs") {
  Net net;
  List from, to;
  net->inner->register_full_backward_hook([&](nn::Module& module, const List& inputs, const List& outputs) {
    CHECK(module.as<Twice>() == net->inner.get());
    from = outputs;
    to = inputs;
  });
  const Tensor x = input();
  (net(x) * of(1, 3)).sum().backward();
  CHECK(from.at(0).equal(of(2, 6)));
  CHECK(to.at(0).equal(of(4, 12)));
  CHECK(x.grad().equal(of(4, 12)));
  {
    NoGradGuard no_grad;
    from.clear();
    net(x);
  }
  net(of(1, 2)); // wants no gradient
  CHECK(from.empty());
}

TEST_CASE("a full backward hook may replace the gradients of the inputs: the next one sees its own") {
  Net net;
  net->inner->register_full_backward_hook([](nn::Module&, Tensor inputs, Tensor) { return inputs * 10; });
  net->inner->register_full_backward_hook([](nn::Module&, Tensor inputs, Tensor) { return inputs + 1; });
  const Tensor x = input();
  const Tensor y = net(x).sum() + x.sum(); // beside the module: not through the hook
  y.backward({}, true);
  CHECK(x.grad().equal(of(42, 42)));
  y.backward();
  CHECK(x.grad().equal(of(84, 84)));
}

TEST_CASE("a full backward hook of several tensors, some of which want no gradient") {
  struct Pair : nn::Module {
    std::tuple<Tensor, Tensor> forward(Tensor a, Tensor b, Tensor c) { return {a * b, a * c}; }
  };
  nn::ModuleHolder<Pair> pair;
  List to, from;
  pair->register_full_backward_hook([&](nn::Module&, List inputs, const List& outputs) {
    to = inputs;
    from = outputs;
    inputs[0] = inputs[0] * 2;
    return inputs;
  });
  const Tensor a = input(), b = of(3, 4), c = input();
  auto [first, second] = pair(a, b, c);
  first.sum().backward();
  REQUIRE(to.size() == 3);
  REQUIRE(from.size() == 2);
  CHECK(to[0].equal(of(3, 4)));
  CHECK_FALSE(to[1].defined());
  CHECK_FALSE(to[2].defined()); // nothing flowed to it
  CHECK(from[0].equal(of(1, 1)));
  CHECK_FALSE(from[1].defined());
  CHECK(a.grad().equal(of(6, 8)));
  CHECK_FALSE(c.grad().defined());
}

TEST_CASE(
    "a full backward hook where no input wants a gradient sees those of the outputs, replaces nothing") {
  nn::Linear fc(2, 1);
  List to(1, ones(1)), from;
  auto handle = fc->register_full_backward_hook([&](nn::Module&, const List& inputs, const List& outputs) {
    to = inputs;
    from = outputs;
  });
  fc(of(1, 2)).sum().backward();
  CHECK(from.at(0).equal(ones(1)));
  CHECK_FALSE(to.at(0).defined());
  CHECK(fc->weight.grad().equal(tensor({{1.f, 2.f}})));
  handle.remove();
  fc->register_full_backward_hook([](nn::Module&, const List&, const List& outputs) { return outputs; });
  CHECK_THROWS_WITH(fc(of(1, 2)).sum().backward(),
                    Contains("a full backward hook returned gradients of inputs, none of which wants one"));
}

TEST_CASE("gradients pass where the module of a backward hook is gone") {
  Tensor y;
  const Tensor x = input();
  bool called = false;
  {
    Twice twice;
    twice->register_full_backward_hook([&](nn::Module&, const List&, const List&) { called = true; });
    y = twice(x);
  }
  y.sum().backward();
  CHECK(x.grad().equal(of(2, 2)));
  CHECK_FALSE(called);
}

TEST_CASE("second derivatives go through backward hooks") {
  Twice twice;
  twice->register_full_backward_hook([](nn::Module&, Tensor inputs, Tensor) { return inputs * inputs; });
  const Tensor x = input();
  const Tensor y = square(twice(x)).sum(); // 4 x^2; its gradient, 8 x, comes out squared
  const Tensor g = autograd::grad({y}, {x}, {}, true, true)[0];
  CHECK(g.equal(of(64, 256)));
  g.sum().backward();
  // The derivative of 64 x^2 by the module's output is 64 x; twice that goes through the hook again.
  CHECK(x.grad().equal(of(16384, 65536)));
}

TEST_CASE("a compiled model runs forward hooks as part of its program, and notices when they change") {
  Net net;
  auto fast = jit::compile(net);
  const Tensor x = of(1, 2);
  CHECK(fast(x).equal(of(4, 8)));
  CHECK(fast.programs() == 1);
  int calls = 0;
  auto handle = net->inner->register_forward_hook([&](nn::Module&, Tensor in, Tensor out) {
    ++calls;
    return out + in;
  });
  CHECK(fast(x).equal(of(6, 12)));
  CHECK(fast(x + 1).equal(of(12, 18)));
  CHECK(calls == 1); // while it was captured
  CHECK(fast.programs() == 2);
  CHECK_THAT(fast.explain(), Contains("guard failed: inner had other parameters, submodules or hooks"));
  net->outer->register_forward_pre_hook([](nn::Module&, Tensor in) { return -in; });
  CHECK(fast(x).equal(of(-6, -12)));
  handle.remove();
  CHECK(fast(x).equal(of(-4, -8)));
  CHECK(fast.programs() == 4);
}

TEST_CASE("a compiled step traces backward hooks into its program") {
  Net net;
  nn::Linear fc(2, 2);
  {
    NoGradGuard no_grad;
    fc->weight.copy_(eye(2));
    fc->bias.zero_();
  }
  int calls = 0;
  auto handle = net->inner->register_full_backward_hook([&](nn::Module&, Tensor inputs, Tensor outputs) {
    ++calls;
    return inputs * 10 + outputs;
  });
  auto body = [&](Tensor x) {
    fc->zero_grad();
    Tensor loss = net(fc(x)).sum();
    loss.backward();
    return loss;
  };
  auto step = jit::compile(body);
  const Tensor x = tensor({{1.f, 2.f}});
  body(x);
  const Tensor wanted = fc->weight.grad().clone();
  CHECK(wanted.equal(tensor({{42.f, 84.f}, {42.f, 84.f}})));
  calls = 0;
  for (int i = 0; i < 3; ++i) {
    CHECK(step(x).item<float>() == 12);
    CHECK(fc->weight.grad().equal(wanted));
  }
  CHECK(calls == 1);
  CHECK(step.programs() == 1);
  handle.remove();
  step(x);
  CHECK(fc->weight.grad().equal(tensor({{4.f, 8.f}, {4.f, 8.f}})));
}

TEST_CASE("a compiled model with a backward hook: backward() outside calls it each time") {
  Net net;
  int calls = 0;
  net->inner->register_full_backward_hook([&](nn::Module&, Tensor inputs, Tensor) {
    ++calls;
    return inputs * 10;
  });
  auto fast = jit::compile(net);
  for (int i = 1; i <= 3; ++i) {
    const Tensor x = input();
    const Tensor y = fast(x);
    CHECK(y.equal(of(4, 8)));
    y.sum().backward();
    CHECK(x.grad().equal(of(40, 40)));
    CHECK(calls == i);
  }
}
