// A Transformer that reads characters and says what comes next: embeddings of characters and places, an
// encoder with a causal mask, a head onto the vocabulary.
#pragma once

#include <kiln/kiln.h>

#include <cmath>

struct Size {
  std::int64_t vocabulary = 0, sequence = 64, width = 64, heads = 4, layers = 2;
};

struct CharModelImpl : kiln::nn::Module {
  explicit CharModelImpl(const Size& size) {
    using namespace kiln;
    characters = register_module("characters", nn::Embedding(size.vocabulary, size.width));
    places = register_module("places", nn::Embedding(size.sequence, size.width));
    auto layer = nn::TransformerEncoderLayerOptions(size.width, size.heads)
                     .dim_feedforward(4 * size.width)
                     .dropout(0)
                     .activation(kGELU);
    encoder = register_module("encoder", nn::TransformerEncoder(nn::TransformerEncoderOptions(
                                             nn::TransformerEncoderLayer(layer), size.layers)));
    head = register_module("head", nn::Linear(size.width, size.vocabulary));
    place = register_buffer("place", arange(size.sequence, kInt64));
    auto later = place.unsqueeze(0).gt(place.unsqueeze(1)); // not to be looked at
    mask = register_buffer("mask", zeros({size.sequence, size.sequence}).masked_fill(later, -INFINITY));
  }
  /// x: [batch, sequence] numbers of characters; returns scores [batch, sequence, vocabulary].
  kiln::Tensor forward(kiln::Tensor x) {
    x = characters(x) + places(place);
    x = encoder(x.transpose(0, 1), mask); // the encoder's sequences come first
    return head(x).transpose(0, 1);
  }
  kiln::nn::Embedding characters{nullptr}, places{nullptr};
  kiln::nn::TransformerEncoder encoder{nullptr};
  kiln::nn::Linear head{nullptr};
  kiln::Tensor place, mask;
};
KILN_MODULE(CharModel);
