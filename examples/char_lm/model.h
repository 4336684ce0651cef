// A Transformer that reads characters and says what comes next: embeddings of characters and places, encoder
// layers with a causal mask, a head onto the vocabulary.
#pragma once

#include <kiln/kiln.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

struct Size {
  std::int64_t vocabulary = 0, sequence = 64, width = 64, heads = 4, layers = 2;
};

/// Attention and a feed-forward part, each added to what came in and normalised, as the layers of PyTorch's
/// TransformerEncoder.
struct LayerImpl : kiln::nn::Module {
  explicit LayerImpl(const Size& size) : heads(size.heads) {
    using namespace kiln;
    auto fc = [&](const char* name, std::int64_t in, std::int64_t out) {
      return register_module(name, nn::Linear(in, out));
    };
    in = fc("in", size.width, 3 * size.width), out = fc("out", size.width, size.width);
    up = fc("up", size.width, 4 * size.width), down = fc("down", 4 * size.width, size.width);
    norm1 = register_module("norm1", nn::LayerNorm(nn::LayerNormOptions({size.width})));
    norm2 = register_module("norm2", nn::LayerNorm(nn::LayerNormOptions({size.width})));
  }
  /// x: [batch, sequence, width]; mask: [sequence, sequence], added to the scores.
  kiln::Tensor forward(kiln::Tensor x, kiln::Tensor mask) {
    x = norm1(x + attention(x, mask));
    return norm2(x + down(gelu(up(x))));
  }
  kiln::Tensor attention(const kiln::Tensor& x, const kiln::Tensor& mask) {
    auto batch = x.size(0), length = x.size(1), width = x.size(2), part = width / heads;
    auto parts = in(x).chunk(3, -1);
    auto split = [&](const kiln::Tensor& t) { // [batch, heads, sequence, part]
      return t.reshape({batch, length, heads, part}).transpose(1, 2);
    };
    auto query = split(parts[0]) / std::sqrt(static_cast<double>(part));
    auto weights = softmax(matmul(query, split(parts[1]).transpose(2, 3)) + mask, -1);
    return out(matmul(weights, split(parts[2])).transpose(1, 2).reshape({batch, length, width}));
  }
  std::int64_t heads;
  kiln::nn::Linear in{nullptr}, out{nullptr}, up{nullptr}, down{nullptr};
  kiln::nn::LayerNorm norm1{nullptr}, norm2{nullptr};
};
KILN_MODULE(Layer);

struct CharModelImpl : kiln::nn::Module {
  explicit CharModelImpl(const Size& size) {
    using namespace kiln;
    characters = register_module("characters", nn::Embedding(size.vocabulary, size.width));
    places = register_module("places", nn::Embedding(size.sequence, size.width));
    for (std::int64_t i = 0; i < size.layers; ++i)
      layers.push_back(register_module("layer" + std::to_string(i), Layer(size)));
    head = register_module("head", nn::Linear(size.width, size.vocabulary));
    place = register_buffer("place", arange(size.sequence, kInt64));
    auto later = place.unsqueeze(0).gt(place.unsqueeze(1)); // not to be looked at
    mask = register_buffer("mask", zeros({size.sequence, size.sequence}).masked_fill(later, -INFINITY));
  }
  /// x: [batch, sequence] numbers of characters; returns scores [batch, sequence, vocabulary].
  kiln::Tensor forward(kiln::Tensor x) {
    x = characters(x) + places(place);
    for (auto& layer : layers)
      x = layer->forward(x, mask);
    return head(x);
  }
  kiln::nn::Embedding characters{nullptr}, places{nullptr};
  std::vector<std::shared_ptr<LayerImpl>> layers;
  kiln::nn::Linear head{nullptr};
  kiln::Tensor place, mask;
};
KILN_MODULE(CharModel);
