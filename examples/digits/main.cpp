// digits: trains a 784-256-256-10 perceptron on MNIST's files, or on digits that it draws itself, eagerly and
// compiled from the same seed, and shows what compiling gains and what the compiler made of the step.
#include "digits/draw.h"
#include "digits/train.h"
#include "kiln/data/idx.h"
#include "positive.h"

#include <kiln/watch/chart.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace kiln;

namespace {

void prepare_data(const std::string& directory) {
  // A directory with some files of another origin is read, never written to.
  if (!data::holds_drawn_digits(directory) && data::any_present(directory)) {
    std::printf("data: the IDX files in %s\n", directory.c_str());
    return;
  }
  bool drew = data::write_drawn_digits(directory);
  std::printf("data: no MNIST files in %s, so these are digits that this program %s: 20,000 to train on, "
              "4,000 to test\n",
              directory.c_str(), drew ? "has just drawn" : "drew before");
}

void print_kernels(const Outcome& outcome) {
  std::printf("\nThe compiled step is %zu kernels:\n  %-44s %-13s %9s %9s  %s\n", outcome.kernels.size(),
              "name", "kind", "MFLOP", "MB", "fused ops");
  for (const auto& kernel : outcome.kernels) {
    std::string ops;
    for (std::size_t i = 0; i < kernel.ops.size() && i < 8; ++i)
      ops += (i ? " " : "") + kernel.ops[i];
    if (kernel.ops.size() > 8) ops += " … (" + std::to_string(kernel.ops.size()) + ")";
    std::printf("  %-44s %-13s %9.3f %9.3f  %s\n", kernel.name.c_str(), kernel.kind.c_str(),
                static_cast<double>(kernel.flops) / 1e6, static_cast<double>(kernel.bytes) / 1e6,
                ops.c_str());
  }
  std::printf("  memory: peak %.2f MB, lower bound %.2f MB\n", static_cast<double>(outcome.memory.peak) / 1e6,
              static_cast<double>(outcome.memory.lower_bound) / 1e6);
}

void print_summary(const Outcome& eager, const Outcome& compiled) {
  std::printf("\n%-28s %12s %12s\n", "", "eager", "compiled");
  auto row = [](const char* what, const char* format, double a, double b) {
    std::printf("%-28s ", what);
    std::printf(format, a);
    std::printf(" ");
    std::printf(format, b);
    std::printf("\n");
  };
  row("step, median", "%9.3f ms", eager.step_ms, compiled.step_ms);
  row("first step (with compiling)", "%9.1f ms", eager.first_step_ms, compiled.first_step_ms);
  row("training", "%10.2f s", eager.seconds, compiled.seconds);
  row("last loss", "%12.5f", eager.losses.back(), compiled.losses.back());
  row("test accuracy", "%10.2f %%", eager.accuracy * 100, compiled.accuracy * 100);
  double apart = 0;
  for (std::size_t i = 0; i < eager.losses.size(); ++i)
    apart = std::max(apart, std::abs(eager.losses[i] - compiled.losses[i]));
  std::printf("The compiled step is %.2f times as fast; the loss curves are at most %.2g apart.\n",
              eager.step_ms / compiled.step_ms, apart);
}

void run(const Settings& settings) {
  prepare_data(settings.data);
  using data::datasets::MNIST;
  MNIST training(settings.data), test(settings.data, MNIST::Mode::kTest);
  const auto count = static_cast<std::int64_t>(*training.size());
  if (count < settings.batch)
    throw Error("a batch of " + std::to_string(settings.batch) + " does not fit the " +
                std::to_string(count) + " training images");

  Outcome eager = train(settings, training, test, false);
  Outcome compiled = train(settings, training, test, true);
  print_kernels(compiled);
  std::printf("\n%s", compiled.explain.c_str());
  print_summary(eager, compiled);
  watch::write_text(settings.svg, watch::line_chart("digits: training loss", "step", "cross-entropy",
                                                    {{"eager", "#d95f02", eager.losses},
                                                     {"compiled", "#1b6ca8", compiled.losses, true}}));
  std::printf("loss curves: %s\n", settings.svg.c_str());
  if (!settings.dump.empty())
    std::printf("IR of every stage and kernel sources: %s\n", settings.dump.c_str());
}

} // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Trains a perceptron on handwritten digits, eagerly and compiled.");
  app.add_option("--data", settings.data,
                 "directory of MNIST's IDX files, plain or gzip; without them digits are drawn there")
      ->capture_default_str();
  app.add_option("--epochs", settings.epochs, "passes over the training images")
      ->check(positive())
      ->capture_default_str();
  app.add_option("--batch", settings.batch, "images a step")->check(positive())->capture_default_str();
  app.add_option("--dump", settings.dump, "directory for the IR of every stage and the kernel sources");
  app.add_option("--threads", settings.threads, "threads to run on (default: as many as cores)")
      ->check(positive());
  app.add_option("--svg", settings.svg, "file for the loss curves")->capture_default_str();
  app.add_option("--seed", settings.seed, "of weights, order and dropout")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    if (settings.threads > 0) set_num_threads(settings.threads);
    run(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "digits: %s\n", error.what());
    return 1;
  }
}
