// Layers, activations and losses: values by independent loops, gradients by finite differences in float64,
// and errors.
#include "../support/checks.h"

#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

using namespace kiln;
using namespace kiln::test;
namespace F = kiln::nn::functional;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// d sum(f(x)) / dx against central differences.
void check_gradient(const std::function<Tensor(const Tensor&)>& f, const Tensor& at) {
  Tensor x = at.to(kFloat64).clone().requires_grad_();
  f(x).sum().backward();
  const Doubles got = values(x.grad());
  const Doubles point = values(x);
  const double h = 1e-6;
  NoGradGuard no_grad;
  for (std::size_t i = 0; i < point.size(); ++i) {
    auto shifted = [&](double by) {
      Doubles moved = point;
      moved[i] += by;
      return f(doubles(moved).view(at.sizes())).sum().item<double>();
    };
    INFO("element " << i << " at " << point[i]);
    CHECK(got[i] == Approx((shifted(h) - shifted(-h)) / (2 * h)).epsilon(1e-5).margin(1e-7));
  }
}

std::string text(const nn::Module& module) {
  std::ostringstream stream;
  stream << module;
  return stream.str();
}

double sigmoid_of(double x) {
  return 1 / (1 + std::exp(-x));
}
double softplus_of(double x) {
  return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0);
}

} // namespace

TEST_CASE("activations have their values and gradients") {
  struct Case {
    const char* name;
    std::function<Tensor(const Tensor&)> f;
    double (*wanted)(double);
  };
  const Case cases[] = {
      {"relu", [](const Tensor& x) { return F::relu(x); }, [](double x) { return std::max(x, 0.0); }},
      {"relu6", [](const Tensor& x) { return F::relu6(x); },
       [](double x) { return std::min(std::max(x, 0.0), 6.0); }},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.1); },
       [](double x) { return x > 0 ? x : 0.1 * x; }},
      {"elu", [](const Tensor& x) { return elu(x, 1.5); },
       [](double x) { return x > 0 ? x : 1.5 * std::expm1(x); }},
      {"selu", [](const Tensor& x) { return selu(x); },
       [](double x) {
         return 1.0507009873554804934193349852946 *
                (x > 0 ? x : 1.6732632423543772848170429916717 * std::expm1(x));
       }},
      {"celu", [](const Tensor& x) { return celu(x, 2); },
       [](double x) { return x > 0 ? x : 2 * std::expm1(x / 2); }},
      {"gelu", [](const Tensor& x) { return F::gelu(x); },
       [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"gelu tanh", [](const Tensor& x) { return F::gelu(x, F::GELUFuncOptions().approximate("tanh")); },
       [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }},
      {"silu", [](const Tensor& x) { return silu(x); }, [](double x) { return x * sigmoid_of(x); }},
      {"mish", [](const Tensor& x) { return mish(x); },
       [](double x) { return x * std::tanh(softplus_of(x)); }},
      {"sigmoid", [](const Tensor& x) { return sigmoid(x); }, [](double x) { return sigmoid_of(x); }},
      {"tanh", [](const Tensor& x) { return tanh(x); }, [](double x) { return std::tanh(x); }},
      {"softplus", [](const Tensor& x) { return F::softplus(x); }, softplus_of},
      {"softplus beta", [](const Tensor& x) { return softplus(x, 2, 5); },
       [](double x) { return 2 * x > 5 ? x : softplus_of(2 * x) / 2; }},
      {"softsign", [](const Tensor& x) { return softsign(x); },
       [](double x) { return x / (1 + std::abs(x)); }},
      {"hardtanh", [](const Tensor& x) { return hardtanh(x, -1.5, 2); },
       [](double x) { return std::min(std::max(x, -1.5), 2.0); }},
      {"hardswish", [](const Tensor& x) { return hardswish(x); },
       [](double x) { return x * std::min(std::max(x + 3, 0.0), 6.0) / 6; }},
      {"hardsigmoid", [](const Tensor& x) { return hardsigmoid(x); },
       [](double x) { return std::min(std::max(x + 3, 0.0), 6.0) / 6; }},
      {"log_sigmoid", [](const Tensor& x) { return log_sigmoid(x); },
       [](double x) { return -softplus_of(-x); }},
      {"threshold", [](const Tensor& x) { return threshold(x, 0.6, -3); },
       [](double x) { return x > 0.6 ? x : -3; }},
      {"hardshrink", [](const Tensor& x) { return F::hardshrink(x, 0.75); },
       [](double x) { return std::abs(x) > 0.75 ? x : 0; }},
      {"softshrink", [](const Tensor& x) { return softshrink(x, 0.75); },
       [](double x) { return x > 0.75    ? x - 0.75
                             : x < -0.75 ? x + 0.75
                                         : 0; }},
      {"rrelu", [](const Tensor& x) { return nn::functional::rrelu(x); },
       [](double x) { return x > 0 ? x : x * (1.0 / 8 + 1.0 / 3) / 2; }},
      {"tanhshrink", [](const Tensor& x) { return F::tanhshrink(x); },
       [](double x) { return x - std::tanh(x); }}};
  const Doubles points = {-7.25, -3.5, -1.75, -0.8, -0.1, 0.2, 0.7, 1.3, 2.7, 3.4, 6.5, 9.0};
  for (const Case& c : cases) {
    INFO(c.name);
    Doubles wanted;
    for (double x : points)
      wanted.push_back(c.wanted(x));
    check_close(c.f(doubles(points)), wanted, 1e-7);
    check_close(c.f(doubles(points).to(kFloat32)), wanted, 2e-6);
    check_gradient(c.f, doubles(points));
  }
}

