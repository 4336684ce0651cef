// The workloads of kiln-bench written with LibTorch, as its users write them. C++17: LibTorch 1.13's headers.
// One JSON object: workload threads median_ms min_ms.
#include "timing.h"
#include "workloads.h"

#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>

namespace {

using Step = std::function<void()>;
namespace F = torch::nn::functional;

Step first_net() {
  torch::nn::Sequential model(torch::nn::Linear(bench::kFirstIn, bench::kFirstHidden), torch::nn::ReLU(),
                              torch::nn::Linear(bench::kFirstHidden, bench::kFirstOut));
  auto sgd = std::make_shared<torch::optim::SGD>(model->parameters(), torch::optim::SGDOptions(0.01));
  auto x = torch::randn({bench::kFirstBatch, bench::kFirstIn}),
       y = torch::randn({bench::kFirstBatch, bench::kFirstOut});
  return [=]() mutable {
    sgd->zero_grad();
    auto loss = torch::mse_loss(model->forward(x), y);
    loss.backward();
    sgd->step();
  };
}

Step mlp(std::int64_t batch) {
  using namespace torch::nn;
  Sequential model(Linear(bench::kMlpIn, bench::kMlpHidden), ReLU(), Dropout(bench::kDropout),
                   Linear(bench::kMlpHidden, bench::kMlpHidden), ReLU(), Dropout(bench::kDropout),
                   Linear(bench::kMlpHidden, bench::kMlpOut));
  auto sgd = std::make_shared<torch::optim::SGD>(model->parameters(),
                                                 torch::optim::SGDOptions(0.01).momentum(bench::kMomentum));
  auto x = torch::randn({batch, bench::kMlpIn}), y = torch::randint(bench::kMlpOut, {batch}, torch::kLong);
  return [=]() mutable {
    sgd->zero_grad();
    auto loss = F::cross_entropy(model->forward(x), y);
    loss.backward();
    sgd->step();
  };
}

struct BlockImpl : torch::nn::Module {
  BlockImpl() {
    using torch::nn::Linear;
    auto d = bench::kBlockWidth;
    norm1 = register_module("norm1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d})));
    query = register_module("query", Linear(d, d));
    key = register_module("key", Linear(d, d));
    value = register_module("value", Linear(d, d));
    out = register_module("out", Linear(d, d));
    norm2 = register_module("norm2", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d})));
    up = register_module("up", Linear(d, bench::kBlockHidden));
    down = register_module("down", Linear(bench::kBlockHidden, d));
  }
  torch::Tensor forward(torch::Tensor x) {
    auto h = norm1(x);
    auto scores = torch::matmul(query(h), key(h).transpose(-2, -1)) / std::sqrt(double(bench::kBlockWidth));
    x = x + out(torch::matmul(torch::softmax(scores, -1), value(h)));
    return x + down(torch::gelu(up(norm2(x))));
  }
  torch::nn::LayerNorm norm1{nullptr}, norm2{nullptr};
  torch::nn::Linear query{nullptr}, key{nullptr}, value{nullptr}, out{nullptr}, up{nullptr}, down{nullptr};
};
TORCH_MODULE(Block);

Step block() {
  Block model;
  auto sgd = std::make_shared<torch::optim::SGD>(model->parameters(),
                                                 torch::optim::SGDOptions(0.01).momentum(bench::kMomentum));
  auto x = torch::randn({bench::kBlockBatch, bench::kBlockSequence, bench::kBlockWidth}),
       y = torch::randn_like(x);
  return [=]() mutable {
    sgd->zero_grad();
    auto loss = torch::mse_loss(model->forward(x), y);
    loss.backward();
    sgd->step();
  };
}

struct CharModelImpl : torch::nn::Module {
  CharModelImpl() {
    using namespace torch::nn;
    auto d = bench::kCharWidth;
    tokens = register_module("tokens", Embedding(bench::kCharVocabulary, d));
    positions = register_module("positions", Embedding(bench::kCharSequence, d));
    TransformerEncoderLayer layer(TransformerEncoderLayerOptions(d, bench::kCharHeads)
                                      .dim_feedforward(bench::kCharHidden)
                                      .dropout(0)
                                      .activation(torch::kGELU));
    encoder =
        register_module("encoder", TransformerEncoder(TransformerEncoderOptions(layer, bench::kCharLayers)));
    head = register_module("head", Linear(d, bench::kCharVocabulary));
    place = register_buffer("place", torch::arange(bench::kCharSequence).unsqueeze(1));
    mask =
        register_buffer("mask", torch::full({bench::kCharSequence, bench::kCharSequence}, -INFINITY).triu(1));
  }
  torch::Tensor forward(torch::Tensor x) { // [sequence, batch]
    return head(encoder(tokens(x) + positions(place), mask));
  }
  torch::nn::Embedding tokens{nullptr}, positions{nullptr};
  torch::nn::TransformerEncoder encoder{nullptr};
  torch::nn::Linear head{nullptr};
  torch::Tensor place, mask;
};
TORCH_MODULE(CharModel);

