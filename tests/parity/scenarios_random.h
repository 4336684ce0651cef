// Programs drawn at random: what nobody thought of writing next to each other. The same seed draws the same
// program for both libraries, eagerly and under capture.
#pragma once

#include <random>

namespace parity {

/// Makes the choices of one program, and holds the values that it has computed so far.
class Draw {
public:
  Draw(unsigned seed, std::vector<Tensor> values) : bits_(seed), values_(std::move(values)) {}

  std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>(bits_() % static_cast<std::uint64_t>(count));
  }
  std::int64_t dim(const Tensor& x) { return below(x.dim()); }
  Tensor value() {
    return values_[static_cast<std::size_t>(below(static_cast<std::int64_t>(values_.size())))];
  }
  /// One that broadcasts with x.
  Tensor partner(const Tensor& x) {
    const Tensor y = value();
    for (std::int64_t d = 1; d <= std::min(x.dim(), y.dim()); ++d)
      if (x.size(-d) != y.size(-d) && x.size(-d) != 1 && y.size(-d) != 1) return lib::sin(x);
    return y;
  }
  Tensor positions(std::int64_t count, std::int64_t end) {
    std::vector<std::int64_t> drawn;
    for (std::int64_t i = 0; i < count; ++i)
      drawn.push_back(below(end));
    return lib::tensor(drawn);
  }
  void keep(const Tensor& value) { values_.push_back(value); }
  const std::vector<Tensor>& values() const { return values_; }

private:
  std::mt19937 bits_;
  std::vector<Tensor> values_;
};

struct Move {
  std::int64_t least_rank, most_rank; ///< of the tensor that it is given
  std::function<Tensor(Tensor, Draw&)> make;
};

constexpr std::int64_t kMost = 5; ///< dimensions of any value

inline std::vector<Move> moves() {
  namespace F = nn::functional;
  std::vector<Move> all;
  auto any = [&](std::function<Tensor(Tensor)> make) {
    all.push_back({0, kMost, [=](Tensor x, Draw&) { return make(x); }});
  };
  auto two = [&](std::function<Tensor(Tensor, Tensor)> make) {
    all.push_back({0, kMost, [=](Tensor x, Draw& draw) { return make(x, draw.partner(x)); }});
  };
  auto along = [&](std::function<Tensor(Tensor, std::int64_t, Draw&)> make, std::int64_t most = kMost) {
    all.push_back({1, most, [=](Tensor x, Draw& draw) { return make(x, draw.dim(x), draw); }});
  };
  auto matrix = [&](std::function<Tensor(Tensor)> make) {
    all.push_back({2, kMost, [=](Tensor x, Draw&) { return make(x); }});
  };

  any([](Tensor x) { return lib::relu(x); });
  any([](Tensor x) { return lib::tanh(x); });
  any([](Tensor x) { return lib::exp(x.clamp(-3, 2)); });
  any([](Tensor x) { return lib::log(x.abs() + 1); });
  any([](Tensor x) { return lib::rsqrt(x.abs() + 0.5); });
  any([](Tensor x) { return lib::gelu(x); });
  any([](Tensor x) { return F::softplus(x); });
  any([](Tensor x) { return lib::erf(x); });
  any([](Tensor x) { return x.pow(3); });
  any([](Tensor x) { return lib::clamp(x, -0.5, 0.6); });
  any([](Tensor x) { return x.masked_fill(x > 0.3, 0.25); });
  any([](Tensor x) { return x.reshape({-1}); });
  any([](Tensor x) { return x.squeeze(); });
  any([](Tensor x) { return x.norm(); });
  any([](Tensor x) { return F::mse_loss(x, x.detach() * 0.5); });

  two([](Tensor x, Tensor y) { return x + y; });
  two([](Tensor x, Tensor y) { return x - y * 2; });
  two([](Tensor x, Tensor y) { return x * y; });
  two([](Tensor x, Tensor y) { return x / (y.abs() + 1); });
  two([](Tensor x, Tensor y) { return lib::maximum(x, y); });
  two([](Tensor x, Tensor y) { return lib::where(x > y, x * 2, y); });

  for (const bool keepdim : {false, true}) {
    along([=](Tensor x, std::int64_t d, Draw&) { return x.sum(std::vector<std::int64_t>{d}, keepdim); });
    along([=](Tensor x, std::int64_t d, Draw&) { return x.mean(std::vector<std::int64_t>{d}, keepdim); });
    along([=](Tensor x, std::int64_t d, Draw&) { return std::get<0>(x.max(d, keepdim)); });
    along(
        [=](Tensor x, std::int64_t d, Draw&) { return x.var(std::vector<std::int64_t>{d}, false, keepdim); });
    along([=](Tensor x, std::int64_t d, Draw&) {
      return lib::logsumexp(x, std::vector<std::int64_t>{d}, keepdim);
    });
    along([=](Tensor x, std::int64_t d, Draw&) { return x.prod(d, keepdim); });
    along([=](Tensor x, std::int64_t d, Draw&) { return x.amin(std::vector<std::int64_t>{d}, keepdim); });
  }
  along([](Tensor x, std::int64_t d, Draw&) { return lib::softmax(x, d); });
  along([](Tensor x, std::int64_t d, Draw&) { return lib::log_softmax(x, d); });
  along([](Tensor x, std::int64_t d, Draw&) { return x.cumsum(d); });
  along([](Tensor x, std::int64_t d, Draw&) { return lib::flip(x, {d}); });
  along([](Tensor x, std::int64_t d, Draw& draw) { return lib::roll(x, {1 + draw.below(3)}, {d}); });
  along([](Tensor x, std::int64_t d, Draw&) { return x.narrow(d, 0, (x.size(d) + 1) / 2); });
  along([](Tensor x, std::int64_t d, Draw& draw) { return x.select(d, draw.below(x.size(d))); });
  along([](Tensor x, std::int64_t d, Draw& draw) {
    const std::int64_t start = draw.below(x.size(d)), step = 1 + draw.below(3);
    return x.slice(d, start, x.size(d), step);
  });
  along([](Tensor x, std::int64_t d, Draw&) { return lib::cat({x, lib::tanh(x)}, d); });
  along([](Tensor x, std::int64_t d, Draw&) { return lib::stack({x, x * 0.5}, d); }, 3);
  along([](Tensor x, std::int64_t d, Draw&) { return x.chunk(2, d).back() * 2; });
  along([](Tensor x, std::int64_t d, Draw&) { return x.unsqueeze(d); }, 3);
  along([](Tensor x, std::int64_t d, Draw&) { return std::get<0>(x.sort(d)); });
  along([](Tensor x, std::int64_t d, Draw&) { return std::get<0>(x.topk((x.size(d) + 1) / 2, d)); });
  along([](Tensor x, std::int64_t d, Draw& draw) { return x.index_select(d, draw.positions(4, x.size(d))); });
  along([](Tensor x, std::int64_t d, Draw& draw) {
    return x.gather(d, draw.positions(x.numel(), x.size(d)).reshape(x.sizes()));
  });
  along([](Tensor x, std::int64_t d, Draw& draw) {
    return lib::zeros_like(x).scatter_add(d, draw.positions(x.numel(), x.size(d)).reshape(x.sizes()), x);
  });
  along(
      [](Tensor x, std::int64_t, Draw&) { return F::layer_norm(x, F::LayerNormFuncOptions({x.size(-1)})); });
  // Writes through views.
  along([](Tensor x, std::int64_t d, Draw&) {
    Tensor y = x * 1.0;
    y.select(d, 0).mul_(3);
    return y;
  });
  along([](Tensor x, std::int64_t d, Draw&) {
    Tensor y = x * 1.0;
    y.slice(d, 0, x.size(d), 2).fill_(0.5);
    return y;
  });
  along([](Tensor x, std::int64_t d, Draw&) {
    Tensor y = x * 1.0;
    y.narrow(d, 0, 1).copy_(y.narrow(d, x.size(d) - 1, 1) * 2);
    return y;
  });
  matrix([](Tensor x) {
    Tensor y = x * 1.0;
    y.transpose(0, 1).select(0, 0).add_(1);
    return y;
  });
  matrix([](Tensor x) { return x.transpose(0, -1); });
  matrix([](Tensor x) { return x.flatten(0, 1); });
  matrix([](Tensor x) { return lib::tril(x); });
  matrix([](Tensor x) { return lib::diagonal(x, 0, 0, 1); });
  matrix([](Tensor x) { return lib::matmul(x, x.transpose(-1, -2)); });
  matrix([](Tensor x) { return F::linear(x, lib::cos(x.reshape({-1, x.size(-1)}).narrow(0, 0, 2))); });
  return all;
}