TEST_CASE("activations stay finite far out, and so do their gradients") {
  using Function = Tensor (*)(const Tensor&);
  for (Function f : {Function(selu), Function(mish), Function(log_sigmoid),
                     Function([](const Tensor& x) { return elu(x); }),
                     Function([](const Tensor& x) { return softplus(x); })}) {
    Tensor x = tensor({-1000.f, -100.f, 100.f, 1000.f}).requires_grad_();
    Tensor y = f(x);
    y.sum().backward();
    for (double v : values(y))
      CHECK(std::isfinite(v));
    for (double v : values(x.grad()))
      CHECK(std::isfinite(v));
  }
}

TEST_CASE("gradients at the corners of piecewise functions are ATen's") {
  auto slope = [](auto f, double at) {
    Tensor x = doubles({at}).requires_grad_();
    f(x).sum().backward();
    return x.grad().item<double>();
  };
  CHECK(slope([](Tensor x) { return relu(x); }, 0) == 0);
  CHECK(slope([](Tensor x) { return relu6(x); }, 6) == 0);
  CHECK(slope([](Tensor x) { return hardtanh(x); }, 1) == 0);
  CHECK(slope([](Tensor x) { return elu(x, 2); }, 0) == 2);
  CHECK(slope([](Tensor x) { return leaky_relu(x, 0.25); }, 0) == 0.25);
}

TEST_CASE("inplace activations write over their argument") {
  Tensor x = tensor({-1.f, 2.f}), alias = x;
  F::leaky_relu(x, F::LeakyReLUFuncOptions().negative_slope(0.5).inplace(true));
  CHECK(alias.equal(tensor({-0.5f, 2.f})));
  nn::ReLU relu(nn::ReLUOptions(true));
  relu(x);
  CHECK(alias.equal(tensor({0.f, 2.f})));
}