Step char_lm() {
  CharModel model;
  auto adam = std::make_shared<torch::optim::AdamW>(model->parameters(), torch::optim::AdamWOptions(3e-4));
  auto draw = [] {
    return torch::randint(bench::kCharVocabulary, {bench::kCharSequence, bench::kCharBatch}, torch::kLong);
  };
  auto x = draw(), y = draw();
  return [=]() mutable {
    adam->zero_grad();
    auto loss = F::cross_entropy(model(x).flatten(0, 1), y.flatten());
    loss.backward();
    adam->step();
  };
}

Step adamw() {
  std::vector<torch::Tensor> parameters;
  for (const auto& shape : bench::adamw_shapes()) {
    parameters.push_back(torch::randn(shape).requires_grad_());
    parameters.back().mutable_grad() = torch::randn(shape);
  }
  auto adam = std::make_shared<torch::optim::AdamW>(parameters, torch::optim::AdamWOptions(3e-4));
  return [=] { adam->step(); };
}

Step gemm(std::int64_t n) {
  auto a = torch::randn({n, n}), b = torch::randn({n, n});
  return [=] {
    torch::NoGradGuard no_grad;
    torch::matmul(a, b);
  };
}

Step pointwise() {
  auto a = torch::randn({bench::kPointwise}), b = torch::randn({bench::kPointwise});
  return [=] {
    torch::NoGradGuard no_grad;
    torch::gelu(a * b + 0.5) * a;
  };
}

Step eager_add() {
  auto a = torch::randn({bench::kEagerAdd}), b = torch::randn({bench::kEagerAdd});
  return [=] { a + b; };
}

Step data_loader() {
  char directory[] = "/tmp/torch-bench-XXXXXX";
  if (!mkdtemp(directory)) throw std::runtime_error("cannot make a directory");
  bench::write_noise_as_mnist(directory);
  torch::data::datasets::MNIST images(directory);
  std::system(("rm -r " + std::string(directory)).c_str());
  auto loader = std::shared_ptr(torch::data::make_data_loader<torch::data::samplers::RandomSampler>(
      std::move(images).map(torch::data::transforms::Stack<>()),
      torch::data::DataLoaderOptions(bench::kLoaderBatch).workers(1).drop_last(true)));
  auto at = std::make_shared<decltype(loader->begin())>(loader->begin());
  return [loader, at] {
    if (*at == loader->end()) *at = loader->begin();
    ++*at;
  };
}

Step make(const std::string& name) {
  if (name == "first_net") return first_net();
  if (bench::starts_with(name, "mlp_b")) return mlp(bench::size_of(name));
  if (name == "block") return block();
  if (name == "char_lm") return char_lm();
  if (name == "adamw") return adamw();
  if (bench::starts_with(name, "gemm_")) return gemm(bench::size_of(name));
  if (name == "data_loader") return data_loader();
  if (name == "eager_add") return eager_add();
  return pointwise();
}

} // namespace

int main(int argc, char** argv) {
  std::string workload;
  int threads = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string option = argv[i];
    if (option == "--workload")
      workload = argv[i + 1];
    else if (option == "--threads")
      threads = std::atoi(argv[i + 1]);
  }
  const auto& names = bench::workloads();
  if (std::find(names.begin(), names.end(), workload) == names.end() || threads < 1) {
    std::fprintf(stderr, "usage: torch-bench --workload NAME [--threads N]\n");
    return 2;
  }
  // OpenBLAS reads its own variable before main; compare.sh sets it to the same number.
  torch::set_num_threads(threads);
  torch::manual_seed(1);
  auto times = bench::measure(make(workload));
  std::cout << nlohmann::ordered_json{{"workload", workload},
                                      {"threads", threads},
                                      {"median_ms", times.median_ms},
                                      {"min_ms", times.min_ms}}
            << std::endl;
}
