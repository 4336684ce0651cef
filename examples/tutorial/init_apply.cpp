// Initialising parameters: apply() calls a function on every module; nn::init has the usual distributions.
#include <kiln/kiln.h>

#include <cstdio>

using namespace kiln;

void normal_weights(nn::Module& module) {
  if (auto* linear = module.as<nn::Linear>()) {
    nn::init::normal_(linear->weight, 0, 0.01);
    nn::init::zeros_(linear->bias);
  }
}

void xavier(nn::Module& module) {
  if (auto* linear = module.as<nn::Linear>()) nn::init::xavier_uniform_(linear->weight);
}

void report(const char* what, nn::Sequential& net) {
  for (const auto& item : net->named_parameters()) {
    const Tensor value = item.value().detach().flatten();
    std::printf("%s %s: mean %.4f, std %.4f, largest %.4f\n", what, item.key().c_str(),
                value.mean().item<float>(), value.std().item<float>(), value.abs().max().item<float>());
  }
}

int main() {
  manual_seed(1);
  nn::Sequential net(nn::Linear(200, 100), nn::ReLU(), nn::Linear(100, 50));
  net->apply(normal_weights);
  report("normal", net);
  net->apply(xavier);
  report("xavier", net);

  // One layer alone, and a value of one's own.
  auto first = net->ptr<nn::LinearImpl>(0);
  nn::init::constant_(first->weight, 42);
  {
    NoGradGuard no_grad;
    first->bias += 1;
  }
  std::printf("first weight %.1f, first bias %.1f\n", first->weight[0][0].item<float>(),
              first->bias[0].item<float>());
}