TEST_CASE("layers print their options") {
  CHECK(text(*nn::ReLU()) == "ReLU()");
  CHECK(text(*nn::ReLU(true)) == "ReLU(inplace=true)");
  CHECK(text(*nn::ReLU6()) == "ReLU6()");
  CHECK(text(*nn::SELU(true)) == "SELU(inplace=true)");
  CHECK(text(*nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.42).inplace(true))) ==
        "LeakyReLU(negative_slope=0.42, inplace=true)");
  CHECK(text(*nn::ELU()) == "ELU(alpha=1)");
  CHECK(text(*nn::GELU()) == "GELU()");
  CHECK(text(*nn::Softplus()) == "Softplus(beta=1, threshold=20)");
  CHECK(text(*nn::Hardtanh()) == "Hardtanh(min_val=-1, max_val=1)");
  CHECK(text(*nn::Threshold(24, 42.42)) == "Threshold(threshold=24, value=42.42)");
  CHECK(text(*nn::Softmax(1)) == "Softmax(dim=1)");
  CHECK(text(*nn::Softmax2d()) == "Softmax2d()");
  CHECK(text(*nn::Hardshrink(0.25)) == "Hardshrink(0.25)");
  CHECK(text(*nn::Softshrink()) == "Softshrink(0.5)");
  CHECK(text(*nn::Tanhshrink()) == "Tanhshrink()");
  CHECK(text(*nn::GLU(1)) == "GLU(dim=1)");
  CHECK(text(*nn::RReLU(nn::RReLUOptions().lower(0.24).upper(0.42).inplace(true))) ==
        "RReLU(lower=0.24, upper=0.42, inplace=true)");
  CHECK(text(*nn::LogSoftmax(-1)) == "LogSoftmax(dim=-1)");
  CHECK(text(*nn::Sigmoid()) == "Sigmoid()");
  CHECK(text(*nn::Dropout(0.42)) == "Dropout(p=0.42, inplace=false)");
  CHECK(text(*nn::Flatten()) == "Flatten(start_dim=1, end_dim=-1)");
  CHECK(text(*nn::Identity()) == "Identity()");
  CHECK(text(*nn::LayerNorm(nn::LayerNormOptions({2, 2}).eps(2e-5))) ==
        "LayerNorm([2, 2], eps=2e-05, elementwise_affine=true)");
  CHECK(text(*nn::Embedding(10, 2)) == "Embedding(num_embeddings=10, embedding_dim=2)");
  CHECK(text(*nn::Embedding(nn::EmbeddingOptions(10, 2).padding_idx(3))) ==
        "Embedding(num_embeddings=10, embedding_dim=2, padding_idx=3)");
  CHECK(text(*nn::CrossEntropyLoss()) == "CrossEntropyLoss()");
  CHECK(text(*nn::BCEWithLogitsLoss()) == "BCEWithLogitsLoss()");
}

TEST_CASE("Linear is x w^T + b, with gradients for all three") {
  nn::Linear layer(3, 2);
  layer->to(kFloat64);
  const Doubles w = values(layer->weight), b = values(layer->bias), x = {1, 2, 3, -1, 0.5, 4};
  Doubles wanted;
  for (int n = 0; n < 2; ++n)
    for (int o = 0; o < 2; ++o)
      wanted.push_back(b[o] + x[n * 3] * w[o * 3] + x[n * 3 + 1] * w[o * 3 + 1] +
                       x[n * 3 + 2] * w[o * 3 + 2]);
  check_close(layer(doubles(x).view({2, 3})), wanted);
  layer(doubles(x).view({2, 3})).sum().backward();
  check_close(layer->weight.grad(), {0, 2.5, 7, 0, 2.5, 7});
  check_close(layer->bias.grad(), {2, 2});
  CHECK_FALSE(nn::Linear(nn::LinearOptions(3, 2).bias(false))->bias.defined());
  CHECK(layer(zeros({4, 5, 3}, kFloat64)).sizes() == IntArrayRef{4, 5, 2});
}

TEST_CASE("LayerNorm normalises the last dimensions") {
  nn::LayerNorm norm(nn::LayerNormOptions({4}));
  norm->to(kFloat64);
  const Doubles x = {1, 2, 3, 6, -1, 0, 0, 5};
  Doubles wanted;
  for (int n = 0; n < 2; ++n) {
    double mean = 0, variance = 0;
    for (int i = 0; i < 4; ++i)
      mean += x[n * 4 + i] / 4;
    for (int i = 0; i < 4; ++i)
      variance += (x[n * 4 + i] - mean) * (x[n * 4 + i] - mean) / 4;
    for (int i = 0; i < 4; ++i)
      wanted.push_back((x[n * 4 + i] - mean) / std::sqrt(variance + 1e-5));
  }
  check_close(norm(doubles(x).view({2, 4})), wanted);
  const Tensor weights = doubles({1, -2, 3, 0.5, 2, 2, -1, 1}).view({2, 4});
  check_gradient([&](const Tensor& t) { return norm(t) * weights; }, doubles(x).view({2, 4}));
  CHECK_THROWS_WITH(nn::LayerNorm(std::vector<std::int64_t>{}),
                    StartsWith("LayerNorm: Expected normalized_shape"));
}

