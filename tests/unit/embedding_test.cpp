// EmbeddingBag, and the options of Embedding: against loops over bags, eagerly and compiled.
#include "../support/checks.h"

#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kiln;
using Catch::Contains;
using test::Doubles, test::printed, test::values;
namespace F = nn::functional;

namespace {

void check_close(const Tensor& x, const Doubles& wanted) {
  test::check_close(x, wanted, 1e-12);
}

constexpr std::size_t kRows = 7, kColumns = 3;

struct Wanted {
  Doubles values, weight_gradient, sample_gradient;
};

/// Bag by bag, index by index. bags[b] holds places in `indices`; grad is that of the result.
Wanted walk(nn::EmbeddingBagMode mode, const std::vector<std::vector<std::size_t>>& bags,
            const std::vector<std::int64_t>& indices, const Doubles& weight, const Doubles& sample_weights,
            const Doubles& grad, std::int64_t padding) {
  Wanted wanted{Doubles(bags.size() * kColumns, 0), Doubles(weight.size(), 0), Doubles(indices.size(), 0)};
  for (std::size_t b = 0; b < bags.size(); ++b)
    for (std::size_t c = 0; c < kColumns; ++c) {
      double& value = wanted.values[b * kColumns + c];
      const double g = grad[b * kColumns + c];
      std::vector<std::size_t> kept;
      for (std::size_t place : bags[b])
        if (indices[place] != padding) kept.push_back(place);
      auto entry = [&](std::size_t place) { return static_cast<std::size_t>(indices[place]) * kColumns + c; };
      if (mode == kMax) {
        std::size_t best = indices.size();
        for (std::size_t place : kept)
          if (best == indices.size() || weight[entry(place)] > weight[entry(best)]) best = place;
        if (best == indices.size()) continue;
        value = weight[entry(best)];
        wanted.weight_gradient[entry(best)] += g;
        continue;
      }
      for (std::size_t place : kept) {
        const double sample = sample_weights.empty() ? 1 : sample_weights[place];
        const double share = mode == kMean ? 1.0 / static_cast<double>(kept.size()) : sample;
        value += share * weight[entry(place)];
        wanted.weight_gradient[entry(place)] += share * g;
        wanted.sample_gradient[place] += weight[entry(place)] * g;
      }
    }
  return wanted;
}

/// embedding_bag of `input` (and offsets in `options`), whose bags are `bags`.
void check(const Tensor& input, const F::EmbeddingBagFuncOptions& given,
           const std::vector<std::vector<std::size_t>>& bags, bool weighted = false) {
  const Tensor table = randn({kRows, kColumns}, kFloat64), samples = randn(input.sizes(), kFloat64);
  const Tensor grad = randn({static_cast<std::int64_t>(bags.size()), kColumns}, kFloat64);
  const Tensor flat = input.flatten().clone();
  const std::vector<std::int64_t> indices(flat.data_ptr<std::int64_t>(),
                                          flat.data_ptr<std::int64_t>() + flat.numel());
  const std::int64_t padding =
      given.padding_idx() ? (*given.padding_idx() + std::int64_t(kRows)) % std::int64_t(kRows) : -1;
  const Wanted wanted = walk(given.mode(), bags, indices, values(table),
                             weighted ? values(samples) : Doubles(), values(grad), padding);
  auto body = [&](Tensor weight, Tensor sample_weights) {
    F::EmbeddingBagFuncOptions options = given;
    if (weighted) options.per_sample_weights(sample_weights);
    const Tensor y = F::embedding_bag(input, weight, options);
    (y * grad).sum().backward();
    return y;
  };
  auto fast = jit::compile(body);
  for (const bool compiled : {false, true}) {
    INFO(given.mode().name() << (compiled ? ", compiled" : ", eager"));
    const Tensor weight = table.clone().requires_grad_(), sample_weights = samples.clone().requires_grad_();
    const Tensor y = compiled ? fast(weight, sample_weights) : body(weight, sample_weights);
    REQUIRE(y.sizes() == grad.sizes());
    check_close(y, wanted.values);
    check_close(weight.grad(), wanted.weight_gradient);
    if (weighted) check_close(sample_weights.grad(), wanted.sample_gradient);
  }
}

F::EmbeddingBagFuncOptions in(nn::EmbeddingBagMode mode) {
  return F::EmbeddingBagFuncOptions().mode(mode);
}

} // namespace

