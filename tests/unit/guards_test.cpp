// What a compiled function relies on: a change of it is noticed, recompiles, gives eager's result, and
// explain() says what changed.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

using namespace kiln;
using Catch::Contains;

namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    first = register_module("first", nn::Linear(3, 4));
    drop = register_module("drop", nn::Dropout(0.5));
    last = register_module("last", nn::Linear(4, 2));
  }
  Tensor forward(const Tensor& x) { return last(drop(relu(first(x)))); }
  nn::Linear first{nullptr}, last{nullptr};
  nn::Dropout drop{nullptr};
};
KILN_MODULE(Net);

/// The last thing that explain() says of a capture: all after "; " of its last line about one.
template <class Compiled> std::string reason(const Compiled& compiled) {
  const std::string text = compiled.explain();
  const auto line = text.rfind("captured ");
  const auto start = text.find("; ", text.find("inputs", line)) + 2;
  return text.substr(start, text.find('\n', start) - start);
}

} // namespace

TEST_CASE("arguments: number, shape, dtype, requires_grad, numbers") {
  auto sum = jit::compile([](const std::vector<Tensor>& list, double factor) {
    Tensor total = list[0] * factor;
    for (std::size_t i = 1; i < list.size(); ++i)
      total = total + list[i];
    return total;
  });
  const Tensor x = ones({2, 3});
  sum(std::vector<Tensor>{x, x}, 1.0);
  CHECK(reason(sum) == "first call");
  sum(std::vector<Tensor>{x, x}, 1.0);
  CHECK(sum.programs() == 1);
  SECTION("number") {
    CHECK(sum(std::vector<Tensor>{x, x, x}, 1.0).equal(x * 3));
    CHECK(reason(sum) == "guard failed: number of arguments was 2, is 3");
  }
  SECTION("shape") {
    const Tensor y = ones({4, 3});
    CHECK(sum(std::vector<Tensor>{y, y}, 1.0).equal(y * 2));
    CHECK(reason(sum) == "guard failed: argument 0 was f32[2, 3], is f32[4, 3]");
  }
  SECTION("dtype") {
    const Tensor y = x.to(kFloat64);
    CHECK(sum(std::vector<Tensor>{x, y}, 1.0).dtype() == kFloat64);
    CHECK(reason(sum) == "guard failed: argument 1 was f32[2, 3], is f64[2, 3]");
  }
  SECTION("requires_grad") {
    const Tensor y = ones({2, 3}).requires_grad_();
    CHECK(sum(std::vector<Tensor>{y, x}, 1.0).requires_grad());
    CHECK(reason(sum) == "guard failed: requires_grad of argument 0 changed");
  }
  SECTION("a number") {
    CHECK(sum(std::vector<Tensor>{x, x}, 2.0).equal(x * 3));
    CHECK_THAT(reason(sum),
               Contains("guard failed: a number among the arguments was 1.0") && Contains("is 2.0"));
  }
  SECTION("a number, in its last digit") {
    CHECK(sum(std::vector<Tensor>{x, x}, 1.00000001).equal(x * 1.00000001 + x));
    CHECK_THAT(reason(sum), Contains("is 1.00000001"));
  }
  CHECK(sum.programs() == 2);
  sum(std::vector<Tensor>{x, x}, 1.0); // the first program is still there
  CHECK(sum.programs() == 2);
}

TEST_CASE("gradients switched off or on") {
  Net net;
  net->eval();
  auto fast = jit::compile(net);
  CHECK(fast(ones({1, 3})).requires_grad());
  NoGradGuard guard;
  CHECK_FALSE(fast(ones({1, 3})).requires_grad());
  CHECK(reason(fast) == "guard failed: gradients were enabled");
}

TEST_CASE("modules: mode, structure, requires_grad of a parameter") {
  Net net;
  auto fast = jit::compile(net);
  const Tensor x = ones({1, 3});
  fast(x);
  SECTION("mode") {
    net->eval();
    CHECK(fast(x).allclose(net(x)));
    CHECK(reason(fast) == "guard failed: drop.is_training() was true");
  }
  SECTION("structure") {
    net->eval();
    fast(x);
    net->last = net->replace_module("last", nn::Linear(4, 2));
    CHECK(fast(x).allclose(net(x)));
    CHECK(reason(fast) == "guard failed: the model had other parameters, submodules or hooks");
  }
  SECTION("requires_grad") {
    net->first->weight.requires_grad_(false);
    fast(x);
    CHECK(reason(fast) == "guard failed: requires_grad of first.weight was true");
  }
}