TEST_CASE("Softmax and LogSoftmax along a dimension") {
  const Doubles x = {1, 2, 3, 1, 1, 1};
  Doubles soft, log_soft;
  for (int n = 0; n < 2; ++n) {
    double sum = 0;
    for (int i = 0; i < 3; ++i)
      sum += std::exp(x[n * 3 + i]);
    for (int i = 0; i < 3; ++i)
      soft.push_back(std::exp(x[n * 3 + i]) / sum), log_soft.push_back(x[n * 3 + i] - std::log(sum));
  }
  const Tensor t = doubles(x).view({2, 3});
  check_close(nn::Softmax(1)(t), soft);
  check_close(nn::LogSoftmax(-1)(t), log_soft);
  check_close(nn::Softmin(1)(-t), soft);
}

TEST_CASE("Embedding looks rows up; the padding row gets no gradient") {
  nn::Embedding table(nn::EmbeddingOptions(4, 2).padding_idx(1));
  const Tensor index = tensor({{0, 1}, {3, 0}});
  const Doubles w = values(table->weight);
  check_close(table(index), {w[0], w[1], 0, 0, w[6], w[7], w[0], w[1]});
  table(index).sum().backward();
  check_close(table->weight.grad(), {2, 2, 0, 0, 0, 0, 1, 1});
  CHECK_THROWS_WITH(nn::Embedding(nn::EmbeddingOptions(4, 2).padding_idx(4)),
                    "Embedding: Padding_idx must be within num_embeddings (4), got 4");
  nn::Embedding frozen = nn::Embedding::from_pretrained(ones({3, 2}));
  CHECK_FALSE(frozen->weight.requires_grad());
  CHECK(frozen(tensor({2})).equal(ones({1, 2})));
}

TEST_CASE("Dropout acts in training alone, keeps the mean and repeats with its seed") {
  nn::Dropout dropout(0.25);
  const Tensor x = ones({10000});
  manual_seed(7);
  const Doubles first = values(dropout(x));
  int zeros = 0;
  for (double v : first) {
    REQUIRE((v == 0 || std::abs(v - 1 / 0.75) < 1e-6));
    zeros += v == 0;
  }
  CHECK(zeros == Approx(2500).margin(200));
  manual_seed(7);
  CHECK(values(dropout(x)) == first);
  CHECK(values(dropout(x)) != first);
  dropout->eval();
  CHECK(dropout(x).equal(x));
  CHECK(nn::Dropout(1.0)(x).equal(x * 0));
  CHECK_THROWS_WITH(nn::Dropout(1.5),
                    "Dropout: dropout probability has to be between 0 and 1, but got 1.500000");
}

TEST_CASE("elementwise losses have their values in every reduction, and gradients") {
  const Doubles x = {0.3, -1.2, 2.5, 0.9}, y = {0.1, 0.4, 2.4, -1};
  auto check = [&](auto loss, auto options, double (*wanted)(double)) {
    Doubles each;
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      each.push_back(wanted(x[i] - y[i])), sum += each.back();
    check_close(loss(doubles(x), doubles(y), options.reduction(kNone)), each);
    check_close(loss(doubles(x), doubles(y), options.reduction(kSum)), {sum});
    check_close(loss(doubles(x), doubles(y), options.reduction(kMean)), {sum / 4});
    check_gradient([&](const Tensor& t) { return loss(t, doubles(y), options); }, doubles(x));
  };
  check(F::mse_loss, nn::MSELossOptions(), [](double d) { return d * d; });
  check(F::l1_loss, nn::L1LossOptions(), [](double d) { return std::abs(d); });
  check(F::smooth_l1_loss, nn::SmoothL1LossOptions().beta(0.5),
        [](double d) { return std::abs(d) < 0.5 ? d * d : std::abs(d) - 0.25; });
  check(F::huber_loss, nn::HuberLossOptions().delta(0.5),
        [](double d) { return std::abs(d) <= 0.5 ? 0.5 * d * d : 0.5 * (std::abs(d) - 0.25); });
}

