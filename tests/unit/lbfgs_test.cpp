// LBFGS on functions whose minima are known, its line search, its options and errors. Its steps are compared
// with LibTorch's in tests/parity.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

using namespace kiln;
using Catch::Matchers::Contains;

namespace {

Tensor rosenbrock(const Tensor& p) {
  const Tensor x = p[0], y = p[1];
  return square(1 - x) + square(y - square(x)) * 100;
}

} // namespace

TEST_CASE("LBFGS with strong_wolfe finds Rosenbrock's minimum") {
  Tensor p = tensor({-1.5, 2.0}, kFloat64).requires_grad_();
  optim::LBFGS lbfgs({p}, optim::LBFGSOptions(1).max_iter(100).line_search_fn("strong_wolfe"));
  int evaluations = 0;
  auto closure = [&] {
    ++evaluations;
    lbfgs.zero_grad();
    Tensor loss = rosenbrock(p);
    loss.backward();
    return loss;
  };
  const double first = lbfgs.step(closure).item<double>();
  CHECK(first == Approx(6.25 + 100 * 0.0625)); // the loss before the step
  CHECK(p[0].item<double>() == Approx(1).epsilon(1e-5));
  CHECK(p[1].item<double>() == Approx(1).epsilon(1e-5));
  const auto& state = static_cast<const optim::LBFGSParamState&>(*lbfgs.state().at(p.impl().get()));
  CHECK(state.func_evals() == evaluations);
  CHECK(state.n_iter() <= 100);
}

TEST_CASE("LBFGS without line search, in two steps with a compiled closure, solves least squares") {
  manual_seed(1);
  const Tensor a = randn({8, 3}, kFloat64), b = randn({8}, kFloat64);
  Tensor p = zeros({3}, kFloat64).requires_grad_(), q = zeros({3}, kFloat64).requires_grad_();
  auto solve = [&](Tensor x, bool compiled) {
    optim::LBFGS lbfgs({x}, optim::LBFGSOptions(0.3).max_iter(15).history_size(5));
    auto body = [&] {
      lbfgs.zero_grad();
      Tensor loss = square(matmul(a, x) - b).sum();
      loss.backward();
      return loss;
    };
    auto fast = jit::compile(body);
    for (int i = 0; i < 3; ++i)
      lbfgs.step([&] { return compiled ? fast() : body(); });
  };
  solve(p, false);
  solve(q, true);
  CHECK(q.allclose(p, 1e-8, 1e-10));
  const Tensor residual = matmul(a.t(), matmul(a, p.detach()) - b); // zero at the minimum
  CHECK(residual.abs().max().item<double>() < 1e-3);
}

TEST_CASE("LBFGS stops at once where the gradient is zero") {
  Tensor p = zeros({2}).requires_grad_();
  optim::LBFGS lbfgs({p});
  int evaluations = 0;
  lbfgs.step([&] {
    ++evaluations;
    lbfgs.zero_grad();
    Tensor loss = square(p).sum();
    loss.backward();
    return loss;
  });
  CHECK(evaluations == 1);
}

TEST_CASE("LBFGS wants a closure, one group and a known line search") {
  Tensor p = zeros({2}).requires_grad_(), q = zeros({2}).requires_grad_();
  optim::LBFGS lbfgs({p});
  CHECK_THROWS_WITH(lbfgs.step(nullptr), "LBFGS: requires a closure function");
  CHECK_THROWS_WITH(optim::LBFGS({p}, optim::LBFGSOptions().line_search_fn("golden")),
                    Contains("only 'strong_wolfe' is supported for line_search_fn, got 'golden'"));
  std::vector<optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<Tensor>{p});
  groups.emplace_back(std::vector<Tensor>{q});
  CHECK_THROWS_WITH(optim::LBFGS(groups), Contains("doesn't support per-parameter options"));
}

TEST_CASE("an optimizer of one's own overrides step()") {
  struct Halve : optim::Optimizer {
    Halve(std::vector<Tensor> params)
        : Optimizer(std::move(params), std::make_unique<optim::SGDOptions>(0.5)) {}
    Tensor step(LossClosure closure = nullptr) override {
      NoGradGuard no_grad;
      for (auto& group : param_groups_)
        for (Tensor& p : group.params())
          p.mul_(group.options().get_lr());
      return closure ? closure() : Tensor();
    }
  };
  Tensor p = ones({2}).requires_grad_();
  Halve(std::vector<Tensor>{p}).step();
  CHECK(p.equal(full({2}, 0.5)));
}

TEST_CASE("parameters become one vector and come back") {
  nn::Linear fc(3, 2);
  const Tensor vector = nn::utils::parameters_to_vector(fc->parameters());
  CHECK(vector.sizes() == IntArrayRef{8});
  CHECK(vector.requires_grad());
  nn::utils::vector_to_parameters(arange(8, kFloat32), fc->parameters());
  CHECK(fc->weight.equal(arange(6, kFloat32).view({2, 3})));
  CHECK(fc->bias.equal(tensor({6.f, 7.f})));
  CHECK_THROWS_WITH(nn::utils::vector_to_parameters(ones({7}), fc->parameters()),
                    "vector_to_parameters: got a vector of [7], wanted [8]");
}
