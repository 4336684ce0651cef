// Pins what the compiler makes of whole training steps: number and kind of kernels, what is fused into which,
// and that memory stays near the lower bound. A change here is a change of the compiler's main promise: make
// it on purpose.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace kiln;

namespace {

struct MlpImpl : nn::Module {
  MlpImpl() {
    fc1 = register_module("fc1", nn::Linear(784, 256));
    fc2 = register_module("fc2", nn::Linear(256, 256));
    fc3 = register_module("fc3", nn::Linear(256, 10));
    drop = register_module("drop", nn::Dropout(0.2));
  }
  Tensor forward(const Tensor& x) { return fc3(drop(relu(fc2(drop(relu(fc1(x))))))); }
  nn::Linear fc1{nullptr}, fc2{nullptr}, fc3{nullptr};
  nn::Dropout drop{nullptr};
};
KILN_MODULE(Mlp);

template <class Net, class Optimizer> auto training_step(Net& net, Optimizer& optimizer) {
  return jit::compile([&](const Tensor& x, const Tensor& y) {
    optimizer.zero_grad();
    const Tensor loss = nn::functional::cross_entropy(net->forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
}

std::map<std::string, int> count_kinds(const std::vector<jit::Kernel>& kernels) {
  std::map<std::string, int> kinds;
  for (const auto& kernel : kernels)
    ++kinds[kernel.kind];
  return kinds;
}
bool fuses(const jit::Kernel& kernel, const std::string& op) {
  return std::count(kernel.ops.begin(), kernel.ops.end(), op) > 0;
}
std::string list(const std::vector<jit::Kernel>& kernels) {
  std::string text;
  for (const auto& kernel : kernels) {
    text += kernel.name + " [" + kernel.kind + "]:";
    for (const auto& op : kernel.ops)
      text += " " + op;
    text += "\n";
  }
  return text;
}

int occurrences(const std::string& text, const std::string& what) {
  int count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at)
    ++count;
  return count;
}

} // namespace

TEST_CASE("the MLP's training step") {
  manual_seed(0);
  Mlp net;
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.1).momentum(0.9));
  auto step = training_step(net, sgd);
  step(rand({64, 784}), randint(10, {64}));
  const auto kernels = step.kernels();
  INFO(list(kernels));
  auto kinds = count_kinds(kernels);
  // Three products forward, three for weights, two for activations.
  REQUIRE(kinds["contraction"] == 8);
  // How many targets count, losses and their gradients in one pass over the logits, and the mean of the
  // losses.
  REQUIRE(kinds["row_reduce"] == 3);
  // Bias gradients.
  REQUIRE(kinds["column_reduce"] == 3);
  // All updates of weights, biases and momenta in one kernel.
  REQUIRE(kinds["multi"] == 1);
  // Nothing else: no elementwise pass of its own, no transposition, no copy.
  REQUIRE(kinds["loop"] == 0);
  REQUIRE(kinds["scatter"] == 0);
  int with_dropout = 0;
  for (const auto& kernel : kernels)
    if (kernel.kind == "contraction" && fuses(kernel, "uniform")) {
      ++with_dropout;
      REQUIRE(fuses(kernel, "add"));
    }
  // Bias, ReLU and dropout are in the products' epilogues; backward reads the mask off the saved activations.
  REQUIRE(with_dropout == 2);
  for (const auto& kernel : kernels)
    REQUIRE_FALSE((kernel.kind != "contraction" && fuses(kernel, "transpose")));
  REQUIRE(static_cast<double>(step.memory().peak) <= 1.2 * static_cast<double>(step.memory().lower_bound));
}

