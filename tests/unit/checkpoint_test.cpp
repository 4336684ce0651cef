// Checkpoints of a run: going on bit for bit, surviving kills.
#include "../support/temporary_folder.h"

#include <kiln/kiln.h>
#include <kiln/serialize.h>

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace kiln;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    first = register_module("first", nn::Linear(6, 8));
    drop = register_module("drop", nn::Dropout(0.3));
    second = register_module("second", nn::Linear(8, 2));
  }
  Tensor forward(Tensor x) { return second(drop(relu(first(x)))); }
  nn::Linear first{nullptr}, second{nullptr};
  nn::Dropout drop{nullptr};
};
KILN_MODULE(Net);

using Step = std::function<Tensor(Tensor, Tensor)>;

template <class Optimizer> struct Run {
  template <class Options>
  Run(Options options, bool compiled)
      : optimizer(net->parameters(), options), compiled(compiled),
        fast(jit::compile(Step([this](Tensor x, Tensor y) { return step(x, y); }))) {}
  Tensor step(Tensor x, Tensor y) {
    optimizer.zero_grad();
    auto loss = nn::functional::mse_loss(net(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  }
  std::vector<double> go(int steps) {
    std::vector<double> losses;
    for (int i = 0; i < steps; ++i) {
      const Tensor x = randn({5, 6}), y = randn({5, 2});
      losses.push_back((compiled ? fast(x, y) : step(x, y)).template item<double>());
    }
    return losses;
  }
  Net net;
  Optimizer optimizer;
  bool compiled;
  jit::CompiledFunction<Step> fast;
};

template <class Optimizer, class Options> void check_resumes(Options options, const char* file) {
  test::TemporaryFolder dir;
  for (bool compiled : {false, true}) {
    manual_seed(1);
    Run<Optimizer> run(options, compiled);
    run.go(3);
    save_checkpoint(dir / file, *run.net, run.optimizer, 7);
    const std::vector<double> wanted = run.go(4);

    manual_seed(99);
    Run<Optimizer> fresh(options, compiled);
    CHECK(load_checkpoint(dir / file, *fresh.net, fresh.optimizer) == 7);
    CHECK(fresh.go(4) == wanted);

    // Into a run that is under way: its programs stay.
    Run<Optimizer> other(options, compiled);
    other.go(5);
    const int programs = other.fast.programs();
    load_checkpoint(dir / file, *other.net, other.optimizer);
    CHECK(other.go(4) == wanted);
    CHECK(other.fast.programs() == programs);
  }
}

} // namespace

TEST_CASE("a resumed run goes on bit for bit, eager and compiled") {
  for (const char* file : {"run.safetensors", "run.pt"}) {
    INFO(file);
    SECTION(std::string("SGD ") + file) {
      check_resumes<optim::SGD>(optim::SGDOptions(0.1).momentum(0.9).dampening(0.1).weight_decay(0.01), file);
    }
    SECTION(std::string("AdamW ") + file) {
      check_resumes<optim::AdamW>(optim::AdamWOptions(0.01).amsgrad(true), file);
    }
    SECTION(std::string("RMSprop ") + file) {
      check_resumes<optim::RMSprop>(optim::RMSpropOptions(0.01).momentum(0.5).centered(true), file);
    }
    SECTION(std::string("Adagrad ") + file) {
      check_resumes<optim::Adagrad>(optim::AdagradOptions(0.1).lr_decay(0.1), file);
    }
  }
}

TEST_CASE("options come with the optimizer, and Adam's products are found when a file has none") {
  test::TemporaryFolder dir;
  Net net;
  optim::Adam a(net->parameters(), optim::AdamOptions(0.125).betas({0.5, 0.75}).eps(1e-3).weight_decay(0.25));
  for (int i = 0; i < 3; ++i) {
    a.zero_grad();
    net(ones({1, 6})).sum().backward();
    a.step();
  }
  save(a, dir / "a.pt");
  optim::Adam b(net->parameters());
  load(b, dir / "a.pt");
  const auto& options = static_cast<const optim::AdamOptions&>(b.param_groups()[0].options());
  CHECK(options.lr() == 0.125);
  CHECK(options.betas() == std::tuple(0.5, 0.75));
  CHECK(options.eps() == 1e-3);
  CHECK(options.weight_decay() == 0.25);

  // A file from Python.
  serialize::InputArchive archive;
  archive.load_from(dir / "a.pt");
  IValue::Dict states;
  for (int i = 0; i < 4; ++i) {
    serialize::InputArchive state;
    archive.read("state." + std::to_string(i), state);
    IValue::Dict entries;
    for (const char* name : {"step", "exp_avg", "exp_avg_sq"}) {
      Tensor x;
      state.read(name, x);
      entries.emplace_back(name, x);
    }
    states.emplace_back(i, IValue::dict(entries));
  }
  serialize::OutputArchive python;
  python.write("state", IValue::dict(states));
  python.write("param_groups", IValue::list({IValue::dict({{"lr", 0.125},
                                                           {"betas", IValue::tuple({0.5, 0.75})},
                                                           {"params", IValue::list({0, 1, 2, 3})}})}));
  python.save_to(dir / "python.pt");
  load(b, dir / "python.pt");
  serialize::OutputArchive again;
  b.save(again);
  again.save_to(dir / "again.pt");
  archive.load_from(dir / "again.pt");
  IValue product;
  archive.read("state.3.beta1_product", product);
  CHECK(product.toDouble() == 0.125);
}

TEST_CASE("an optimizer's state that does not fit changes nothing") {
  test::TemporaryFolder dir;
  Net net;
  nn::Linear small(2, 2);
  optim::SGD a(small->parameters(), optim::SGDOptions(0.5).momentum(0.9)), b(net->parameters(), 0.1);
  small(ones({1, 2})).sum().backward();
  a.step();
  save(a, dir / "a.pt");
  CHECK_THROWS_WITH(load(b, dir / "a.pt"),
                    Contains("contains a parameter group that doesn't match the size of optimizer's group: 2 "
                             "parameters, the optimizer's has 4"));
  nn::Linear other(3, 3);
  optim::SGD c(other->parameters(), optim::SGDOptions(0.1).momentum(0.9));
  CHECK_THROWS_WITH(load(c, dir / "a.pt"),
                    Contains("SGD: 'state.0.momentum_buffer' is f32[2, 2], its parameter is f32[3, 3]"));
  CHECK(c.state().empty());
  CHECK(c.param_groups()[0].options().get_lr() == 0.1);
  optim::SGD two({optim::OptimizerParamGroup({small->weight}), optim::OptimizerParamGroup({small->bias})},
                 0.1);
  CHECK_THROWS_WITH(load(two, dir / "a.pt"), Contains("a different number of parameter groups: 1"));
  save(small, dir / "net.pt");
  CHECK_THROWS_WITH(load(c, dir / "net.pt"), Contains("wanted the state of an optimizer"));
  serialize::OutputArchive groups, theirs;
  groups.write("param_groups/size", tensor(1));
  theirs.write("param_groups", groups);
  theirs.save_to(dir / "libtorch.pt");
  CHECK_THROWS_WITH(load(c, dir / "libtorch.pt"), Contains("the form of LibTorch's torch::save(optimizer)"));
  optim::Adam d(small->parameters(), optim::AdamOptions(0.1));
  CHECK_THROWS_WITH(load(d, dir / "a.pt"),
                    Contains("a.pt: Adam: the state is another optimizer's: it has the options momentum, "
                             "dampening, nesterov, and not betas, eps, amsgrad"));

  // A checkpoint whose model fits and whose optimizer does not.
  Net trained;
  save_checkpoint(dir / "run.pt", *trained, a);
  const Tensor before = net->first->weight.detach().clone();
  CHECK_THROWS_AS(load_checkpoint(dir / "run.pt", *net, b), Error);
  CHECK(net->first->weight.equal(before));
}

TEST_CASE("a module reads its part of a checkpoint") {
  test::TemporaryFolder dir;
  for (const char* file : {"run.pt", "run.safetensors"}) {
    Net a, b;
    optim::SGD sgd(a->parameters(), 0.1);
    save_checkpoint(dir / file, *a, sgd);
    load(b, dir / file);
    CHECK(b->first->weight.equal(a->first->weight));
  }
}

TEST_CASE("a kill at any moment leaves the old or the new file whole") {
  test::TemporaryFolder dir;
  for (const char* name : {"x.safetensors", "x.pt"}) {
    const std::string file = dir / name;
    save(full({1 << 18}, 0.0), file);
    for (int round = 0; round < 12; ++round) {
      const pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        const Tensor x = full({1 << 18}, static_cast<double>(round + 1));
        while (true)
          save(x, file);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(3000 + 2731 * round));
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
      Tensor x;
      REQUIRE_NOTHROW(load(x, file));
      REQUIRE(x.numel() == 1 << 18);
      REQUIRE(x.eq(x[0].item<double>()).all().item<bool>());
    }
  }
}