TEST_CASE("bags of one length") {
  manual_seed(1);
  const Tensor input = tensor({{1, 2, 2, 5}, {6, 0, 3, 0}, {5, 5, 5, 5}});
  const std::vector<std::vector<std::size_t>> bags = {{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}};
  for (const nn::EmbeddingBagMode mode : std::vector<nn::EmbeddingBagMode>{kSum, kMean, kMax}) {
    check(input, in(mode), bags);
    check(input, in(mode).padding_idx(5), bags); // the last bag is empty then
    check(input, in(mode).padding_idx(-7), bags);
  }
  check(input, in(kSum), bags, true);
  check(input, in(kSum).padding_idx(0), bags, true);
}

TEST_CASE("bags between offsets") {
  manual_seed(2);
  const Tensor input = tensor({1, 2, 2, 5, 6, 0, 3, 0, 5});
  const Tensor offsets = tensor({0, 3, 3, 4, 9}); // the second and the last are empty
  const std::vector<std::vector<std::size_t>> bags = {{0, 1, 2}, {}, {3}, {4, 5, 6, 7, 8}, {}};
  for (const nn::EmbeddingBagMode mode : std::vector<nn::EmbeddingBagMode>{kSum, kMean, kMax}) {
    check(input, in(mode).offsets(offsets), bags);
    check(input, in(mode).offsets(offsets).padding_idx(5), bags);
    check(input, in(mode).offsets(tensor({0, 4, 9})).include_last_offset(true),
          {{0, 1, 2, 3}, {4, 5, 6, 7, 8}});
    check(input, in(mode).offsets(offsets.to(kInt32)), bags);
  }
  check(input, in(kSum).offsets(offsets), bags, true);
  const Tensor none =
      F::embedding_bag(zeros({0}, kInt64), ones({2, 3}), in(kMax).offsets(zeros({2}, kInt64)));
  CHECK(equal(none, zeros({2, 3})));
}

TEST_CASE("what embedding_bag refuses") {
  const Tensor table = ones({4, 2}), flat = tensor({0, 1, 2});
  CHECK_THROWS_WITH(F::embedding_bag(flat, table), Contains("offsets has to be a 1D Tensor but got null"));
  CHECK_THROWS_WITH(F::embedding_bag(flat.view({1, 3}), table, in(kSum).offsets(tensor({0}))),
                    Contains("If input is 2D, then offsets has to be null"));
  CHECK_THROWS_WITH(F::embedding_bag(flat, table, in(kSum).offsets(tensor({1, 2}))),
                    Contains("offsets[0] has to be 0") && Contains("However, got 1"));
  CHECK_THROWS_WITH(
      F::embedding_bag(flat, table, in(kSum).offsets(tensor({0, 4}))),
      Contains("offsets[-1] can not be greater than input's length (3), but got offsets[-1] of 4"));
  CHECK_THROWS_WITH(F::embedding_bag(flat, table, in(kSum).offsets(tensor({0, 2, 1}))),
                    Contains("offsets must not decrease"));
  CHECK_THROWS_WITH(F::embedding_bag(flat.view({1, 3}), table, in(kMean).per_sample_weights(ones({1, 3}))),
                    Contains("per_sample_weights is only supported for mode='kSum' (got mode='kMean')"));
  CHECK_THROWS_WITH(F::embedding_bag(flat.view({1, 3}), table, in(kSum).per_sample_weights(ones({3}))),
                    Contains("must have the same shape as the input ([1, 3])"));
  CHECK_THROWS_WITH(F::embedding_bag(flat.view({1, 3}), table, in(kMax).scale_grad_by_freq(true)),
                    Contains("max mode does not support scaling the gradient by the frequency"));
  CHECK_THROWS_WITH(F::embedding_bag(flat.view({1, 1, 3}), table),
                    Contains("input has to be 1D or 2D Tensor"));
  CHECK_THROWS_WITH(F::embedding_bag(tensor({{4}}), table), Contains("index out of range"));
}

