// A residual block adds what it computes to what came in. With its last layer at zero it is the identity, so
// that a deep stack starts as a shallow one and gradients reach the first block undiminished.
#include <kiln/kiln.h>

#include <cstdio>

using namespace kiln;

struct ResidualImpl : nn::Module {
  explicit ResidualImpl(std::int64_t width) {
    norm = register_module("norm", nn::LayerNorm(nn::LayerNormOptions({width})));
    up = register_module("up", nn::Linear(width, 2 * width));
    down = register_module("down", nn::Linear(2 * width, width));
    nn::init::zeros_(down->weight);
    nn::init::zeros_(down->bias);
  }
  Tensor forward(Tensor x) { return x + down(relu(up(norm(x)))); }
  nn::LayerNorm norm{nullptr};
  nn::Linear up{nullptr}, down{nullptr};
};
KILN_MODULE(Residual);

int main() {
  manual_seed(1);
  nn::Sequential deep;
  for (int i = 0; i < 8; ++i)
    deep->push_back(Residual(16));
  auto x = randn({4, 16}, requires_grad());
  auto y = deep->forward(x);
  std::printf("at first the stack changes its input by %g\n", (y - x).abs().max().item<double>());
  y.sum().backward();
  std::printf("the gradient that reaches the input is %g to %g\n", x.grad().min().item<double>(),
              x.grad().max().item<double>());

  optim::SGD sgd(deep->parameters(), optim::SGDOptions(0.05));
  auto target = -x.detach();
  auto step = jit::compile([&](Tensor input, Tensor wanted) {
    sgd.zero_grad();
    auto loss = nn::functional::mse_loss(deep->forward(input), wanted);
    loss.backward();
    sgd.step();
    return loss;
  });
  double first = 0, last = 0;
  for (int i = 0; i < 100; ++i) {
    last = step(x.detach(), target).item<double>();
    if (i == 0) first = last;
  }
  std::printf("loss %.4f, after 100 steps %.4f\n", first, last);
}
