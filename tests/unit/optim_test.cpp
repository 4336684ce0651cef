// Optimizers against independent scalar loops, their groups and options, gradient clipping, and errors.
#include "../support/doubles.h"

#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

using namespace kiln;
using namespace kiln::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const Doubles kStart = {0.5, -1.5, 2, 0};
// The gradient at step `t` (from 1), depending on the parameter so that errors would grow.
double gradient(double p, int t) {
  return p * p * 0.3 - 0.7 * p + 0.1 * t;
}

// Runs `steps` steps of the optimizer and of a scalar rule `update(p, g, t)` made anew for each element.
template <class MakeOptimizer, class MakeRule>
void check_steps(MakeOptimizer make, MakeRule make_rule, int steps = 7) {
  Tensor p = doubles(kStart).requires_grad_();
  auto optimizer = make(std::vector<Tensor>{p});
  Doubles wanted = kStart;
  std::vector<std::function<double(double, double, int)>> rules;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    rules.push_back(make_rule());
  for (int t = 1; t <= steps; ++t) {
    optimizer.zero_grad();
    ((p * p * p * 0.1 - p * p * 0.35).sum() + p.sum() * (0.1 * t)).backward();
    optimizer.step();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      wanted[i] = rules[i](wanted[i], gradient(wanted[i], t), t);
    const Doubles got = values(p);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      INFO("step " << t << " element " << i);
      REQUIRE(got[i] == Approx(wanted[i]).epsilon(1e-10).margin(1e-10));
    }
  }
}

} // namespace

TEST_CASE("SGD: momentum, dampening, nesterov and weight decay") {
  struct Setting {
    double momentum, dampening, decay;
    bool nesterov;
  };
  for (Setting s : {Setting{0, 0, 0, false},
                    {0.9, 0, 0, false},
                    {0.9, 0.3, 0, false},
                    {0.9, 0, 0.01, false},
                    {0.8, 0, 0.01, true}}) {
    INFO("momentum " << s.momentum << " dampening " << s.dampening << " nesterov " << s.nesterov);
    check_steps(
        [&](std::vector<Tensor> params) {
          return optim::SGD(params, optim::SGDOptions(0.1)
                                        .momentum(s.momentum)
                                        .dampening(s.dampening)
                                        .weight_decay(s.decay)
                                        .nesterov(s.nesterov));
        },
        [&] {
          return [s, buffer = 0.0](double p, double g, int t) mutable {
            g += s.decay * p;
            if (s.momentum == 0) return p - 0.1 * g;
            buffer = t == 1 ? g : s.momentum * buffer + (1 - s.dampening) * g;
            return p - 0.1 * (s.nesterov ? g + s.momentum * buffer : buffer);
          };
        });
  }
}

TEST_CASE("Adam and AdamW, with and without amsgrad and weight decay") {
  for (bool decoupled : {false, true})
    for (bool amsgrad : {false, true})
      for (double decay : {0.0, 0.05}) {
        INFO("decoupled " << decoupled << " amsgrad " << amsgrad << " decay " << decay);
        auto rule = [&] {
          return [=, m = 0.0, v = 0.0, top = 0.0](double p, double g, int t) mutable {
            const double lr = 0.02, b1 = 0.8, b2 = 0.99, eps = 1e-7;
            if (decoupled)
              p *= 1 - lr * decay;
            else
              g += decay * p;
            m = b1 * m + (1 - b1) * g;
            v = b2 * v + (1 - b2) * g * g;
            top = std::max(top, v);
            const double denominator = std::sqrt(amsgrad ? top : v) / std::sqrt(1 - std::pow(b2, t)) + eps;
            return p - lr / (1 - std::pow(b1, t)) * m / denominator;
          };
        };
        auto set = [&](auto options) {
          return options.betas({0.8, 0.99}).eps(1e-7).weight_decay(decay).amsgrad(amsgrad);
        };
        if (decoupled)
          check_steps([&](auto p) { return optim::AdamW(p, set(optim::AdamWOptions(0.02))); }, rule);
        else
          check_steps([&](auto p) { return optim::Adam(p, set(optim::AdamOptions(0.02))); }, rule);
      }
}