TEST_CASE("dropout behind GELU keeps a byte an element for backward, not a float and not a kernel") {
  manual_seed(0);
  nn::Sequential net(nn::Linear(784, 256), nn::GELU(), nn::Dropout(0.2), nn::Linear(256, 256), nn::GELU(),
                     nn::Dropout(0.2), nn::Linear(256, 10));
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.1));
  auto step = training_step(net, sgd);
  step(rand({64, 784}), randint(10, {64}));
  const auto kernels = step.kernels();
  INFO(list(kernels));
  auto kinds = count_kinds(kernels);
  REQUIRE(kinds["contraction"] == 8);
  REQUIRE(kinds["loop"] == 0);
  // Bits are drawn once, in the epilogue of the product that they drop from; backward's epilogues read them.
  int drawing = 0, dropping_backward = 0;
  for (const auto& kernel : kernels) {
    const bool drops = kernel.kind == "contraction" && fuses(kernel, "where");
    if (fuses(kernel, "uniform")) {
      REQUIRE(drops);
      ++drawing;
    } else if (drops) {
      ++dropping_backward;
    }
  }
  REQUIRE(drawing == 2);
  REQUIRE(dropping_backward == 2);
  // A layer hands on its product with bias, its result and the mask, nothing else of their size.
  const std::string planned = step.ir(jit::Stage::Planned);
  REQUIRE(occurrences(planned, "-> (tensor<64x256xf32>, tensor<64x256xi1>, tensor<64x256xf32>)") == 2);
  REQUIRE(static_cast<double>(step.memory().peak) <= 1.2 * static_cast<double>(step.memory().lower_bound));
}

TEST_CASE("a softmax between two products, forward and backward") {
  Tensor q = randn({2, 32, 16}).requires_grad_(), k = randn({2, 32, 16}).requires_grad_(),
         v = randn({2, 32, 16}).requires_grad_();
  auto step = jit::compile([&] {
    const Tensor weights = softmax(matmul(q, k.transpose(1, 2)) / 4.0, -1);
    matmul(weights, v).sum().backward();
  });
  step();
  const auto kernels = step.kernels();
  INFO(list(kernels));
  auto kinds = count_kinds(kernels);
  // Two forward, of which the second's value is only summed, and four gradients less what folds away.
  REQUIRE(kinds["contraction"] <= 6);
  REQUIRE(kinds["row_reduce"] <= 3);
  REQUIRE(kinds["scatter"] == 0);
}

TEST_CASE("heads cut out of one projection, whichever way it is written") {
  constexpr int kBatch = 2, kLength = 16, kHeads = 4, kSize = 32;
  nn::Linear projection(kSize, 3 * kSize);
  const bool permuted = GENERATE(false, true);
  auto step = jit::compile([&](const Tensor& x) {
    const Tensor all = projection(x);
    std::vector<Tensor> parts;
    if (permuted) {
      const Tensor heads = all.view({kBatch, kLength, 3, kHeads, -1}).permute({2, 0, 3, 1, 4});
      parts = {heads[0], heads[1], heads[2]};
    } else {
      for (const Tensor& part : all.chunk(3, -1))
        parts.push_back(part.view({kBatch, kLength, kHeads, -1}).transpose(1, 2));
    }
    const Tensor weights = softmax(matmul(parts[0], parts[1].transpose(-2, -1)) / 2.0, -1);
    const Tensor merged = matmul(weights, parts[2]).transpose(1, 2).reshape({kBatch, kLength, kSize});
    merged.square().sum().backward();
  });
  step(randn({kBatch, kLength, kSize}));
  const auto kernels = step.kernels();
  INFO(list(kernels));
  auto kinds = count_kinds(kernels);
  // The projection and two products forward; four gradients of those two; the projection's weight.
  REQUIRE(kinds["contraction"] == 8);
  // The gradients of queries, keys and values, each stored by its product as the projection has it, in one
  // tensor.
  REQUIRE(kinds["scatter"] == 1);
  for (const auto& kernel : kernels)
    REQUIRE_FALSE((kernel.kind != "contraction" && fuses(kernel, "transpose")));
}

