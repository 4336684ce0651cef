// See train.h. The step is written once, as one would write it eagerly; compiling it is one call.
#include "digits/train.h"

#include <kiln/watch/progress.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

using namespace kiln;
namespace datasets = kiln::data::datasets;
using kiln::data::transforms::Stack;
using Clock = std::chrono::steady_clock;

namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    fc1 = register_module("fc1", nn::Linear(784, 256));
    fc2 = register_module("fc2", nn::Linear(256, 256));
    fc3 = register_module("fc3", nn::Linear(256, 10));
    drop = register_module("drop", nn::Dropout(0.2));
  }
  Tensor forward(Tensor x) {
    x = drop(relu(fc1(x.flatten(1))));
    x = drop(relu(fc2(x)));
    return fc3(x);
  }
  nn::Linear fc1{nullptr}, fc2{nullptr}, fc3{nullptr};
  nn::Dropout drop{nullptr};
};
KILN_MODULE(Net);

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::int64_t count_correct(const Tensor& scores, const Tensor& labels) {
  NoGradGuard no_grad;
  return scores.argmax(1).eq(labels).sum().item<std::int64_t>();
}

double test_accuracy(Net& net, const datasets::MNIST& test, std::size_t batch) {
  NoGradGuard no_grad;
  net->eval();
  std::int64_t correct = 0;
  auto loader =
      data::make_data_loader<data::samplers::SequentialSampler>(datasets::MNIST(test).map(Stack<>()), batch);
  for (auto& [x, y] : *loader)
    correct += count_correct(net(x), y);
  net->train();
  return static_cast<double>(correct) / static_cast<double>(*test.size());
}

} // namespace

Outcome train(const Settings& settings, const datasets::MNIST& training, const datasets::MNIST& test,
              bool compiled) {
  manual_seed(settings.seed);
  Net net;
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.05).momentum(0.9));

  auto step = [&](Tensor x, Tensor y) {
    sgd.zero_grad();
    auto scores = net(x);
    auto loss = nn::functional::cross_entropy(scores, y);
    loss.backward();
    sgd.step();
    return std::tuple(loss, scores);
  };
  auto fast = jit::compile(step);

  // The last, shorter batch is left out: it would be a program of its own.
  const auto batch = static_cast<std::size_t>(settings.batch);
  auto loader = data::make_data_loader(datasets::MNIST(training).map(Stack<>()),
                                       data::DataLoaderOptions(batch).workers(1).max_jobs(4).drop_last(true));
  auto steps = static_cast<std::int64_t>(*training.size() / batch);
  Outcome outcome;
  std::vector<double> times;
  const char* mode = compiled ? "compiled" : "eager";
  auto start = Clock::now();
  for (int epoch = 1; epoch <= settings.epochs; ++epoch) {
    auto bar = watch::progress(*loader, std::string(mode) + " epoch " + std::to_string(epoch),
                               watch::ProgressOptions().out(stdout).total(steps));
    double loss_sum = 0;
    std::int64_t correct = 0, i = 0;
    for (auto& [x, y] : bar) {
      auto begin = Clock::now();
      auto [loss, scores] = compiled ? fast(x, y) : step(x, y);
      double ms = milliseconds_since(begin);
      if (outcome.losses.empty())
        outcome.first_step_ms = ms;
      else
        times.push_back(ms);
      outcome.losses.push_back(loss.item<double>());
      loss_sum += outcome.losses.back();
      correct += count_correct(scores, y);
      ++i;
      bar.set("loss", loss_sum / static_cast<double>(i));
      bar.set("accuracy", static_cast<double>(correct) / static_cast<double>(i * settings.batch));
    }
  }
  outcome.seconds = milliseconds_since(start) / 1000;
  outcome.step_ms = median(times);
  outcome.accuracy = test_accuracy(net, test, 1000);
  if (compiled) {
    outcome.explain = fast.explain();
    outcome.kernels = fast.kernels();
    outcome.memory = fast.memory();
    if (!settings.dump.empty()) fast.dump(settings.dump);
  }
  return outcome;
}
