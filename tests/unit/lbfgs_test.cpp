// LBFGS on functions whose minima are known, its line search, its options and errors. Its steps are compared
// with LibTorch's in tests/parity.
#include "../support/temporary_folder.h"
#include "kiln/kiln.h"
#include "kiln/optim/lbfgs_state.h"
#include "kiln/serialize.h"

#include <catch2/catch.hpp>

#include <sstream>

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

TEST_CASE("LBFGS goes on bit for bit from a checkpoint") {
  manual_seed(2);
  const Tensor x = randn({12, 3}), y = randn({12, 2});
  auto go = [&](nn::Linear& fc, optim::LBFGS& lbfgs, int steps) {
    std::vector<double> losses;
    for (int i = 0; i < steps; ++i)
      losses.push_back(lbfgs
                           .step([&] {
                             lbfgs.zero_grad();
                             Tensor loss = square(fc(x) - y).mean() + square(square(fc->weight)).sum();
                             loss.backward();
                             return loss;
                           })
                           .item<double>());
    return losses;
  };
  const auto options = optim::LBFGSOptions(0.5).max_iter(3).history_size(4).line_search_fn("strong_wolfe");
  test::TemporaryFolder folder;
  for (const char* ending : {".safetensors", ".pt"}) {
    INFO(ending);
    const std::string file = folder / "run" + ending;
    nn::Linear fc(3, 2);
    optim::LBFGS lbfgs(fc->parameters(), options);
    go(fc, lbfgs, 2);
    save_checkpoint(file, *fc, lbfgs, 2);
    const auto wanted = go(fc, lbfgs, 3);
    CHECK(wanted[2] < wanted[0]);

    nn::Linear fresh(3, 2);
    optim::LBFGS other(fresh->parameters(), optim::LBFGSOptions());
    go(fresh, other, 1); // has a state of its own, which is replaced
    CHECK(load_checkpoint(file, *fresh, other) == 2);
    CHECK(static_cast<const optim::LBFGSOptions&>(other.param_groups()[0].options()).max_iter() == 3);
    CHECK(go(fresh, other, 3) == wanted);
  }
}

TEST_CASE("a state of LBFGS that does not fit is refused, and nothing has changed") {
  Tensor p = ones({3}).requires_grad_(), q = ones({4}).requires_grad_();
  auto optimizer = [](Tensor& x) {
    auto lbfgs = std::make_unique<optim::LBFGS>(std::vector<Tensor>{x}, optim::LBFGSOptions(0.1).max_iter(3));
    lbfgs->step([&] {
      lbfgs->zero_grad();
      Tensor loss = square(square(x)).sum();
      loss.backward();
      return loss;
    });
    return lbfgs;
  };
  const auto three = optimizer(p), four = optimizer(q);
  auto state = [](const optim::LBFGS& of, const Tensor& param) -> const optim::LBFGSParamState& {
    return static_cast<const optim::LBFGSParamState&>(*of.state().at(param.impl().get()));
  };
  const auto before = state(*four, q);
  std::stringstream stream;
  save(*three, stream);
  CHECK_THROWS_WITH(load(*four, stream), Contains("LBFGS: d is [3], wanted [4]"));
  CHECK(state(*four, q) == before);

  // A history that is not whole.
  serialize::OutputArchive archive;
  optim::LBFGS fresh({p});
  auto cut = state(*three, p);
  cut.ro().clear();
  REQUIRE(cut.old_dirs().size() == 1);
  fresh.state()[p.impl().get()] = cut.clone();
  std::stringstream other;
  save(fresh, other);
  CHECK_THROWS_WITH(load(*three, other), Contains("LBFGS: a history of 1 gradients, 1 steps and 0 weights"));
}

TEST_CASE("options and states of optimizers are compared by value") {
  CHECK(optim::LBFGSOptions(0.5).max_iter(3) == optim::LBFGSOptions(0.5).max_iter(3));
  CHECK_FALSE(optim::LBFGSOptions(0.5) == optim::LBFGSOptions(0.5).line_search_fn("strong_wolfe"));
  CHECK(optim::AdamOptions(0.5).betas({0.1, 0.2}) == optim::AdamOptions(0.5).betas({0.1, 0.2}));
  CHECK_FALSE(optim::AdamOptions(0.5).betas({0.1, 0.2}) == optim::AdamOptions(0.5));
  CHECK_FALSE(optim::SGDOptions(0.5) == optim::SGDOptions(0.5).nesterov(true));

  Tensor p = ones({2}).requires_grad_(), q = ones({2}).requires_grad_();
  p.mutable_grad() = ones({2});
  q.mutable_grad() = ones({2});
  optim::Adam adam({p, q});
  adam.step();
  auto state = [&](const Tensor& param) -> const optim::AdamParamState& {
    return static_cast<const optim::AdamParamState&>(*adam.state().at(param.impl().get()));
  };
  CHECK(state(p) == state(q));
  q.mutable_grad() = zeros({2});
  adam.step();
  CHECK_FALSE(state(p) == state(q));
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
