// A multilayer perceptron that learns a curve: sin(x) from 128 points, eagerly and with the step compiled.
#include <kiln/kiln.h>

#include <cstdio>

using namespace kiln;

struct MLPImpl : nn::Module {
  MLPImpl(std::int64_t in, std::int64_t hidden, std::int64_t out)
      : hidden1(register_module("hidden1", nn::Linear(in, hidden))),
        hidden2(register_module("hidden2", nn::Linear(hidden, hidden))),
        output(register_module("output", nn::Linear(hidden, out))) {}
  Tensor forward(Tensor x) { return output(tanh(hidden2(tanh(hidden1(x))))); }
  nn::Linear hidden1, hidden2, output;
};
KILN_MODULE(MLP);

float train(bool compiled) {
  manual_seed(1);
  MLP net(1, 32, 1);
  optim::Adam adam(net->parameters(), optim::AdamOptions(0.01));
  auto x = linspace(-3.14159, 3.14159, 128).unsqueeze(1), y = sin(x);
  auto step = [&](Tensor input, Tensor target) {
    adam.zero_grad();
    auto loss = nn::functional::mse_loss(net(input), target);
    loss.backward();
    adam.step();
    return loss;
  };
  auto fast = jit::compile(step);
  float loss = 0;
  for (int i = 1; i <= 500; ++i) {
    loss = (compiled ? fast(x, y) : step(x, y)).item<float>();
    if (i == 1 || i % 100 == 0)
      std::printf("%s step %3d  loss %.6f\n", compiled ? "compiled" : "eager", i, loss);
  }
  return loss;
}

int main() {
  const float eager = train(false), compiled = train(true);
  std::printf("last loss: eager %.6f, compiled %.6f\n", eager, compiled);
}