TEST_CASE("binary cross-entropy of probabilities and of scores") {
  const Doubles p = {0.2, 0.9, 0.5, 0.01}, y = {0, 1, 0.3, 1}, w = {1, 2, 0.5, 3};
  Doubles each;
  for (int i = 0; i < 4; ++i)
    each.push_back(-w[i] * (y[i] * std::log(p[i]) + (1 - y[i]) * std::log1p(-p[i])));
  auto options = nn::BCELossOptions().weight(doubles(w)).reduction(kNone);
  check_close(nn::BCELoss(options)(doubles(p), doubles(y)), each);
  check_gradient([&](const Tensor& t) { return F::binary_cross_entropy(t, doubles(y), options); },
                 doubles(p));
  // Logarithms stop at -100 and gradients stay finite at exact 0 and 1.
  Tensor edge = tensor({0.f, 1.f}).requires_grad_();
  Tensor loss = binary_cross_entropy(edge, tensor({1.f, 1.f}), {}, Reduction::None);
  check_close(loss, {100, 0});
  loss.sum().backward();
  for (double v : values(edge.grad()))
    CHECK(std::isfinite(v));

  const Doubles x = {-30, 0.5, 3, 60}, pos = {2, 1, 0.5, 3};
  each.clear();
  for (int i = 0; i < 4; ++i)
    each.push_back(w[i] * (pos[i] * y[i] * softplus_of(-x[i]) + (1 - y[i]) * softplus_of(x[i])));
  auto logits = nn::BCEWithLogitsLossOptions().weight(doubles(w)).pos_weight(doubles(pos)).reduction(kNone);
  check_close(nn::BCEWithLogitsLoss(logits)(doubles(x), doubles(y)), each);
  check_gradient([&](const Tensor& t) { return F::binary_cross_entropy_with_logits(t, doubles(y), logits); },
                 doubles(x));
}

namespace {

// Cross-entropy by loops: scores [N][C][D], targets [N][D].
struct Reference {
  int n, c, d;
  Doubles scores, weight;
  std::vector<std::int64_t> target;
  std::int64_t ignore = -100;
  double smoothing = 0;

  std::pair<Doubles, double> losses() const { // each, and what mean divides by
    Doubles each;
    double divisor = 0;
    for (int i = 0; i < n; ++i)
      for (int k = 0; k < d; ++k) {
        const std::int64_t t = target[i * d + k];
        if (t == ignore) {
          each.push_back(0);
          continue;
        }
        double sum = 0;
        for (int j = 0; j < c; ++j)
          sum += std::exp(scores[(i * c + j) * d + k]);
        double smooth = 0;
        for (int j = 0; j < c; ++j)
          smooth -= (weight.empty() ? 1 : weight[j]) * (scores[(i * c + j) * d + k] - std::log(sum)) / c;
        const double w = weight.empty() ? 1 : weight[t];
        const double plain = -w * (scores[(i * c + t) * d + k] - std::log(sum));
        each.push_back((1 - smoothing) * plain + smoothing * smooth);
        divisor += w;
      }
    return {each, divisor};
  }
};

} // namespace

TEST_CASE("cross-entropy with weights, ignored targets, smoothing and further dimensions") {
  Reference r{2, 3, 2, {0.1, 2, -1, 0.3, 0.7, -2, 1, 1, 0, 0.5, -0.2, 3}, {}, {0, 2, 1, 1}};
  for (bool weighted : {false, true})
    for (std::int64_t ignore : {-100, 1})
      for (double smoothing : {0.0, 0.1}) {
        r.weight = weighted ? Doubles{1, 2, 0.5} : Doubles{};
        r.ignore = ignore;
        r.smoothing = smoothing;
        INFO("weighted " << weighted << " ignore " << ignore << " smoothing " << smoothing);
        const auto [each, divisor] = r.losses();
        double sum = 0;
        for (double v : each)
          sum += v;
        auto options = nn::CrossEntropyLossOptions().ignore_index(ignore).label_smoothing(smoothing);
        if (weighted) options.weight(doubles(r.weight));
        const Tensor target = from_blob(r.target.data(), {2, 2}, kInt64);
        const Tensor x = doubles(r.scores).view({2, 3, 2});
        check_close(F::cross_entropy(x, target, options.reduction(kNone)), each);
        check_close(F::cross_entropy(x, target, options.reduction(kSum)), {sum});
        check_close(F::cross_entropy(x, target, options.reduction(kMean)), {sum / divisor});
        check_gradient([&](const Tensor& t) { return F::cross_entropy(t, target, options); }, x);
        if (smoothing == 0) {
          auto nll = nn::NLLLossOptions().ignore_index(ignore);
          if (weighted) nll.weight(doubles(r.weight));
          check_close(nn::NLLLoss(nll)(log_softmax(x, 1), target), {sum / divisor});
        }
      }
}