TEST_CASE("modules: a mode that the function itself sets is no guard, and each call sets it") {
  nn::Sequential model(nn::Linear(2, 2), nn::Dropout(0.5));
  auto train = jit::compile([&](const Tensor& x) {
    model->train();
    return model->forward(x).sum();
  });
  auto judge = jit::compile([&](const Tensor& x) {
    model->eval();
    return model->forward(x).sum();
  });
  const Tensor x = ones({4, 2});
  for (int call = 0; call < 3; ++call) {
    train(x);
    CHECK(model->is_training());
    CHECK(model[1]->is_training());
    const Tensor wanted = model[0]->as<nn::Linear>()->forward(x).sum();
    CHECK(judge(x).allclose(wanted));
    CHECK_FALSE(model[1]->is_training());
  }
  CHECK(train.programs() == 1);
  CHECK(judge.programs() == 1);
}

TEST_CASE("gradients of leaves that the function makes are no state") {
  const Tensor weight = ones({3}, TensorOptions().requires_grad(true));
  auto step = jit::compile([&](const Tensor& x) {
    weight.mutable_grad() = Tensor();
    const Tensor input = x.clone().requires_grad_(true);
    (input * input * weight).sum().backward();
    return input.grad().sign();
  });
  for (const float value : {2.0f, -3.0f, 4.0f}) {
    CHECK(step(full({3}, value)).equal(full({3}, value > 0 ? 1.0f : -1.0f)));
    CHECK(weight.grad().equal(full({3}, value * value)));
  }
  CHECK(step.programs() == 1);
}

TEST_CASE("optimizers: groups, and terms that are switched on") {
  Tensor a = ones({2}).requires_grad_(), b = ones({2}).requires_grad_();
  optim::SGD sgd({a}, optim::SGDOptions(0.5));
  auto step = jit::compile([&] {
    sgd.zero_grad();
    b.mutable_grad() = {};
    (a + b).sum().backward();
    sgd.step();
  });
  step();
  SECTION("groups") {
    sgd.add_param_group({{b}});
    step();
    CHECK_THAT(reason(step), Contains("guard failed: ") && Contains("had other parameter groups"));
    CHECK(b.detach().equal(full({2}, 0.5)));
  }
  SECTION("a term") {
    static_cast<optim::SGDOptions&>(sgd.param_groups()[0].options()).weight_decay(1);
    step();
    CHECK_THAT(reason(step), Contains("guard failed: ") && Contains("weight_decay"));
    CHECK(a.detach().equal(full({2}, -0.25))); // 0.5 - 0.5 * (1 + 0.5)
  }
}

TEST_CASE("gradients that were there, and tensors that were replaced") {
  Tensor w = ones({2}).requires_grad_();
  Tensor offset = ones({2});
  auto step = jit::compile([&] {
    (w * offset).sum().backward();
    return w.grad().clone();
  });
  step();
  SECTION("a gradient to accumulate into") {
    CHECK(step().equal(full({2}, 2)));
    CHECK(reason(step) == "guard failed: the gradient of a parameter was undefined");
  }
  SECTION("a tensor") {
    w.mutable_grad() = {};
    offset = full({2}, 5);
    CHECK(step().equal(full({2}, 5)));
    CHECK(reason(step) == "guard failed: a tensor that the function used was replaced by another");
  }
}

TEST_CASE("more hyper-parameters than a call keeps on its stack") {
  std::vector<Tensor> weights;
  for (int i = 0; i < 100; ++i)
    weights.push_back(zeros({1}).requires_grad_());
  std::vector<optim::OptimizerParamGroup> groups;
  for (int i = 0; i < 100; ++i)
    groups.emplace_back(std::vector<Tensor>{weights[static_cast<std::size_t>(i)]},
                        std::make_unique<optim::SGDOptions>(i + 1.0));
  optim::SGD sgd(groups, optim::SGDOptions(1));
  auto step = jit::compile([&] {
    sgd.zero_grad();
    Tensor total = zeros({1});
    for (const Tensor& w : weights)
      total = total + w;
    total.sum().backward();
    sgd.step();
  });
  step();
  for (int i = 0; i < 100; ++i)
    CHECK(weights[static_cast<std::size_t>(i)].item<float>() == -(static_cast<float>(i) + 1));
}
