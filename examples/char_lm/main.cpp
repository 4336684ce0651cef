// char_lm: trains a Transformer on the characters of a text file, eagerly and compiled from the same seed,
// and lets it write.
#include "char_lm/model.h"
#include "positive.h"

#include <kiln/data.h>
#include <kiln/watch/progress.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace kiln;
namespace F = kiln::nn::functional;

namespace {

struct Settings {
  std::string text = CHAR_LM_README, start = "The ";
  int epochs = 8;
  std::int64_t batch = 16, length = 200;
  std::uint64_t seed = 1;
  double rate = 3e-3, temperature = 0.5;
  Size size;
};

/// A text as numbers, one for each kind of byte that is in it.
struct Text {
  explicit Text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes;
    if (!std::filesystem::is_directory(path)) bytes.assign(std::istreambuf_iterator<char>(file), {});
    if (bytes.empty()) throw Error(path + ": cannot read any text");
    known = bytes;
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    numbers = empty({static_cast<std::int64_t>(bytes.size())}, kInt64);
    std::transform(bytes.begin(), bytes.end(), numbers.data_ptr<std::int64_t>(),
                   [&](char c) { return number(c); });
  }
  std::int64_t number(char c) const { // of a character that is not in the text: 0
    const auto at = known.find(c);
    return at == known.npos ? 0 : static_cast<std::int64_t>(at);
  }
  std::string known; ///< sorted
  Tensor numbers;
};

/// Every stretch of `length` characters, with the same stretch one further on as the target.
struct Stretches : data::datasets::Dataset<Stretches> {
  Stretches(Tensor numbers, std::int64_t length) : numbers(std::move(numbers)), length(length) {}
  data::Example<> get(std::size_t i) override {
    const auto at = static_cast<std::int64_t>(i);
    return {numbers.narrow(0, at, length), numbers.narrow(0, at + 1, length)};
  }
  std::optional<std::size_t> size() const override {
    return static_cast<std::size_t>(std::max<std::int64_t>(numbers.numel() - length, 0));
  }
  Tensor numbers;
  std::int64_t length;
};

