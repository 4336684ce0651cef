// Learning-rate schedulers against PyTorch's formulas written as recurrences, compiled steps that they drive,
// and errors.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>

using namespace kiln;
using Catch::Matchers::Contains;

namespace {

struct Fixture {
  Tensor p = ones({2}).requires_grad_();
  optim::SGD sgd{{p}, optim::SGDOptions(0.8).momentum(0.9)};
  double lr() const { return sgd.param_groups()[0].options().get_lr(); }

  template <class Scheduler> void check(Scheduler&& scheduler, const std::vector<double>& wanted) {
    CHECK(lr() == Approx(wanted[0]).margin(1e-12));
    for (std::size_t i = 1; i < wanted.size(); ++i) {
      sgd.step();
      scheduler.step();
      INFO("after step " << i);
      CHECK(lr() == Approx(wanted[i]).margin(1e-12));
    }
  }
};

} // namespace

TEST_CASE_METHOD(Fixture, "StepLR: LibTorch's rates, the first of which lasts a step longer") {
  check(optim::StepLR(sgd, 3, 0.5), {0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2});
}
TEST_CASE_METHOD(Fixture, "a scheduler of the user's own sees LibTorch's counts: 0 in the first step") {
  struct Counts : optim::LRScheduler {
    using LRScheduler::LRScheduler;
    std::vector<double> get_lrs() override { return {static_cast<double>(step_count_)}; }
  };
  check(Counts(sgd), {0.8, 0, 1, 2});
}
TEST_CASE_METHOD(Fixture, "StepLR as one of several, each step its own rate") {
  auto warm = std::make_shared<optim::LinearLR>(sgd, 0.5, 1, 2);
  auto fall = std::make_shared<optim::StepLR>(sgd, 1, 0.5);
  check(optim::SequentialLR(sgd, {warm, fall}, {2}), {0.4, 0.6, 0.8, 0.8, 0.4, 0.2});
}
TEST_CASE_METHOD(Fixture, "MultiStepLR, with a milestone twice") {
  check(optim::MultiStepLR(sgd, {4, 2, 4}, 0.5), {0.8, 0.8, 0.4, 0.4, 0.1, 0.1});
}
TEST_CASE_METHOD(Fixture, "ExponentialLR") {
  check(optim::ExponentialLR(sgd, 0.5), {0.8, 0.4, 0.2, 0.1});
}
TEST_CASE_METHOD(Fixture, "LambdaLR") {
  check(optim::LambdaLR(sgd, [](std::int64_t t) { return 1.0 / double(t + 2); }), {0.4, 0.8 / 3, 0.2, 0.16});
}
TEST_CASE_METHOD(Fixture, "LinearLR warms up") {
  check(optim::LinearLR(sgd, 0.5, 1, 4), {0.4, 0.5, 0.6, 0.7, 0.8, 0.8});
}
TEST_CASE_METHOD(Fixture, "PolynomialLR") {
  check(optim::PolynomialLR(sgd, 4, 2), {0.8, 0.45, 0.2, 0.05, 0, 0});
}
TEST_CASE_METHOD(Fixture, "CosineAnnealingLR falls to eta_min and rises again") {
  auto at = [](double t) { return 0.2 + 0.6 * (1 + std::cos(M_PI * t / 3)) / 2; };
  check(optim::CosineAnnealingLR(sgd, 3, 0.2), {at(0), at(1), at(2), 0.2, at(4), at(5), 0.8});
}
TEST_CASE_METHOD(Fixture, "CosineAnnealingWarmRestarts restarts after ever longer times") {
  auto at = [](double t, double length) { return 0.8 * (1 + std::cos(M_PI * t / length)) / 2; };
  check(optim::CosineAnnealingWarmRestarts(sgd, 2, 2),
        {0.8, at(1, 2), 0.8, at(1, 4), at(2, 4), at(3, 4), 0.8, at(1, 8)});
}
TEST_CASE_METHOD(Fixture, "SequentialLR hands over at milestones") {
  auto warm = std::make_shared<optim::LinearLR>(sgd, 0.5, 1, 2);
  auto decay = std::make_shared<optim::ExponentialLR>(sgd, 0.5);
  check(optim::SequentialLR(sgd, {warm, decay}, {3}), {0.4, 0.6, 0.8, 0.8, 0.4, 0.2});
}

TEST_CASE_METHOD(Fixture, "OneCycleLR: the rate rises and falls, momentum the other way") {
  optim::OneCycleLR scheduler(sgd, optim::OneCycleLROptions(1, 10));
  auto momentum = [&] {
    return static_cast<const optim::SGDOptions&>(sgd.param_groups()[0].options()).momentum();
  };
  const double first = 1.0 / 25, last = first / 1e4;
  auto between = [](double from, double to, double part) {
    return to + (from - to) / 2 * (1 + std::cos(M_PI * part));
  };
  for (int t = 0; t < 10; ++t) {
    INFO("step " << t);
    const bool rises = t <= 2;
    const double part = rises ? t / 2.0 : (t - 2) / 7.0;
    CHECK(lr() == Approx(rises ? between(first, 1, part) : between(1, last, part)).margin(1e-12));
    CHECK(momentum() == Approx(rises ? between(0.95, 0.85, part) : between(0.85, 0.95, part)).margin(1e-12));
    if (t < 9) scheduler.step();
  }
  scheduler.step();
  CHECK_THROWS_WITH(scheduler.step(),
                    Contains("Tried to step 11 times. The specified number of total steps is 10"));
}
TEST_CASE_METHOD(Fixture, "OneCycleLR in three straight phases") {
  check(optim::OneCycleLR(sgd, optim::OneCycleLROptions(1, 10)
                                   .pct_start(0.4)
                                   .anneal_strategy("linear")
                                   .div_factor(10)
                                   .final_div_factor(10)
                                   .three_phase(true)),
        {0.1, 0.4, 0.7, 1, 0.7, 0.4, 0.1, 0.07, 0.04, 0.01});
}