TEST_CASE("RMSprop and Adagrad") {
  for (bool centered : {false, true})
    for (double momentum : {0.0, 0.6}) {
      INFO("centered " << centered << " momentum " << momentum);
      check_steps(
          [&](std::vector<Tensor> params) {
            return optim::RMSprop(
                params,
                optim::RMSpropOptions(0.01).alpha(0.9).centered(centered).momentum(momentum).weight_decay(
                    0.1));
          },
          [&] {
            return [=, square = 0.0, mean = 0.0, buffer = 0.0](double p, double g, int) mutable {
              g += 0.1 * p;
              square = 0.9 * square + 0.1 * g * g;
              mean = 0.9 * mean + 0.1 * g;
              const double step = g / (std::sqrt(square - (centered ? mean * mean : 0)) + 1e-8);
              buffer = momentum * buffer + step;
              return p - 0.01 * buffer;
            };
          });
    }
  check_steps(
      [](std::vector<Tensor> params) {
        return optim::Adagrad(
            params,
            optim::AdagradOptions(0.1).lr_decay(0.05).weight_decay(0.1).initial_accumulator_value(0.2));
      },
      [] {
        return [sum = 0.2](double p, double g, int t) mutable {
          g += 0.1 * p;
          sum += g * g;
          return p - 0.1 / (1 + (t - 1) * 0.05) * g / (std::sqrt(sum) + 1e-10);
        };
      });
}

TEST_CASE("a parameter without gradient is left alone and keeps its own count of steps") {
  Tensor a = ones({2}, kFloat64).requires_grad_(), b = ones({2}, kFloat64).requires_grad_();
  optim::Adam adam(std::vector<Tensor>{a, b}, optim::AdamOptions(0.1));
  auto steps = [&](const Tensor& p) {
    auto found = adam.state().find(p.impl().get());
    return found == adam.state().end() ? 0 : static_cast<optim::AdamParamState&>(*found->second).step();
  };
  for (int t = 0; t < 4; ++t) {
    adam.zero_grad();
    (t % 2 ? a.sum() + b.sum() : a.sum()).backward();
    const Doubles before = values(b);
    adam.step();
    if (t % 2 == 0) CHECK(values(b) == before);
  }
  CHECK(steps(a) == 4);
  CHECK(steps(b) == 2);
  // The same number of own steps of the same gradient: the same place.
  CHECK(b[0].item<double>() == Approx(1 - 2 * 0.1).epsilon(1e-6));
  CHECK(a[0].item<double>() == Approx(1 - 4 * 0.1).epsilon(1e-6));
}

TEST_CASE("groups have options of their own; changes of a learning rate count at the next step") {
  Tensor a = ones(1).requires_grad_(), b = ones(1).requires_grad_();
  std::vector<optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<Tensor>{a});
  groups.emplace_back(std::vector<Tensor>{b}, std::make_unique<optim::SGDOptions>(0.5));
  optim::SGD sgd(groups, optim::SGDOptions(0.25));
  (a + b).backward();
  sgd.step();
  CHECK(a.item<float>() == 0.75f);
  CHECK(b.item<float>() == 0.5f);
  for (auto& group : sgd.param_groups())
    static_cast<optim::SGDOptions&>(group.options()).lr(0.125);
  sgd.step();
  CHECK(a.item<float>() == 0.625f);
  CHECK(b.item<float>() == 0.375f);
  CHECK(sgd.size() == 2);
}

TEST_CASE("zero_grad, and step with a closure") {
  Tensor w = ones(3).requires_grad_();
  optim::SGD sgd(std::vector<Tensor>{w}, 0.5);
  Tensor loss = sgd.step([&] {
    sgd.zero_grad();
    Tensor loss = (w * 2).sum();
    loss.backward();
    return loss;
  });
  CHECK(loss.item<float>() == 6);
  CHECK(w.equal(zeros(3)));
  sgd.zero_grad(false);
  CHECK(w.grad().equal(zeros(3)));
  sgd.zero_grad();
  CHECK_FALSE(w.grad().defined());
  CHECK(w.requires_grad());
  CHECK(w.is_leaf());
}

