// Hooks: looking into a model, and changing what flows through it, without touching its class.
#include <kiln/kiln.h>

#include <cstdio>

using namespace kiln;

int main() {
  manual_seed(1);
  nn::Sequential net(nn::Linear(8, 16), nn::ReLU(), nn::Linear(16, 4));
  const Tensor x = randn({32, 8});

  // After each forward: what a layer returned. A hook that returns nothing only looks.
  std::vector<nn::RemovableHandle> handles;
  for (const auto& layer : net->named_children())
    handles.push_back(layer.value()->register_forward_hook([name = layer.key()](nn::Module&, Tensor,
                                                                                Tensor out) {
      std::printf("layer %s returned [%ld, %ld], %.0f %% of it above 0\n", name.c_str(), long(out.size(0)),
                  long(out.size(1)), 100 * (out > 0).to(kFloat32).mean().item<double>());
    }));
  net(x);
  for (nn::RemovableHandle& handle : handles)
    handle.remove();

  // Before forward: what goes in may be replaced. Here, noise while training.
  auto noise = net->register_forward_pre_hook(
      [](nn::Module& module, Tensor in) { return module.is_training() ? in + 0.1 * randn_like(in) : in; });
  std::printf("training, two calls agree: %s\n", net(x).equal(net(x)) ? "yes" : "no");
  net->eval();
  std::printf("evaluating, two calls agree: %s\n", net(x).equal(net(x)) ? "yes" : "no");
  noise.remove();

  // In backward(): the gradients that leave a layer may be replaced. Here, none is longer than 1e-3.
  net->ptr(2)->register_full_backward_hook([](nn::Module&, Tensor grad_in, Tensor) {
    return grad_in * clamp_max(1e-3 / (grad_in.norm() + 1e-12), 1);
  });
  auto first = net->ptr<nn::LinearImpl>(0);
  auto body = [&](Tensor input) {
    net->zero_grad();
    const Tensor loss = square(net(input)).mean();
    loss.backward();
    return loss;
  };
  body(x);
  std::printf("gradient of the first layer: %.6f\n", first->weight.grad().norm().item<double>());

  // All of this is part of what jit::compile captures; a hook that comes or goes is noticed.
  auto step = jit::compile(body);
  step(x);
  std::printf("compiled: %.6f\n", first->weight.grad().norm().item<double>());
  net->register_forward_hook([](nn::Module&, Tensor, Tensor out) { return out * 0; });
  std::printf("loss with the output muted: %.1f, %d programs\n", step(x).item<double>(), step.programs());
}