TEST_CASE_METHOD(Fixture, "ReduceLROnPlateau waits, reduces, cools down and stops at min_lr") {
  optim::ReduceLROnPlateauScheduler scheduler(sgd, optim::ReduceLROnPlateauScheduler::min, 0.5F, 1, 0.1,
                                              optim::ReduceLROnPlateauScheduler::rel, 1, {0.3F});
  const std::vector<std::pair<double, double>> metrics_and_rates = {
      {1.0, 0.8},  {0.95, 0.8}, {0.95, 0.4}, // 5 % better is not better: two bad epochs
      {0.95, 0.4}, {0.95, 0.4}, {0.95, 0.3}, // one of cooling, then two bad ones; not below min_lr
      {0.5, 0.3}};
  for (auto [metric, rate] : metrics_and_rates) {
    scheduler.step(metric);
    CHECK(lr() == Approx(rate).epsilon(1e-6));
  }
}

TEST_CASE("each group has its own base rate") {
  Tensor a = ones({1}).requires_grad_(), b = ones({1}).requires_grad_();
  optim::Adam adam(std::vector<optim::OptimizerParamGroup>{{{a}, std::make_unique<optim::AdamOptions>(0.1)},
                                                           {{b}, std::make_unique<optim::AdamOptions>(0.4)}});
  optim::ExponentialLR scheduler(adam, 0.5);
  scheduler.step();
  CHECK(scheduler.get_last_lr() == std::vector<double>{0.05, 0.2});
}

TEST_CASE("schedulers change the rate of a compiled step without a recompile") {
  using Make = std::function<std::shared_ptr<optim::LRScheduler>(optim::Optimizer&)>;
  const std::vector<Make> makers = {
      [](auto& o) { return std::make_shared<optim::StepLR>(o, 2, 0.5); },
      [](auto& o) { return std::make_shared<optim::MultiStepLR>(o, std::vector<std::int64_t>{2}); },
      [](auto& o) { return std::make_shared<optim::ExponentialLR>(o, 0.7); },
      [](auto& o) {
        return std::make_shared<optim::LambdaLR>(o, [](std::int64_t t) { return 1.0 / double(t + 1); });
      },
      [](auto& o) { return std::make_shared<optim::LinearLR>(o, 0.3, 1, 3); },
      [](auto& o) { return std::make_shared<optim::CosineAnnealingLR>(o, 4, 0.01); },
      [](auto& o) { return std::make_shared<optim::CosineAnnealingWarmRestarts>(o, 2); },
      [](auto& o) { return std::make_shared<optim::PolynomialLR>(o, 4, 2); },
      [](auto& o) { return std::make_shared<optim::OneCycleLR>(o, optim::OneCycleLROptions(0.2, 8)); },
      [](auto& o) {
        return std::make_shared<optim::SequentialLR>(
            o,
            std::vector<std::shared_ptr<optim::LRScheduler>>{std::make_shared<optim::LinearLR>(o, 0.5, 1, 2),
                                                             std::make_shared<optim::ExponentialLR>(o, 0.5)},
            std::vector<std::int64_t>{2});
      }};
  for (std::size_t i = 0; i < makers.size(); ++i) {
    INFO("scheduler " << i);
    Tensor eager_p = tensor({0.5, -1.0, 2.0}, kFloat64).requires_grad_(),
           compiled_p = eager_p.detach().clone().requires_grad_();
    optim::SGD eager({eager_p}, optim::SGDOptions(0.1).momentum(0.9));
    optim::SGD compiled({compiled_p}, optim::SGDOptions(0.1).momentum(0.9));
    auto eager_scheduler = makers[i](eager), compiled_scheduler = makers[i](compiled);
    auto body = [](Tensor p, optim::SGD& sgd) {
      sgd.zero_grad();
      Tensor loss = (p * p * p).sum();
      loss.backward();
      sgd.step();
      return loss;
    };
    auto step = jit::compile([&] { return body(compiled_p, compiled); });
    for (int t = 0; t < 6; ++t) {
      const double wanted = body(eager_p, eager).item<double>();
      CHECK(step().item<double>() == Approx(wanted).epsilon(1e-10));
      eager_scheduler->step();
      compiled_scheduler->step();
    }
    CHECK(step.programs() == 1);
    CHECK(compiled_p.allclose(eager_p, 1e-9));
  }
}

TEST_CASE_METHOD(Fixture, "schedulers refuse what makes no sense") {
  CHECK_THROWS_WITH(optim::StepLR(sgd, 0), Contains("StepLR: got step_size 0, wanted above 0"));
  CHECK_THROWS_WITH(optim::LinearLR(sgd, 0), Contains("Starting multiplicative factor"));
  CHECK_THROWS_WITH(optim::SequentialLR(sgd, {}, {}),
                    Contains("one more than the number of milestone points"));
  CHECK_THROWS_WITH(optim::ReduceLROnPlateauScheduler(sgd, optim::ReduceLROnPlateauScheduler::min, 1.5F),
                    Contains("Factor should be < 1.0"));
  CHECK_THROWS_WITH(optim::LambdaLR(sgd, std::vector<optim::LambdaLR::Factor>(2)),
                    Contains("Expected 1 lr_lambdas, but got 2"));
  optim::Adagrad adagrad({p});
  CHECK_THROWS_WITH(optim::OneCycleLR(adagrad, optim::OneCycleLROptions(1, 10)),
                    Contains("optimizer must support momentum"));
}
