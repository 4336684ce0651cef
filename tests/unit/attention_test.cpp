// MultiheadAttention against loops over heads, masks, the Transformer's layers and stacks, compiled and not,
// copies and errors. Training steps are compared with LibTorch's in tests/parity.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <sstream>

using namespace kiln;
using Catch::Matchers::Contains;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Arrays {
  std::vector<double> out, weights; // [L, N, E] and [N, heads, L, S]
};

/// Attention as its definition says, in loops. `added`: what is added to the score of (batch, head, row,
/// key).
Arrays attention_by_loops(nn::MultiheadAttention& mha, const Tensor& query, const Tensor& key,
                          const Tensor& value, const std::function<double(int, int, int, int)>& added) {
  const int l = int(query.size(0)), n = int(query.size(1)), e = int(query.size(2)), s = int(key.size(0));
  const int heads = int(mha->options.num_heads()), d = e / heads;
  auto values = [](const Tensor& x) {
    Tensor whole = x.detach().clone();
    return std::vector<double>(whole.data_ptr<double>(), whole.data_ptr<double>() + whole.numel());
  };
  const auto w = values(mha->in_proj_weight), b = values(mha->in_proj_bias);
  const auto ow = values(mha->out_proj->weight), ob = values(mha->out_proj->bias);
  auto project = [&](const Tensor& x, int part) {
    const auto in = values(x);
    std::vector<double> out(in.size());
    for (std::size_t row = 0; row < in.size() / e; ++row)
      for (int i = 0; i < e; ++i) {
        double sum = b[part * e + i];
        for (int j = 0; j < e; ++j)
          sum += w[(part * e + i) * e + j] * in[row * e + j];
        out[row * e + i] = sum;
      }
    return out;
  };
  const auto q = project(query, 0), k = project(key, 1), v = project(value, 2);
  Arrays result{std::vector<double>(l * n * e), std::vector<double>(n * heads * l * s)};
  for (int batch = 0; batch < n; ++batch)
    for (int row = 0; row < l; ++row) {
      std::vector<double> joined(e, 0.0);
      for (int head = 0; head < heads; ++head) {
        double* weight = &result.weights[((batch * heads + head) * l + row) * s];
        double total = 0;
        for (int at = 0; at < s; ++at) {
          double score = 0;
          for (int i = head * d; i < (head + 1) * d; ++i)
            score += q[(row * n + batch) * e + i] * k[(at * n + batch) * e + i];
          total += weight[at] = std::exp(score / std::sqrt(d) + added(batch, head, row, at));
        }
        for (int at = 0; at < s; ++at) {
          weight[at] /= total;
          for (int i = head * d; i < (head + 1) * d; ++i)
            joined[i] += weight[at] * v[(at * n + batch) * e + i];
        }
      }
      for (int i = 0; i < e; ++i) {
        double sum = ob[i];
        for (int j = 0; j < e; ++j)
          sum += ow[i * e + j] * joined[j];
        result.out[(row * n + batch) * e + i] = sum;
      }
    }
  return result;
}

Tensor as_tensor(const std::vector<double>& values, const Tensor& like) {
  return from_blob(const_cast<double*>(values.data()), like.sizes().vec(), kFloat64).clone();
}

nn::MultiheadAttention make_attention(nn::MultiheadAttentionOptions options) {
  nn::MultiheadAttention mha(options);
  mha->to(kFloat64);
  NoGradGuard no_grad;
  for (Tensor& p : mha->parameters())
    p.copy_(randn(p.sizes().vec(), kFloat64) * 0.5);
  return mha;
}

} // namespace