TEST_CASE("clipping scales all gradients by one factor, and only down") {
  Tensor a = zeros(2).requires_grad_(), b = zeros(1).requires_grad_(), unused = zeros(1).requires_grad_();
  (a * tensor({3.f, 0.f}) + b * 4).sum().backward(); // b's gradient counts twice: 8
  const double norm = std::sqrt(9.0 + 64.0);
  CHECK(double(nn::utils::clip_grad_norm_({a, b, unused}, 2.0)) == Approx(norm));
  CHECK(a.grad()[0].item<double>() == Approx(3 * 2 / norm).epsilon(1e-5));
  CHECK(b.grad().item<double>() == Approx(8 * 2 / norm).epsilon(1e-5));
  const Doubles before = values(a.grad());
  nn::utils::clip_grad_norm_({a, b}, 100);
  CHECK(full({2}, nn::utils::clip_grad_norm_({a, b}, 100), kFloat64).sum().item<double>() ==
        Approx(4)); // as any number
  CHECK(values(a.grad()) == before);
  CHECK(double(nn::utils::clip_grad_norm_({b}, 100, INFINITY)) == Approx(8 * 2 / norm).epsilon(1e-5));
  nn::utils::clip_grad_value_({a, b}, 0.5);
  CHECK(values(a.grad())[0] == 0.5);
}

TEST_CASE("clipping knows norms of every order") {
  const std::vector<std::vector<double>> gradients = {{3, -4, 0.5}, {0, 0, 0}, {-2, 1, 8}};
  for (const double p : {0.0, 0.5, 3.5, -1.0, -2.0, double(INFINITY), -double(INFINITY)}) {
    INFO("order " << p);
    std::vector<Tensor> parameters;
    double sum = 0, most = 0, least = INFINITY;
    for (const auto& gradient : gradients) {
      parameters.push_back(zeros({3}, kFloat64).requires_grad_());
      parameters.back().mutable_grad() = tensor({gradient[0], gradient[1], gradient[2]}).to(kFloat64);
      for (double g : gradient) {
        sum += p == 0 ? 0 : std::pow(std::abs(g), p);
        most = std::max(most, std::abs(g));
        least = std::min(least, std::abs(g));
      }
    }
    const double wanted = p == 0          ? 2 // gradients that are not zero all over
                          : std::isinf(p) ? (p > 0 ? most : least)
                                          : std::pow(sum, 1 / p);
    CHECK(double(nn::utils::clip_grad_norm_(parameters, 1e9, p)) == Approx(wanted));
    CHECK(parameters[2].grad()[2].item<double>() == 8);
  }
}

TEST_CASE("training a small network makes its loss fall") {
  manual_seed(1);
  nn::Sequential model(nn::Linear(2, 8), nn::Tanh(), nn::Linear(8, 1));
  const Tensor x = tensor({{0.f, 0.f}, {0.f, 1.f}, {1.f, 0.f}, {1.f, 1.f}});
  const Tensor y = tensor({{0.f}, {1.f}, {1.f}, {0.f}});
  optim::AdamW adam(model->parameters(), optim::AdamWOptions(0.05).weight_decay(0));
  double first = 0, last = 0;
  for (int epoch = 0; epoch < 200; ++epoch) {
    adam.zero_grad();
    Tensor loss = binary_cross_entropy_with_logits(model(x), y);
    loss.backward();
    adam.step();
    (epoch == 0 ? first : last) = loss.item<double>();
  }
  CHECK(first > 0.5);
  CHECK(last < 0.1);
}