TEST_CASE("cross-entropy of probabilities, and of one row without a batch") {
  const Doubles x = {0.5, -1, 2, 0, 0.3, 1}, p = {0.2, 0.5, 0.3, 1, 0, 0};
  double sum = 0;
  for (int n = 0; n < 2; ++n) {
    double total = 0;
    for (int c = 0; c < 3; ++c)
      total += std::exp(x[n * 3 + c]);
    for (int c = 0; c < 3; ++c)
      sum -= p[n * 3 + c] * (x[n * 3 + c] - std::log(total));
  }
  check_close(F::cross_entropy(doubles(x).view({2, 3}), doubles(p).view({2, 3})), {sum / 2});
  const double row = std::log(std::exp(0.5) + std::exp(-1) + std::exp(2)) - 2;
  check_close(F::cross_entropy(doubles({0.5, -1, 2}), tensor(2)), {row});
}

TEST_CASE("losses refuse shapes that do not fit, with ATen's words") {
  CHECK_THROWS_WITH(
      binary_cross_entropy_with_logits(ones({2, 3}), ones({3})),
      StartsWith("binary_cross_entropy_with_logits: Target size ([3]) must be the same as input size "
                 "([2, 3])"));
  // ATen's function looks past dimensions of 1, LibTorch's modules and functional forms do not.
  const Tensor column = tensor({{0.25f}, {0.5f}}), row = tensor({1.f, 0.f});
  CHECK(binary_cross_entropy(column, row, {}, Reduction::None)
            .equal(binary_cross_entropy(column, row.unsqueeze(1), {}, Reduction::None)));
  CHECK_THROWS_WITH(F::binary_cross_entropy(column, row),
                    StartsWith("binary_cross_entropy: Using a target size ([2]) that is different"));
  CHECK_THROWS_WITH(nn::BCELoss()(column, row),
                    StartsWith("binary_cross_entropy: Using a target size ([2])"));
  CHECK_THROWS_WITH(binary_cross_entropy(ones({2}), ones({3})),
                    Contains("Using a target size ([3]) that is different to the input size ([2])"));
  CHECK_THROWS_WITH(F::cross_entropy(ones({2, 3}), tensor({0, 1, 2})),
                    Contains("Expected input batch_size (2) to match target batch_size (3)"));
  CHECK_THROWS_WITH(
      F::nll_loss(ones({2, 3}), tensor({0, 1}), nn::NLLLossOptions().weight(ones(2))),
      Contains("weight tensor should be defined either for all 3 classes or no classes but got weight "
               "tensor of shape: [2]"));
  CHECK_THROWS_WITH(F::nll_loss(ones({2, 3}), ones({2})),
                    Contains("expected scalar type Long but found f32"));
  CHECK_THROWS_WITH(
      F::cross_entropy(ones({2, 3}), tensor({0, 1}), nn::CrossEntropyLossOptions().label_smoothing(2)),
      Contains("label_smoothing must be between 0.0 and 1.0"));
  CHECK_THROWS_WITH(F::cross_entropy(ones({2, 3}), tensor({0, 3})),
                    StartsWith("cross_entropy: Target is out of bounds: got 3, wanted 0 to 2"));
  CHECK_THROWS_WITH(nn::Embedding(4, 2)(tensor({1, 9})),
                    StartsWith("embedding: index out of range in self: got 9, wanted 0 to 3"));
  CHECK_THROWS_WITH(
      nn::Linear(3, 2)(ones({4, 7})),
      StartsWith("linear: got x [4, 7] for weight [2, 3], wanted x [..., 3]: mat1 and mat2 shapes cannot "
                 "be multiplied (4x7 and 3x2)"));
  CHECK_THROWS_WITH(mse_loss(ones(2), Tensor()), StartsWith("mse_loss: target is undefined"));
}
