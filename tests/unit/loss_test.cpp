// Margin, likelihood and distance losses: gradients by finite differences in float64, modules against
// functions, and errors. Their values are compared with LibTorch's in tests/parity.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

using namespace kiln;
namespace F = kiln::nn::functional;

namespace {

using Function = std::function<Tensor(const Tensor&)>;

// d sum(f(x)) / dx against central differences.
void check_gradient(const Function& f, const Tensor& at) {
  Tensor x = at.to(kFloat64).clone().requires_grad_();
  f(x).sum().backward();
  const Tensor got = x.grad().clone(), point = x.detach();
  const double h = 1e-6;
  NoGradGuard no_grad;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    auto shifted = [&](double by) {
      Tensor moved = point.clone();
      moved.view(-1)[i].add_(by);
      return f(moved).sum().item<double>();
    };
    INFO("element " << i);
    CHECK(got.view(-1)[i].item<double>() ==
          Approx((shifted(h) - shifted(-h)) / (2 * h)).epsilon(1e-5).margin(1e-7));
  }
}

Tensor some(std::vector<std::int64_t> sizes, double scale = 1) {
  return randn(sizes, kFloat64) * scale;
}

} // namespace

TEST_CASE("gradients of losses are those of finite differences") {
  manual_seed(3);
  const Tensor other = some({4, 3}), third = some({4, 3}), positive = rand({4, 3}, kFloat64) + 0.2;
  const Tensor signs = tensor({1.0, -1.0, 1.0, -1.0}, kFloat64);
  const Tensor matrix_signs = signs.unsqueeze(1).expand({4, 3}).clone();
  const Tensor classes = tensor({2, 0, 1, 1}, kInt64), weight = tensor({0.5, 1.0, 2.0}, kFloat64);
  const Tensor labels = tensor({{2, 0, -1}, {1, -1, 0}, {0, 1, 2}, {-1, 1, 1}}, kInt64);
  const std::vector<std::pair<const char*, Function>> cases = {
      {"kl_div", [&](const Tensor& x) { return kl_div(x, positive, Reduction::Sum); }},
      {"kl_div by target", [&](const Tensor& x) { return kl_div(other, square(x), Reduction::None); }},
      {"kl_div log_target", [&](const Tensor& x) { return kl_div(other, x, Reduction::Mean, true); }},
      {"poisson",
       [&](const Tensor& x) { return poisson_nll_loss(x, positive * 4, true, true, 1e-8, Reduction::Mean); }},
      {"poisson of rates",
       [&](const Tensor& x) {
         return poisson_nll_loss(square(x) + 0.1, positive, false, false, 1e-8, Reduction::Sum);
       }},
      {"gaussian", [&](const Tensor& x) { return gaussian_nll_loss(x, other, positive, true); }},
      {"gaussian by variance",
       [&](const Tensor& x) {
         return gaussian_nll_loss(other, third, square(x).sum(1) + 0.1, false, 1e-6, Reduction::Sum);
       }},
      {"hinge_embedding", [&](const Tensor& x) { return hinge_embedding_loss(x, matrix_signs, 0.7); }},
      {"cosine_embedding", [&](const Tensor& x) { return cosine_embedding_loss(x, other, signs, -0.6); }},
      {"margin_ranking", [&](const Tensor& x) { return margin_ranking_loss(x, other, matrix_signs, 0.4); }},
      {"triplet", [&](const Tensor& x) { return triplet_margin_loss(x, other, third, 2, 2, 1e-6, true); }},
      {"triplet p=3", [&](const Tensor& x) { return triplet_margin_loss(other, third, x, 3, 3); }},
      {"multi_margin", [&](const Tensor& x) { return multi_margin_loss(x, classes, 1, 0.8, weight); }},
      {"multi_margin squared", [&](const Tensor& x) { return multi_margin_loss(x, classes, 2); }},
      {"multilabel_margin", [&](const Tensor& x) { return multilabel_margin_loss(x, labels); }},
      {"soft_margin", [&](const Tensor& x) { return soft_margin_loss(x, matrix_signs); }},
      {"multilabel_soft_margin",
       [&](const Tensor& x) { return multilabel_soft_margin_loss(x, positive, weight); }},
      {"cosine_similarity", [&](const Tensor& x) { return cosine_similarity(x, other, 0); }},
      {"pairwise_distance", [&](const Tensor& x) { return pairwise_distance(x, other, 1.5, 1e-6, true); }},
      {"pairwise_distance inf", [&](const Tensor& x) {
         return pairwise_distance(x, other, std::numeric_limits<double>::infinity());
       }}};
  for (const auto& [name, f] : cases) {
    INFO(name);
    check_gradient(f, some({4, 3}));
  }
}