TEST_CASE("a captured step follows changes of the learning rate without compiling again") {
  Tensor w = ones(2).requires_grad_();
  optim::SGD sgd(std::vector<Tensor>{w}, optim::SGDOptions(0.5).momentum(0.5));
  auto step = jit::compile([&](const Tensor& x) {
    sgd.zero_grad();
    Tensor loss = (w * x).sum();
    loss.backward();
    sgd.step();
    return loss;
  });
  const Tensor x = ones(2);
  step(x); // buffer 1, w 0.5
  CHECK(w.equal(full({2}, 0.5)));
  step(x); // buffer 1.5, w -0.25
  CHECK(w.equal(full({2}, -0.25)));
  const int programs = step.programs();
  static_cast<optim::SGDOptions&>(sgd.param_groups()[0].options()).lr(0.25);
  step(x); // buffer 1.75, w -0.6875
  CHECK(w.equal(full({2}, -0.6875)));
  CHECK(step.programs() == programs);
  // Turning momentum off changes what is computed.
  static_cast<optim::SGDOptions&>(sgd.param_groups()[0].options()).momentum(0);
  step(x);
  CHECK(w.equal(full({2}, -0.9375)));
  CHECK(step.programs() == programs + 1);
  CHECK_THAT(step.explain(), Contains("momentum"));
}

TEST_CASE("captured Adam takes the steps that eager Adam takes") {
  auto run = [](bool compiled) {
    manual_seed(5);
    nn::Linear model(3, 2);
    optim::Adam adam(model->parameters(), optim::AdamOptions(0.01).amsgrad(true).weight_decay(0.1));
    auto body = [&](const Tensor& x) {
      adam.zero_grad();
      Tensor loss = square(model(x)).sum();
      loss.backward();
      adam.step();
      return loss;
    };
    auto step = jit::compile(body);
    const Tensor x = randn({4, 3});
    for (int i = 0; i < 5; ++i)
      compiled ? step(x) : body(x);
    return values(model->weight);
  };
  const Doubles eager = run(false), captured = run(true);
  for (std::size_t i = 0; i < eager.size(); ++i)
    CHECK(captured[i] == Approx(eager[i]).epsilon(1e-5));
}

TEST_CASE("switching to eval or replacing a submodule compiles anew and gives eager's result") {
  nn::Sequential model(nn::Linear(4, 4), nn::Dropout(0.5));
  auto fast = jit::compile(model);
  const Tensor x = ones({2, 4});
  NoGradGuard no_grad;
  fast(x);
  const int programs = fast.programs();
  model->eval();
  CHECK(fast(x).allclose(model(x)));
  CHECK(fast.programs() == programs + 1);
  CHECK_THAT(fast.explain(), Contains("is_training"));
}

TEST_CASE("optimizers refuse what they cannot train") {
  Tensor leaf = ones(2).requires_grad_();
  CHECK_THROWS_WITH(optim::SGD(std::vector<Tensor>{}, 0.1),
                    "Optimizer: optimizer got an empty parameter list");
  CHECK_THROWS_WITH(optim::SGD(std::vector<Tensor>{leaf * 2}, 0.1),
                    "Optimizer: can't optimize a non-leaf Tensor: got the result of MulBackward0");
  CHECK_THROWS_WITH(optim::SGD(std::vector<Tensor>{Tensor()}, 0.1), "Optimizer: a parameter is undefined");
  CHECK_THROWS_WITH(optim::SGD(std::vector<Tensor>{ones(1, kInt64)}, 0.1),
                    "Optimizer: got a parameter of i64, wanted a floating-point one");
  CHECK_THROWS_WITH(optim::SGD(std::vector<Tensor>{leaf, leaf}, 0.1),
                    "Optimizer: some parameters appear in more than one parameter group, or twice in one");
  CHECK_THROWS_WITH(optim::SGD(std::vector<Tensor>{leaf}, -0.5), "SGD: Invalid learning rate: -0.5");
  CHECK_THROWS_WITH(optim::SGD(std::vector<Tensor>{leaf}, optim::SGDOptions(0.1).momentum(-1)),
                    "SGD: Invalid momentum value: -1");
  CHECK_THROWS_WITH(optim::SGD(std::vector<Tensor>{leaf}, optim::SGDOptions(0.1).nesterov(true)),
                    "SGD: Nesterov momentum requires a momentum and zero dampening");
  CHECK_THROWS_WITH(optim::Adam(std::vector<Tensor>{leaf}, optim::AdamOptions().betas({1.0, 0.9})),
                    "Adam: Invalid beta parameter at index 0: 1");
  CHECK_THROWS_WITH(optim::AdamW(std::vector<Tensor>{leaf}, optim::AdamWOptions().eps(-1)),
                    "AdamW: Invalid epsilon value: -1");
}