TEST_CASE("EmbeddingBag is made, printed and cloned") {
  manual_seed(3);
  nn::EmbeddingBag bag(nn::EmbeddingBagOptions(5, 2).mode(kSum).padding_idx(-1));
  CHECK(equal(bag->weight[4], zeros({2})));
  CHECK(bag->weight.requires_grad());
  CHECK(equal(bag(tensor({0, 1, 4}), tensor({0, 2})), stack({bag->weight[0] + bag->weight[1], zeros({2})})));
  CHECK(printed(*bag) == "EmbeddingBag(num_embeddings=5, embedding_dim=2, mode=kSum, padding_idx=4)");
  CHECK(printed(*nn::EmbeddingBag(5, 2)) == "EmbeddingBag(num_embeddings=5, embedding_dim=2)");
  CHECK(printed(*nn::EmbeddingBag(nn::EmbeddingBagOptions(5, 2)
                                      .max_norm(2)
                                      .norm_type(2.5)
                                      .scale_grad_by_freq(true)
                                      .sparse(true)
                                      .include_last_offset(true))) ==
        "EmbeddingBag(num_embeddings=5, embedding_dim=2, max_norm=2, norm_type=2.5, scale_grad_by_freq=true, "
        "sparse=true, include_last_offset=true)");
  CHECK_THROWS_WITH(nn::EmbeddingBag(nn::EmbeddingBagOptions(4, 2).padding_idx(4)),
                    "EmbeddingBag: Padding_idx must be within num_embeddings (4), got 4");
  const Tensor table = randn({4, 2});
  auto pretrained = nn::EmbeddingBag::from_pretrained(
      table, nn::EmbeddingBagFromPretrainedOptions().mode(kMax).include_last_offset(true));
  CHECK_FALSE(pretrained->weight.requires_grad());
  CHECK(equal(pretrained(tensor({0, 1}), tensor({0, 2})), maximum(table[0], table[1]).unsqueeze(0)));
  CHECK(equal(std::dynamic_pointer_cast<nn::EmbeddingBagImpl>(bag->clone())->weight, bag->weight));
}

TEST_CASE("rows that are looked up are shortened to max_norm, in place") {
  const Tensor table = tensor({{3.0, 4.0}, {0.3, 0.4}, {6.0, 8.0}}, kFloat64);
  auto options = [&] { return nn::EmbeddingOptions(3, 2)._weight(table.clone()).max_norm(1); };
  nn::Embedding layer(options());
  const double kept = 1 / (5 + 1e-7);
  const Doubles row = {3 * kept, 4 * kept};
  check_close(layer(tensor({{0, 1}, {0, 0}})), {row[0], row[1], 0.3, 0.4, row[0], row[1], row[0], row[1]});
  check_close(layer->weight, {row[0], row[1], 0.3, 0.4, 6, 8}); // the last was not looked up
  layer(tensor({2})).sum().backward();
  check_close(layer->weight.grad(), {0, 0, 0, 0, 1, 1});

  nn::Embedding by_sum(options().norm_type(1));
  check_close(by_sum(tensor({2})), {6 / (14 + 1e-7), 8 / (14 + 1e-7)});

  nn::EmbeddingBag bag(nn::EmbeddingBagOptions(3, 2)._weight(table.clone()).max_norm(1).mode(kSum));
  auto fast = jit::compile(bag);
  check_close(fast(tensor({{0, 1}})), {row[0] + 0.3, row[1] + 0.4});
  check_close(bag->weight, {row[0], row[1], 0.3, 0.4, 6, 8});
  CHECK(printed(*layer) == "Embedding(num_embeddings=3, embedding_dim=2, max_norm=1)");
}

TEST_CASE("gradients are divided by how often a row was looked up") {
  manual_seed(4);
  nn::Embedding layer(nn::EmbeddingOptions(4, 2).scale_grad_by_freq(true));
  const Tensor index = tensor({{0, 1, 0}, {3, 0, 3}}), grad = randn({2, 3, 2});
  const Doubles g = values(grad);
  auto g_at = [&](std::size_t place, std::size_t c) { return g[place * 2 + c]; };
  Doubles wanted(8, 0);
  for (std::size_t c = 0; c < 2; ++c) {
    wanted[c] = (g_at(0, c) + g_at(2, c) + g_at(4, c)) / 3;
    wanted[2 + c] = g_at(1, c);
    wanted[6 + c] = (g_at(3, c) + g_at(5, c)) / 2;
  }
  auto check_gradient = [&] {
    const Doubles got = values(layer->weight.grad());
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(got[i] == Approx(wanted[i]).margin(1e-6));
  };
  const Tensor y = layer(index);
  CHECK(equal(y, layer->weight.index_select(0, index.flatten()).view({2, 3, 2})));
  (y * grad).sum().backward();
  check_gradient();

  layer->zero_grad(); // the same in bags of one index each, and by a share of the sample's weight
  const Tensor sums = F::embedding_bag(
      index.flatten(), layer->weight,
      in(kSum).scale_grad_by_freq(true).offsets(arange(6)).per_sample_weights(full({6}, 0.5)));
  (sums * grad.view({6, 2}) * 2).sum().backward();
  check_gradient();
}

TEST_CASE("indices that are no integers are an error") {
  const Tensor weight = randn({4, 3});
  for (const Tensor& indices : {rand({2}), ones({2}, kBool)})
    CHECK_THROWS_WITH(F::embedding(indices, weight),
                      Catch::StartsWith("embedding: Expected tensor for argument #1 'indices' to have one of "
                                        "the following scalar types: Long, Int; but got "));
}
