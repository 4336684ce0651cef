// Padded and packed sequences: against slow loops, there and back, gradients, and what is refused.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

using namespace kiln;
using namespace kiln::nn::utils::rnn;
using Catch::Matchers::Contains;

namespace {

using Lengths = std::vector<std::int64_t>;

Tensor list(const Lengths& values) {
  Tensor result = zeros({static_cast<std::int64_t>(values.size())}, kInt64);
  for (std::size_t i = 0; i < values.size(); ++i)
    result[static_cast<std::int64_t>(i)] = values[i];
  return result;
}

/// Sequence i's element t is 100 i + t, twice.
std::vector<Tensor> sequences(const Lengths& lengths) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    result.push_back(
        (arange(lengths[i], kFloat32) + static_cast<double>(100 * i)).unsqueeze(1).expand({-1, 2}));
  return result;
}

} // namespace

TEST_CASE("pad_sequence makes a rectangle of sequences of different lengths") {
  const auto list_of_three = sequences({2, 3, 1});
  const Tensor padded = pad_sequence(list_of_three, true, -1);
  CHECK(padded.select(2, 0).equal(tensor({{0.f, 1.f, -1.f}, {100.f, 101.f, 102.f}, {200.f, -1.f, -1.f}})));
  CHECK(padded.select(2, 1).equal(padded.select(2, 0)));
  CHECK(pad_sequence(list_of_three, false, -1).equal(padded.transpose(0, 1)));
  CHECK(pad_sequence({tensor({1, 2}), tensor({3})}).equal(tensor({{1, 3}, {2, 0}})));
  CHECK_THROWS_WITH(
      pad_sequence({ones({2, 3}), ones({2, 4})}),
      "pad_sequence: got sequences of [2, 3] and [2, 4], wanted them to differ in length alone");
  CHECK_THROWS_WITH(pad_sequence({}), Contains("empty list"));
}

TEST_CASE("packing goes step by step, and padding brings everything back") {
  const Lengths lengths = {2, 4, 1, 4};
  const Tensor padded = pad_sequence(sequences(lengths)); // [4, 4, 2]
  for (const bool batch_first : {false, true}) {
    INFO((batch_first ? "batch first" : "steps first"));
    const Tensor input = batch_first ? padded.transpose(0, 1) : padded;
    const PackedSequence packed = pack_padded_sequence(input, list(lengths), batch_first, false);
    CHECK(packed.batch_sizes().equal(list({4, 3, 2, 2})));
    CHECK(packed.sorted_indices().equal(list({1, 3, 0, 2})));
    CHECK(packed.unsorted_indices().equal(list({2, 0, 3, 1})));
    std::int64_t row = 0; // the slow way
    for (std::int64_t step = 0; step < 4; ++step)
      for (const int i : {1, 3, 0, 2})
        if (lengths[static_cast<std::size_t>(i)] > step)
          CHECK(packed.data()[row++].equal(full({2}, 100.0 * i + static_cast<double>(step))));
    CHECK(row == packed.data().size(0));

    const auto [back, sizes] = pad_packed_sequence(packed, batch_first);
    CHECK(back.equal(input));
    CHECK(sizes.equal(list(lengths)));
    const Tensor longer = std::get<0>(pad_packed_sequence(packed, batch_first, 7, 6));
    CHECK(longer.narrow(batch_first ? 1 : 0, 4, 2)
              .equal(full(batch_first ? IntArrayRef{4, 2, 2} : IntArrayRef{2, 4, 2}, 7)));
    CHECK_THROWS_WITH(
        pad_packed_sequence(packed, batch_first, 0, 3),
        Contains("Expected total_length to be at least the length of the longest sequence in input"));
  }
}

TEST_CASE("sequences in the order of their lengths need no permutation") {
  const PackedSequence packed = pack_sequence(sequences({3, 2, 2}));
  CHECK_FALSE(packed.sorted_indices().defined());
  CHECK_FALSE(packed.unsorted_indices().defined());
  CHECK(packed.batch_sizes().equal(list({3, 3, 1})));
  CHECK(std::get<0>(pad_packed_sequence(packed)).equal(pad_sequence(sequences({3, 2, 2}))));
  CHECK_THROWS_WITH(pack_sequence(sequences({2, 3})), Contains("You can pass `enforce_sorted=False`"));
}

TEST_CASE("gradients reach what was packed, and no padding") {
  const Tensor padded = ones({3, 2, 2}, kFloat64).requires_grad_();
  const PackedSequence packed = pack_padded_sequence(padded, list({1, 3}), false, false);
  const auto [back, lengths] = pad_packed_sequence(packed);
  const Tensor weight = arange(12, kFloat64).view({3, 2, 2});
  (back * weight).sum().backward();
  const Tensor mask = tensor({{1.0, 1.0}, {0.0, 1.0}, {0.0, 1.0}}).to(kFloat64).unsqueeze(2);
  CHECK(padded.grad().equal(weight * mask));
}

TEST_CASE("what cannot be packed is refused") {
  CHECK_THROWS_WITH(pack_padded_sequence(ones({3}), list({1})), Contains("wanted [steps, batch, …]"));
  CHECK_THROWS_WITH(pack_padded_sequence(ones({0, 2}), list({1, 1})), Contains("Cannot pack empty tensors"));
  CHECK_THROWS_WITH(pack_padded_sequence(ones({3, 2}), list({1})),
                    Contains("Expected `len(lengths)` to be equal to batch_size, got [1], wanted [2]"));
  for (const std::int64_t length : {0, 4})
    CHECK_THROWS_WITH(pack_padded_sequence(ones({3, 2}), list({3, length}), false, false),
                      Contains("Length of all samples has to be greater than 0"));
  CHECK_THROWS_WITH(PackedSequence(ones({3, 2}), list({1, 2})), Contains("not grow, got 2 after 1"));
  CHECK_THROWS_WITH(PackedSequence(ones({3, 2}), list({2, 2})), Contains("batch_sizes wants 4 rows"));
  CHECK_THROWS_WITH(PackedSequence(ones({2, 2}), list({2}), list({0, 5})), Contains("got the index 5"));
}
