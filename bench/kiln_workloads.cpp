// Written as a user writes them; torch_bench.cpp holds the same programs for LibTorch.
#include "kiln_workloads.h"

#include "workloads.h"

#include <kiln/data.h>
#include <kiln/kiln.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <unistd.h>

namespace bench {
namespace {

using namespace kiln;
namespace F = kiln::nn::functional;

/// `body` called with `args` again and again, as it is or compiled.
template <class Body, class... Args>
Workload repeat(bool compiled, std::size_t state, Body body, Args... args) {
  if (!compiled)
    return {[=]() mutable { body(args...); }, [] { return Report{}; },
            [] { return std::vector<jit::Kernel>(); }, state};
  auto fast = std::make_shared<decltype(jit::compile(body))>(jit::compile(body));
  return {[=] { (*fast)(args...); },
          [=] {
            auto memory = fast->memory();
            return Report{fast->kernels().size(), memory.peak, memory.lower_bound};
          },
          [=] { return fast->kernels(5); }, state};
}

template <class Model, class Loss>
Workload training(bool compiled, Model model, Tensor x, Tensor y, double momentum, Loss loss_function) {
  auto parameters = model->parameters();
  auto sgd = std::make_shared<optim::SGD>(parameters, optim::SGDOptions(0.01).momentum(momentum));
  auto step = [=](Tensor input, Tensor target) mutable {
    sgd->zero_grad();
    auto loss = loss_function(model->forward(input), target);
    loss.backward();
    sgd->step();
    return loss;
  };
  return repeat(compiled, parameters.size() * (momentum != 0 ? 2 : 1), step, x, y);
}

Workload first_net(bool compiled) {
  nn::Sequential model(nn::Linear(kFirstIn, kFirstHidden), nn::ReLU(), nn::Linear(kFirstHidden, kFirstOut));
  return training(compiled, model, randn({kFirstBatch, kFirstIn}), randn({kFirstBatch, kFirstOut}), 0,
                  [](const Tensor& out, const Tensor& y) { return F::mse_loss(out, y); });
}

Workload mlp(bool compiled, std::int64_t batch) {
  nn::Sequential model(nn::Linear(kMlpIn, kMlpHidden), nn::ReLU(), nn::Dropout(kDropout),
                       nn::Linear(kMlpHidden, kMlpHidden), nn::ReLU(), nn::Dropout(kDropout),
                       nn::Linear(kMlpHidden, kMlpOut));
  return training(compiled, model, randn({batch, kMlpIn}), randint(kMlpOut, {batch}, kInt64), kMomentum,
                  [](const Tensor& out, const Tensor& y) { return F::cross_entropy(out, y); });
}

struct BlockImpl : nn::Module {
  BlockImpl() {
    norm1 = register_module("norm1", nn::LayerNorm(nn::LayerNormOptions({kBlockWidth})));
    query = register_module("query", nn::Linear(kBlockWidth, kBlockWidth));
    key = register_module("key", nn::Linear(kBlockWidth, kBlockWidth));
    value = register_module("value", nn::Linear(kBlockWidth, kBlockWidth));
    out = register_module("out", nn::Linear(kBlockWidth, kBlockWidth));
    norm2 = register_module("norm2", nn::LayerNorm(nn::LayerNormOptions({kBlockWidth})));
    up = register_module("up", nn::Linear(kBlockWidth, kBlockHidden));
    down = register_module("down", nn::Linear(kBlockHidden, kBlockWidth));
  }
  Tensor forward(Tensor x) {
    auto h = norm1(x);
    auto scores = matmul(query(h), key(h).transpose(-2, -1)) / std::sqrt(static_cast<double>(kBlockWidth));
    x = x + out(matmul(softmax(scores, -1), value(h)));
    return x + down(gelu(up(norm2(x))));
  }
  nn::LayerNorm norm1{nullptr}, norm2{nullptr};
  nn::Linear query{nullptr}, key{nullptr}, value{nullptr}, out{nullptr}, up{nullptr}, down{nullptr};
};
KILN_MODULE(Block);

Workload block(bool compiled) {
  Block model;
  auto x = randn({kBlockBatch, kBlockSequence, kBlockWidth});
  return training(compiled, model, x, randn_like(x), kMomentum,
                  [](const Tensor& out, const Tensor& y) { return F::mse_loss(out, y); });
}

struct CharModelImpl : nn::Module {
  CharModelImpl() {
    tokens = register_module("tokens", nn::Embedding(kCharVocabulary, kCharWidth));
    positions = register_module("positions", nn::Embedding(kCharSequence, kCharWidth));
    nn::TransformerEncoderLayer layer(nn::TransformerEncoderLayerOptions(kCharWidth, kCharHeads)
                                          .dim_feedforward(kCharHidden)
                                          .dropout(0)
                                          .activation(kGELU));
    encoder =
        register_module("encoder", nn::TransformerEncoder(nn::TransformerEncoderOptions(layer, kCharLayers)));
    head = register_module("head", nn::Linear(kCharWidth, kCharVocabulary));
    auto place = arange(kCharSequence, kInt64);
    position = register_buffer("position", place.unsqueeze(1));
    auto later = place.unsqueeze(0).gt(place.unsqueeze(1));
    mask = register_buffer("mask", zeros({kCharSequence, kCharSequence}).masked_fill(later, -INFINITY));
  }
  Tensor forward(Tensor x) { // [sequence, batch]
    return head(encoder(tokens(x) + positions(position), mask));
  }
  nn::Embedding tokens{nullptr}, positions{nullptr};
  nn::TransformerEncoder encoder{nullptr};
  nn::Linear head{nullptr};
  Tensor position, mask;
};
KILN_MODULE(CharModel);

Workload char_lm(bool compiled) {
  CharModel model;
  auto parameters = model->parameters();
  auto adam = std::make_shared<optim::AdamW>(parameters, optim::AdamWOptions(3e-4));
  auto step = [=](Tensor input, Tensor target) mutable {
    adam->zero_grad();
    auto loss = F::cross_entropy(model(input).flatten(0, 1), target.flatten());
    loss.backward();
    adam->step();
    return loss;
  };
  auto draw = [] { return randint(kCharVocabulary, {kCharSequence, kCharBatch}); };
  return repeat(compiled, parameters.size() * 3, step, draw(), draw());
}

Workload adamw(bool compiled) {
  std::vector<Tensor> parameters;
  for (const auto& shape : adamw_shapes()) {
    parameters.push_back(randn(shape).requires_grad_());
    parameters.back().mutable_grad() = randn(shape);
  }
  auto adam = std::make_shared<optim::AdamW>(parameters, optim::AdamWOptions(3e-4));
  return repeat(compiled, parameters.size() * 3, [=] { adam->step(); });
}

Workload gemm(bool compiled, std::int64_t n) {
  return repeat(compiled, 0, [](Tensor a, Tensor b) { return matmul(a, b); }, randn({n, n}), randn({n, n}));
}

Workload pointwise(bool compiled) {
  return repeat(
      compiled, 0, [](Tensor a, Tensor b) { return gelu(a * b + 0.5) * a; }, randn({kPointwise}),
      randn({kPointwise}));
}

// What an op costs beside its arithmetic; there is nothing to compile.
Workload eager_add() {
  auto a = randn({kEagerAdd}), b = randn({kEagerAdd});
  return {[=] { a + b; }, [] { return Report{}; }, [] { return std::vector<jit::Kernel>(); }, 0};
}

// A step takes the next batch; there is nothing to compile.
Workload data_loader() {
  const auto directory = std::filesystem::temp_directory_path() / ("kiln-bench-" + std::to_string(getpid()));
  std::filesystem::create_directory(directory);
  write_noise_as_mnist(directory.string());
  data::datasets::MNIST images(directory.string());
  std::filesystem::remove_all(directory);
  auto loader = std::shared_ptr(data::make_data_loader<data::samplers::RandomSampler>(
      std::move(images).map(data::transforms::Stack<>()),
      data::DataLoaderOptions(kLoaderBatch).workers(1).drop_last(true)));
  auto next = [loader, at = loader->begin()]() mutable {
    if (at == loader->end()) at = loader->begin();
    ++at;
  };
  return {next, [] { return Report{}; }, [] { return std::vector<jit::Kernel>(); }, 0};
}

} // namespace

Workload make(const std::string& name, bool compiled) {
  if (name == "first_net") return first_net(compiled);
  if (starts_with(name, "mlp_b")) return mlp(compiled, size_of(name));
  if (name == "block") return block(compiled);
  if (name == "char_lm") return char_lm(compiled);
  if (name == "adamw") return adamw(compiled);
  if (starts_with(name, "gemm_")) return gemm(compiled, size_of(name));
  if (name == "data_loader") return data_loader();
  if (name == "eager_add") return eager_add();
  return pointwise(compiled);
}

std::function<void()> make_empty_step(std::size_t state) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < state; ++i)
    tensors.push_back(zeros({1}));
  auto body = [tensors](Tensor x) {
    NoGradGuard no_grad;
    for (Tensor tensor : tensors)
      tensor.add_(x);
    return x + 1;
  };
  auto fast = std::make_shared<decltype(jit::compile(body))>(jit::compile(body));
  return [fast, x = ones({1})] { (*fast)(x); };
}

} // namespace bench