/// The sum of everything that the program computes, so that each value has a gradient.
inline Tensor run_drawn(unsigned seed, const std::vector<Tensor>& inputs) {
  constexpr int kMoves = 14;
  constexpr std::int64_t kMostElements = 10000;
  static const std::vector<Move> table = moves();
  Draw draw(seed, inputs);
  for (int done = 0; done < kMoves;) {
    const Move& move = table[static_cast<std::size_t>(draw.below(static_cast<std::int64_t>(table.size())))];
    const Tensor x = draw.value();
    if (x.dim() < move.least_rank || x.dim() > move.most_rank) continue;
    ++done;
    const Tensor y = move.make(x, draw);
    if (y.numel() <= kMostElements && y.dim() <= 4) draw.keep(y * 0.7);
  }
  Tensor total = lib::tanh(draw.values().front()).sum();
  for (std::size_t i = 1; i < draw.values().size(); ++i)
    total = total + lib::tanh(draw.values()[i]).sum();
  return total;
}

inline void add_random(std::vector<Scenario>& all) {
  constexpr unsigned kPrograms = 24;
  for (unsigned seed = 0; seed < kPrograms; ++seed) {
    Scenario scenario = many(
        "random_" + std::to_string(seed),
        [=] {
          Draw draw(seed + 1000, {});
          std::vector<Input> inputs;
          for (const char* name : {"a", "b", "c"}) {
            std::vector<std::int64_t> sizes;
            for (std::int64_t d = draw.below(4); d > 0; --d)
              sizes.push_back(
                  std::vector<std::int64_t>{1, 2, 3, 7, 8, 19}[static_cast<std::size_t>(draw.below(6))]);
            inputs.push_back({name, lib::randn(sizes)});
          }
          return inputs;
        },
        [=](const std::vector<Tensor>& inputs) { return run_drawn(seed, inputs); });
    scenario.float64_only = true; // a comparison that rounding decides would take another branch
    all.push_back(std::move(scenario));
  }
}

} // namespace parity