TEST_CASE("a multilabel row ends at its first negative number") {
  const Tensor x = tensor({0.1, 0.2, 0.4, 0.8}, kFloat64), y = tensor({3, 0, -1, 1}, kInt64);
  // PyTorch's documented example.
  CHECK(multilabel_margin_loss(x, y).item<double>() ==
        Approx(0.25 * ((1 - (0.1 - 0.2)) + (1 - (0.1 - 0.4)) + (1 - (0.8 - 0.2)) + (1 - (0.8 - 0.4)))));
}

TEST_CASE("the distance of equal vectors without eps has gradient zero") {
  Tensor x = ones({1, 3}).requires_grad_();
  pairwise_distance(x, ones({1, 3}), 2, 0).backward();
  CHECK(x.grad().abs().sum().item<float>() == 0);
}

TEST_CASE("loss modules take a reduction's name, and print as PyTorch's") {
  const Tensor x = some({4, 3}), y = some({4, 3});
  CHECK(nn::MSELoss(kSum)(x, y).equal(mse_loss(x, y, Reduction::Sum)));
  CHECK(nn::KLDivLoss(kBatchMean)(x, y.abs()).allclose(kl_div(x, y.abs(), Reduction::Sum) / 4));
  CHECK(nn::L1Loss(kNone)(x, y).sizes() == IntArrayRef{4, 3});
  auto text = [](const auto& module) {
    std::ostringstream stream;
    stream << module;
    return stream.str();
  };
  CHECK(text(nn::KLDivLoss()) == "KLDivLoss()");
  CHECK(text(nn::TripletMarginLoss()) == "TripletMarginLoss(margin=1, p=2, eps=1e-06, swap=false)");
  CHECK(text(nn::CosineSimilarity()) == "CosineSimilarity(dim=1, eps=1e-08)");
  CHECK(text(nn::PairwiseDistance()) == "PairwiseDistance(p=2, eps=1e-06, keepdim=false)");
  CHECK(text(nn::CosineEmbeddingLoss(nn::CosineEmbeddingLossOptions().margin(0.5))) ==
        "CosineEmbeddingLoss(margin=0.5)");
}

TEST_CASE("losses name what does not fit") {
  using Catch::Matchers::Contains;
  const Tensor x = ones({4, 3});
  CHECK_THROWS_WITH(multi_margin_loss(x, zeros({3}, kInt64)),
                    Contains("multi_margin_loss: inconsistent target size, expected [4] but got i64[3]") ||
                        Contains("multi_margin_loss: inconsistent target size, expected [4] but got [3]"));
  CHECK_THROWS_WITH(multi_margin_loss(x, full({4}, 3, kInt64)), Contains("target out of range: got 3"));
  CHECK_THROWS_WITH(multi_margin_loss(x, zeros({4}, kInt64), 3), Contains("only p == 1 and p == 2"));
  CHECK_THROWS_WITH(cosine_embedding_loss(x, x, ones({4, 1})), Contains("0D or 1D target tensor expected"));
  CHECK_THROWS_WITH(gaussian_nll_loss(x, x, -x), Contains("var has negative entry/entries"));
  CHECK_THROWS_WITH(gaussian_nll_loss(x, x, ones({2})), Contains("var is of incorrect size"));
  CHECK_THROWS_WITH(margin_ranking_loss(x, x, ones({4})),
                    Contains("All input tensors should have same dimension"));
  CHECK_THROWS_WITH(kl_div(x, Tensor()), Contains("kl_div: target is undefined"));
}