struct Outcome {
  CharModel model{nullptr};
  std::vector<double> losses, times; ///< of every step; milliseconds
  double mean_of_last_losses() const {
    const auto n = std::min<std::ptrdiff_t>(20, std::ssize(losses));
    double sum = 0;
    for (auto loss = losses.end() - n; loss != losses.end(); ++loss)
      sum += *loss;
    return sum / static_cast<double>(n);
  }
  double median_time() const {
    auto sorted = times;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

Outcome train(const Settings& settings, const Text& text, bool compiled) {
  manual_seed(settings.seed);
  Outcome outcome;
  CharModel model(settings.size);
  optim::AdamW adam(model->parameters(), optim::AdamWOptions(settings.rate));
  auto step = [&](Tensor input, Tensor target) {
    adam.zero_grad();
    auto loss = F::cross_entropy(model(input).flatten(0, 1), target.flatten());
    loss.backward();
    adam.step();
    return loss;
  };
  auto fast = jit::compile(step);

  const Stretches stretches(text.numbers, settings.size.sequence);
  const auto batch = static_cast<std::size_t>(settings.batch);
  const auto steps = static_cast<std::int64_t>(*stretches.size() / batch);
  auto loader = data::make_data_loader(Stretches(stretches).map(data::transforms::Stack<>()),
                                       data::DataLoaderOptions(batch).workers(1).max_jobs(4).drop_last(true));
  for (int epoch = 1; epoch <= settings.epochs; ++epoch) {
    const std::string label = (compiled ? "compiled epoch " : "eager epoch ") + std::to_string(epoch);
    auto bar = watch::progress(*loader, label, watch::ProgressOptions().out(stdout).total(steps));
    for (auto& [input, target] : bar) {
      const auto begin = std::chrono::steady_clock::now();
      auto loss = compiled ? fast(input, target) : step(input, target);
      outcome.losses.push_back(loss.item<double>());
      const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
      outcome.times.push_back(time.count());
      bar.set("loss", outcome.mean_of_last_losses());
    }
  }
  outcome.model = model;
  return outcome;
}

/// Goes on after `settings.start`, a character at a time, each drawn with the probability that the model
/// gives it. Below temperature 1 likely characters become likelier.
std::string write(const Settings& settings, const Text& text, CharModel model) {
  NoGradGuard no_grad;
  model->eval();
  const auto fast = jit::compile(model);
  const auto sequence = settings.size.sequence;
  std::string written = settings.start;
  for (std::int64_t i = 0; i < settings.length; ++i) {
    // Always of one shape: the causal mask keeps what stands behind the last character from mattering.
    const auto used = std::min<std::int64_t>(std::ssize(written), sequence);
    Tensor input = zeros({1, sequence}, kInt64);
    for (std::int64_t k = 0; k < used; ++k)
      input.data_ptr<std::int64_t>()[k] =
          text.number(written[written.size() - static_cast<std::size_t>(used - k)]);
    const Tensor chances = softmax(fast(input)[0][used - 1] / settings.temperature, 0).contiguous();
    double left = rand({1}).item<double>();
    std::size_t next = 0;
    for (const float* p = chances.data_ptr<float>(); next + 1 < text.known.size() && left >= p[next]; ++next)
      left -= p[next];
    written += text.known[next];
  }
  return written;
}

void run(Settings settings) {
  const Text text(settings.text);
  settings.size.vocabulary = static_cast<std::int64_t>(text.known.size());
  if (text.numbers.numel() < settings.size.sequence + settings.batch)
    throw Error(settings.text + ": " + std::to_string(text.numbers.numel()) +
                " characters are too few for a batch of " + std::to_string(settings.batch) +
                " stretches of " + std::to_string(settings.size.sequence));
  if (settings.start.empty() || settings.size.width % settings.size.heads != 0)
    throw Error("wants a start of at least one character, and a width that its heads divide");
  std::printf("text: %s, %lld characters of %zu kinds\n", settings.text.c_str(),
              static_cast<long long>(text.numbers.numel()), text.known.size());

  const Outcome eager = train(settings, text, false), compiled = train(settings, text, true);
  std::printf("\n%-22s %10s %10s\n", "", "eager", "compiled");
  std::printf("%-22s %10.3f %10.3f\n", "step, median, ms", eager.median_time(), compiled.median_time());
  std::printf("%-22s %10.4f %10.4f\n", "first loss", eager.losses.front(), compiled.losses.front());
  std::printf("%-22s %10.4f %10.4f\n", "mean of last losses", eager.mean_of_last_losses(),
              compiled.mean_of_last_losses());
  std::printf("\n---\n%s\n---\n", write(settings, text, compiled.model).c_str());
}

} // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Trains a Transformer on the characters of a text, eagerly and compiled, and lets it write.");
  auto number = [&](const char* name, auto& value, const char* what) {
    app.add_option(name, value, what)->check(positive())->capture_default_str();
  };
  app.add_option("--text", settings.text, "file to learn from")->capture_default_str();
  app.add_option("--start", settings.start, "what the sample begins with")->capture_default_str();
  number("--epochs", settings.epochs, "passes over the text");
  number("--batch", settings.batch, "stretches of text a step");
  number("--sequence", settings.size.sequence, "characters of a stretch");
  number("--width", settings.size.width, "numbers for each character inside the model");
  number("--heads", settings.size.heads, "attention heads of a layer");
  number("--layers", settings.size.layers, "encoder layers");
  number("--rate", settings.rate, "learning rate of AdamW");
  number("--length", settings.length, "characters to write");
  number("--temperature", settings.temperature, "of the sample: 1 as the model says, less is tamer");
  app.add_option("--seed", settings.seed, "of weights, order and sample")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "char_lm: %s\n", error.what());
    return 1;
  }
}
