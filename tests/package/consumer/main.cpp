// Trains a line y = 2 x + 1, eagerly and with the whole step compiled; both must find it.
#include <kiln/kiln.h>

#include <cmath>
#include <cstdio>

using namespace kiln;

namespace {

struct LineImpl : nn::Module {
  LineImpl() { fc = register_module("fc", nn::Linear(1, 1)); }
  Tensor forward(Tensor x) { return fc(x); }
  nn::Linear fc{nullptr};
};
KILN_MODULE(Line);

bool found(const Line& line) {
  const double slope = line->fc->weight.item<float>(), offset = line->fc->bias.item<float>();
  std::printf("y = %.3f x + %.3f\n", slope, offset);
  return std::abs(slope - 2) < 0.02 && std::abs(offset - 1) < 0.02;
}

bool train(bool compiled) {
  manual_seed(1);
  Line line;
  optim::SGD sgd(line->parameters(), optim::SGDOptions(0.1));
  const Tensor x = rand({64, 1}), y = x * 2 + 1;
  auto body = [&](Tensor in, Tensor out) {
    sgd.zero_grad();
    Tensor loss = nn::functional::mse_loss(line(in), out);
    loss.backward();
    sgd.step();
    return loss;
  };
  if (compiled) {
    auto step = jit::compile(body);
    for (int i = 0; i < 1000; ++i)
      step(x, y);
  } else {
    for (int i = 0; i < 1000; ++i)
      body(x, y);
  }
  return found(line);
}

} // namespace

int main() {
  return train(false) && train(true) ? 0 : 1;
}