TEST_CASE("MultiheadAttention is what loops over heads compute, with both masks") {
  manual_seed(1);
  auto mha = make_attention(nn::MultiheadAttentionOptions(6, 2));
  const Tensor query = randn({3, 2, 6}, kFloat64), key = randn({4, 2, 6}, kFloat64),
               value = randn({4, 2, 6}, kFloat64);
  const Tensor padding = tensor({0, 0, 0, 1, 0, 1, 0, 0}, kInt64).view({2, 4}).to(kBool);
  const Tensor scores = randn({3, 4}, kFloat64);
  auto added = [&](int batch, int, int row, int at) {
    return padding[batch][at].item<bool>() ? -kInfinity : scores[row][at].item<double>();
  };
  const Arrays wanted = attention_by_loops(mha, query, key, value, added);

  auto [out, weights] = mha(query, key, value, padding, true, scores, false);
  CHECK(weights.sizes() == IntArrayRef({2, 2, 3, 4}));
  CHECK(out.allclose(as_tensor(wanted.out, out), 1e-10, 1e-12));
  CHECK(weights.allclose(as_tensor(wanted.weights, weights), 1e-10, 1e-12));

  auto [again, average] = mha(query, key, value, padding, true, scores);
  CHECK(again.allclose(out, 1e-12));
  CHECK(average.allclose(weights.mean(1), 1e-12));
  CHECK_FALSE(std::get<1>(mha(query, key, value, padding, false)).defined());
}

TEST_CASE("a bool mask for each head, and one tensor as query, key and value") {
  manual_seed(2);
  auto mha = make_attention(nn::MultiheadAttentionOptions(6, 3));
  const Tensor x = randn({4, 2, 6}, kFloat64);
  Tensor mask = (rand({6, 4, 4}) > 0.6).to(kInt64);
  for (int i = 0; i < 4; ++i) // every row may look at something
    mask.select(2, i).select(1, i).fill_(0);
  const Arrays wanted = attention_by_loops(mha, x, x, x, [&](int batch, int head, int row, int at) {
    return mask[batch * 3 + head][row][at].item<std::int64_t>() ? -kInfinity : 0.0;
  });
  const Tensor out = std::get<0>(mha(x, x, x, Tensor(), true, mask.to(kBool)));
  CHECK(out.allclose(as_tensor(wanted.out, out), 1e-10, 1e-12));
}

TEST_CASE("keys of other sizes, a learned key and value, and one of zeros") {
  auto mha = make_attention(
      nn::MultiheadAttentionOptions(6, 2).kdim(5).vdim(3).add_bias_kv(true).add_zero_attn(true));
  CHECK(mha->named_parameters().contains("k_proj_weight"));
  CHECK_FALSE(mha->named_parameters().contains("in_proj_weight"));
  const Tensor query = randn({3, 2, 6}, kFloat64), key = randn({4, 2, 5}, kFloat64),
               value = randn({4, 2, 3}, kFloat64);
  const Tensor padding = ones({2, 4}).to(kBool); // only the two further keys are left to look at
  auto [out, weights] = mha(query, key, value, padding);
  CHECK(weights.sizes() == IntArrayRef({2, 3, 6}));
  CHECK(weights.narrow(2, 0, 4).abs().sum().item<double>() == 0);
  CHECK(weights.sum(-1).allclose(ones({2, 3}, kFloat64), 1e-12));
  CHECK(std::isfinite(out.abs().max().item<double>()));
}

TEST_CASE("gradients of attention are those of finite differences") {
  manual_seed(3);
  auto mha = make_attention(nn::MultiheadAttentionOptions(4, 2));
  Tensor x = randn({3, 1, 4}, kFloat64);
  const Tensor direction = randn({3, 1, 4}, kFloat64);
  auto loss = [&] { return (std::get<0>(mha(x, x, x)) * direction).sum(); };
  loss().backward();
  for (const auto& item : mha->named_parameters()) {
    Tensor flat = item.value().detach().view(-1); // shares memory
    const Tensor grad = item.value().grad().view(-1).clone();
    for (std::int64_t i = 0; i < flat.numel(); i += 5) {
      NoGradGuard no_grad;
      const double h = 1e-6;
      flat[i].add_(h);
      const double above = loss().item<double>();
      flat[i].sub_(2 * h);
      const double below = loss().item<double>();
      flat[i].add_(h);
      INFO(item.key() << ", element " << i);
      CHECK(grad[i].item<double>() == Approx((above - below) / (2 * h)).epsilon(1e-5).margin(1e-8));
    }
  }
}

