// Causal self-attention with several heads: each place in a sequence looks at itself and at what came before.
#include <kiln/kiln.h>

#include <cmath>
#include <cstdio>

using namespace kiln;

struct AttentionImpl : nn::Module {
  AttentionImpl(std::int64_t width, std::int64_t heads) : heads(heads) {
    in = register_module("in", nn::Linear(width, 3 * width));
    out = register_module("out", nn::Linear(width, width));
  }
  Tensor forward(Tensor x) { // [batch, sequence, width]
    auto batch = x.size(0), length = x.size(1), width = x.size(2), part = width / heads;
    auto parts = in(x).chunk(3, -1);
    auto split = [&](const Tensor& t) { return t.reshape({batch, length, heads, part}).transpose(1, 2); };
    auto place = arange(length, kInt64);
    auto later = place.unsqueeze(0).gt(place.unsqueeze(1));
    auto scores = matmul(split(parts[0]), split(parts[1]).transpose(2, 3)) / std::sqrt(double(part));
    weights = softmax(scores.masked_fill(later, -INFINITY), -1);
    return out(matmul(weights, split(parts[2])).transpose(1, 2).reshape({batch, length, width}));
  }
  std::int64_t heads;
  nn::Linear in{nullptr}, out{nullptr};
  Tensor weights; ///< of the last call, to look at: [batch, heads, sequence, sequence]
};
KILN_MODULE(Attention);

int main() {
  manual_seed(1);
  Attention attention(32, 4);
  auto x = randn({2, 6, 32});
  auto y = attention(x);
  std::printf("weights of a place sum to one: off by %.1g\n",
              (attention->weights.sum({-1}) - 1).abs().max().item<double>());
  std::printf("weight on the future: %g\n", attention->weights[0][0][2][3].item<double>());

  // Another last character changes what stands there, and nothing before it.
  auto other = x.clone();
  other.select(1, 5).add_(1);
  auto change = (attention(other) - y).abs().amax({0, 2});
  std::printf("change at places 0 to 4: %g, at 5: %s\n", change.narrow(0, 0, 5).max().item<double>(),
              change[5].item<double>() > 1e-3 ? "some" : "none");
}
