// A training program as LibTorch's documentation writes them, word for word in its names: it must compile
// with frontend/compat on the include path, learn, and read back what it saved.
#include <torch/torch.h>

#include <cstdio>
#include <iostream>

struct Net : torch::nn::Module {
  Net() {
    fc1 = register_module("fc1", torch::nn::Linear(2, 16));
    fc2 = register_module("fc2", torch::nn::Linear(torch::nn::LinearOptions(16, 1).bias(true)));
  }
  torch::Tensor forward(torch::Tensor x) {
    x = torch::tanh(fc1->forward(x));
    return torch::sigmoid(fc2->forward(x));
  }
  torch::nn::Linear fc1{nullptr}, fc2{nullptr};
};

// The other way round than forward, as programs write it that train a network against its own loss.
struct Reverse : torch::autograd::Function<Reverse> {
  static torch::Tensor forward(torch::autograd::AutogradContext* ctx, torch::Tensor x, double scale) {
    ctx->saved_data["scale"] = scale;
    return x.view_as(x);
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* ctx,
                                               torch::autograd::tensor_list grads) {
    return {-ctx->saved_data["scale"].toDouble() * grads[0], torch::Tensor()};
  }
};

bool reverses() {
  namespace F = torch::nn::functional;
  const torch::Tensor x = torch::tensor({0.25, 3.0}).requires_grad_();
  torch::Tensor loss = F::smooth_l1_loss(Reverse::apply(x, 2.0), torch::zeros({2}),
                                         F::SmoothL1LossFuncOptions().reduction(torch::kSum), 0.5);
  loss.backward();
  return torch::allclose(loss, torch::tensor(0.0625 + 2.75)) &&
         torch::allclose(x.grad(), torch::tensor({-1.0, -2.0}));
}

int main() {
  if (!reverses()) {
    std::cerr << "a function's own gradient is another\n";
    return 1;
  }
  torch::manual_seed(1);
  auto net = std::make_shared<Net>();
  torch::optim::Adam optimizer(net->parameters(), torch::optim::AdamOptions(5e-2).betas({0.9, 0.99}));
  const torch::Tensor inputs =
      torch::tensor({{0.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}, {1.0, 1.0}}, torch::kFloat32);
  const torch::Tensor labels = torch::tensor({0.0, 1.0, 1.0, 0.0}, torch::kFloat32).view({4, 1});
  float loss_value = 0;
  for (int epoch = 0; epoch < 300; ++epoch) {
    optimizer.zero_grad();
    torch::Tensor loss = torch::nn::functional::binary_cross_entropy(net->forward(inputs), labels);
    loss.backward();
    optimizer.step();
    loss_value = loss.item<float>();
  }
  if (!(loss_value < 0.1f)) {
    std::cerr << "the loss stayed at " << loss_value << "\n";
    return 1;
  }

  torch::save(net, "xor.pt");
  auto again = std::make_shared<Net>();
  torch::load(again, "xor.pt");
  std::remove("xor.pt");
  torch::NoGradGuard no_grad;
  if (!torch::equal(again->forward(inputs), net->forward(inputs))) {
    std::cerr << "the network that was read gives other results\n";
    return 1;
  }
  const torch::Tensor guess = (net->forward(inputs) > 0.5).to(torch::kInt64).flatten();
  if (!guess.equal(torch::tensor({0, 1, 1, 0}, torch::kInt64))) {
    std::cerr << "guessed\n" << guess << "\n";
    return 1;
  }
}