TEST_CASE("a Transformer's training step") {
  constexpr int kLayers = 2;
  nn::TransformerEncoder encoder(nn::TransformerEncoderOptions(
      nn::TransformerEncoderLayerOptions(64, 4).dim_feedforward(128).dropout(0.1).activation(kGELU),
      kLayers));
  nn::Linear head(64, 10);
  std::vector<Tensor> parameters = encoder->parameters();
  for (const Tensor& parameter : head->parameters())
    parameters.push_back(parameter);
  optim::SGD sgd(parameters, optim::SGDOptions(0.1));
  const Tensor mask = nn::TransformerImpl::generate_square_subsequent_mask(32);
  auto step = jit::compile([&](const Tensor& x, const Tensor& y) {
    sgd.zero_grad();
    const Tensor loss = nn::functional::cross_entropy(head(encoder(x, mask)).flatten(0, 1), y);
    loss.backward();
    sgd.step();
    return loss;
  });
  step(randn({32, 8, 64}), randint(10, {256}));
  const auto kernels = step.kernels();
  INFO(list(kernels));
  auto kinds = count_kinds(kernels);
  // A layer: six products forward (queries, keys and values are one), of each two gradients, less the first
  // input's. The head: one and two.
  REQUIRE(kinds["contraction"] == 18 * kLayers - 1 + 3);
  // Heads are looked at where they lie and stored where they are wanted: no transposition of its own. The
  // gradients of queries, keys and values become one tensor.
  for (const auto& kernel : kernels)
    REQUIRE_FALSE((kernel.kind != "contraction" && fuses(kernel, "transpose")));
  REQUIRE(kinds["scatter"] == kLayers);
  REQUIRE(kinds["multi"] == 1);
  // The head's gradient times the last norm's weight, which a row reduction and an epilogue read.
  REQUIRE(kinds["loop"] <= 1);
  // A layer: softmax and two norms, forward and backward.
  REQUIRE(kinds["row_reduce"] == 6 * kLayers + 3);
  // A layer's four dropouts draw their bits once, each in a kernel that does something else too; backward
  // reads a byte an element.
  const auto drawing = std::count_if(kernels.begin(), kernels.end(),
                                     [](const jit::Kernel& kernel) { return fuses(kernel, "uniform"); });
  REQUIRE(drawing == 4 * kLayers);
  const std::string planned = step.ir(jit::Stage::Planned);
  REQUIRE(occurrences(planned, "kiln.uniform") == 4 * kLayers);
}

TEST_CASE("a chain of elementwise functions is one kernel") {
  auto f = jit::compile([](const Tensor& a, const Tensor& b) { return gelu(a * b + 0.5) * a; });
  f(randn({1000}), randn({1000}));
  const auto kernels = f.kernels();
  REQUIRE(kernels.size() == 1);
  REQUIRE(kernels[0].kind == "loop");
}

TEST_CASE("AdamW's update of many tensors is one kernel") {
  std::vector<Tensor> parameters;
  for (int i = 1; i <= 20; ++i)
    parameters.push_back(randn({i, 33}).requires_grad_());
  optim::AdamW adam(parameters, optim::AdamWOptions(0.01));
  for (auto& p : parameters)
    p.mutable_grad() = randn_like(p);
  auto step = jit::compile([&] { adam.step(); });
  step();
  const auto kernels = step.kernels();
  INFO(list(kernels));
  // With the running products of the two betas, which each update computes for itself from the old ones.
  REQUIRE(kernels.size() == 1);
  REQUIRE(kernels[0].kind == "multi");
}

TEST_CASE("the updates of six hundred tensors are one kernel") {
  std::vector<Tensor> parameters;
  for (int i = 0; i < 600; ++i)
    parameters.push_back(full({1 + i % 7, 3}, 1.0 * i).requires_grad_());
  optim::SGD sgd(parameters, optim::SGDOptions(0.5));
  for (auto& p : parameters)
    p.mutable_grad() = ones_like(p);
  auto step = jit::compile([&] { sgd.step(); });
  step();
  const auto kernels = step.kernels();
  INFO(list(kernels));
  REQUIRE(kernels.size() == 1);
  for (int i = 0; i < 600; ++i)
    REQUIRE(parameters[static_cast<std::size_t>(i)].detach().sub(i - 0.5).abs().sum().item<float>() == 0);
}

TEST_CASE("the MLP's training step with Adam has one kernel for all updates") {
  manual_seed(0);
  Mlp net;
  optim::Adam adam(net->parameters(), optim::AdamOptions(0.001));
  auto step = training_step(net, adam);
  step(rand({64, 784}), randint(10, {64}));
  const auto kernels = step.kernels();
  INFO(list(kernels));
  auto kinds = count_kinds(kernels);
  REQUIRE(kinds["contraction"] == 8);
  REQUIRE(kinds["multi"] == 1);
  REQUIRE(kinds["loop"] == 0);
  REQUIRE(kinds["scatter"] == 0);
}

TEST_CASE("layer norm and its gradient make few passes") {
  Tensor x = randn({64, 128}).requires_grad_(), weight = ones({128}).requires_grad_(),
         bias = zeros({128}).requires_grad_();
  auto step = jit::compile([&] {
    const Tensor y = layer_norm(x, {128}, weight, bias);
    (y * y).sum().backward();
  });
  step();
  const auto kernels = step.kernels();
  INFO(list(kernels));
  // Rows forward and backward, columns for weight and bias.
  REQUIRE(kernels.size() <= 5);
}