TEST_CASE("under a causal mask no position sees a later one") {
  manual_seed(4);
  nn::TransformerEncoder encoder(
      nn::TransformerEncoderOptions(nn::TransformerEncoderLayerOptions(8, 2).dim_feedforward(12), 2));
  encoder->eval();
  const Tensor mask = nn::TransformerImpl::generate_square_subsequent_mask(5);
  CHECK(mask[1][1].item<float>() == 0);
  CHECK(mask[1][2].item<float>() == -std::numeric_limits<float>::infinity());
  Tensor x = randn({5, 2, 8});
  const Tensor before = encoder(x, mask).detach().clone();
  x.select(0, 3).add_(1);
  const Tensor after = encoder(x, mask);
  CHECK(after.narrow(0, 0, 3).allclose(before.narrow(0, 0, 3), 1e-6));
  CHECK_FALSE(after.narrow(0, 3, 2).allclose(before.narrow(0, 3, 2), 1e-3));
}

TEST_CASE("norm_first normalises what a layer reads") {
  nn::TransformerEncoderLayer layer(
      nn::TransformerEncoderLayerOptions(8, 2).dim_feedforward(12).dropout(0).norm_first(true));
  const Tensor x = randn({3, 2, 8});
  const Tensor h = layer->norm1(x);
  const Tensor attended = x + std::get<0>(layer->self_attn(h, h, h));
  const Tensor wanted = attended + layer->linear2(relu(layer->linear1(layer->norm2(attended))));
  CHECK(layer(x).allclose(wanted, 1e-5, 1e-6));
}

TEST_CASE("a Transformer compiled, with dropout off, gives what it gives eagerly; its copy too") {
  manual_seed(5);
  nn::Transformer model(nn::TransformerOptions(8, 2, 1, 2).dim_feedforward(12).activation(kGELU));
  model->eval();
  const Tensor src = randn({4, 2, 8}), tgt = randn({3, 2, 8});
  const Tensor mask = nn::TransformerImpl::generate_square_subsequent_mask(3);
  const Tensor wanted = model(src, tgt, Tensor(), mask);
  CHECK(wanted.sizes() == IntArrayRef({3, 2, 8}));
  auto fast = jit::compile([&](Tensor a, Tensor b) { return model(a, b, Tensor(), mask); });
  CHECK(fast(src, tgt).allclose(wanted, 1e-4, 1e-5));

  auto copy = std::dynamic_pointer_cast<nn::TransformerImpl>(model->clone());
  CHECK(copy->forward(src, tgt, Tensor(), mask).allclose(wanted, 1e-5, 1e-6));
  {
    NoGradGuard no_grad;
    for (Tensor& p : copy->parameters())
      p.zero_();
  }
  CHECK(model(src, tgt, Tensor(), mask).allclose(wanted, 1e-6));
  CHECK_FALSE(copy->forward(src, tgt, Tensor(), mask).allclose(wanted, 1e-3));
  CHECK(model->named_parameters().contains("decoder.layers.1.multihead_attn.in_proj_weight"));
}

TEST_CASE("attention and Transformers name what does not fit") {
  CHECK_THROWS_WITH(nn::MultiheadAttention(6, 4), Contains("embed_dim must be divisible by num_heads"));
  nn::MultiheadAttention mha(6, 2);
  const Tensor x = randn({3, 2, 6});
  CHECK_THROWS_WITH(mha(x, randn({4, 2, 6}), x), Contains("lengths or batches differ"));
  CHECK_THROWS_WITH(mha(x, x, x, Tensor(), true, zeros({3, 4})),
                    Contains("The size of the attn_mask is not correct"));
  CHECK_THROWS_WITH(mha(x, x, x, zeros({3, 2})), Contains("got key_padding_mask [3, 2], wanted [2, 3]"));
  nn::Transformer model(nn::TransformerOptions(8, 2, 1, 1).dim_feedforward(4));
  CHECK_THROWS_WITH(model(randn({3, 2, 8}), randn({3, 1, 8})), Contains("equal batch size"));
  CHECK_THROWS_WITH(nn::TransformerImpl::generate_square_subsequent_mask(0),
                    Contains("Input size must be non-negative"));
}

TEST_CASE("a decoder layer counts its parameters as PyTorch's does") {
  nn::TransformerDecoderLayer layer(nn::TransformerDecoderLayerOptions(4, 2));
  std::string names;
  for (const auto& item : layer->named_parameters())
    if (item.key().ends_with("weight")) names += item.key() + " ";
  CHECK(names == "self_attn.in_proj_weight self_attn.out_proj.weight multihead_attn.in_proj_weight "
                 "multihead_attn.out_proj.weight linear1.weight linear2.weight norm1.weight norm2.weight "
                 "norm3.weight ");
}
