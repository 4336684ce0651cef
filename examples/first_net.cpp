// The first network of LibTorch's tutorials, in both its forms, trained eagerly and compiled:
//   1. a Sequential on random data, mean squared error, SGD 0.01, 50 epochs;
//   2. a class of one's own on a task that can be learnt, binary cross-entropy, SGD 0.1, 100 epochs.
#include <kiln/kiln.h>

#include <cstdio>
#include <functional>
#include <iostream>

using namespace kiln;

namespace {

void train_sequential() {
  manual_seed(1);
  nn::Sequential net(nn::Linear(10, 5), nn::ReLU(), nn::Linear(5, 1));
  std::cout << net << "\n";
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.01));
  auto x = randn({10, 10}), y = randn({10, 1});

  for (int epoch = 1; epoch <= 50; ++epoch) {
    sgd.zero_grad();
    auto loss = nn::functional::mse_loss(net->forward(x), y);
    loss.backward();
    sgd.step();
    if (epoch % 10 == 0) std::printf("epoch %2d  loss %.6f\n", epoch, loss.item<float>());
  }
}

struct NetImpl : nn::Module {
  NetImpl() {
    hidden = register_module("hidden", nn::Linear(10, 5));
    out = register_module("out", nn::Linear(5, 1));
  }
  Tensor forward(Tensor x) { return sigmoid(out(relu(hidden(x)))); }

  nn::Linear hidden{nullptr}, out{nullptr};
};
KILN_MODULE(Net);

/// Trains a new net from the same seed, with the step as it is or compiled; returns the last loss.
float train_class(bool compiled) {
  manual_seed(1);
  Net net;
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.1));
  auto x = randn({100, 10});
  auto y = x.sum({1}, true).gt(0).to(kFloat32); // is the sum of the inputs positive?

  auto step = [&](Tensor input, Tensor target) {
    sgd.zero_grad();
    auto loss = nn::functional::binary_cross_entropy(net->forward(input), target);
    loss.backward();
    sgd.step();
    return loss;
  };
  auto fast = jit::compile(step); // one program: forward, backward and update

  Tensor loss;
  for (int epoch = 1; epoch <= 100; ++epoch) {
    loss = compiled ? fast(x, y) : step(x, y);
    if (epoch % 20 == 0) std::printf("epoch %3d  loss %.6f\n", epoch, loss.item<float>());
  }
  if (compiled) std::cout << fast.explain();
  return loss.item<float>();
}

} // namespace

int main() try {
  std::printf("Sequential, mean squared error, SGD 0.01\n");
  train_sequential();
  std::printf("\nA class, binary cross-entropy, SGD 0.1\n");
  float eager = train_class(false);
  std::printf("\nThe same step, compiled\n");
  float compiled = train_class(true);
  std::printf("last loss: eager %.6f, compiled %.6f\n", eager, compiled);
} catch (const Error& error) {
  std::fprintf(stderr, "first_net: %s\n", error.what());
  return 1;
}
