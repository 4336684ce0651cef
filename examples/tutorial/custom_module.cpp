// A module of one's own: parameters and buffers that it registers are found by name, trained and saved.
#include <kiln/kiln.h>

#include <iostream>

using namespace kiln;

/// x W + b, and how often it was asked.
struct AffineImpl : nn::Module {
  AffineImpl(std::int64_t in, std::int64_t out) {
    weight = register_parameter("weight", arange(in * out, kFloat32).reshape({in, out}));
    bias = register_parameter("bias", full({out}, 0.5f));
    calls = register_buffer("calls", zeros({}));
  }
  Tensor forward(Tensor x) {
    calls.add_(1);
    return matmul(x, weight) + bias;
  }
  Tensor weight, bias, calls;
};
KILN_MODULE(Affine);

int main() {
  Affine affine(2, 3);
  auto y = affine(tensor({{1.0, 2.0}, {3.0, 4.0}}));
  std::cout << y << "\n";
  y.sum().backward();
  for (const auto& item : affine->named_parameters())
    std::cout << item.key() << " has gradient\n" << item.value().grad() << "\n";
  for (const auto& item : affine->named_buffers())
    std::cout << item.key() << " = " << item.value().item<float>() << "\n";
}
