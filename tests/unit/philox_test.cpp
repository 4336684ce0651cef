// Philox and XXH64 against their authors' published answers, and the element layout against its definition.
#include "kiln/runtime/hash.h"
#include "kiln/runtime/philox.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

using namespace kiln::runtime;

TEST_CASE("Philox 4x32-10 gives the known answers of Random123") {
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) == PhiloxWords{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32_10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        PhiloxWords{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxWords{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("sixteen elements share a word number and have consecutive counters") {
  const std::uint64_t seed = 0x0123456789abcdef;
  for (std::uint64_t block = 0; block < 3; ++block)
    for (std::uint64_t word = 0; word < 4; ++word)
      for (std::uint64_t lane = 0; lane < 16; ++lane) {
        const auto counter = static_cast<std::uint32_t>(block * 16 + lane);
        const PhiloxWords words = philox4x32_10({counter, 0, 0, 0}, {0x89abcdef, 0x01234567});
        REQUIRE(random_bits(seed, 0, block * 64 + word * 16 + lane) == words[word]);
      }
}

TEST_CASE("only offset plus element matters, also beyond 32 bits of counter") {
  CHECK(random_bits(1, 64, 5) == random_bits(1, 0, 69));
  const auto block = random_block(1, 7);
  for (std::uint64_t i = 0; i < 64; ++i)
    REQUIRE(block[i] == random_bits(1, 0, 7 * 64 + i));
  const std::uint64_t far = (std::uint64_t{1} << 34) + 64; // counter 2^32 + 16
  CHECK(random_bits(1, far, 0) == philox4x32_10({16, 1, 0, 0}, {1, 0})[0]);
  CHECK(random_bits(1, 0, 0) != random_bits(2, 0, 0));
}

TEST_CASE("uniform draws lie in [0, 1), with the mean and variance of a uniform") {
  double sum = 0, squares = 0;
  const int count = 100000;
  for (int i = 0; i < count; ++i) {
    const double u = random_uniform(7, 0, static_cast<std::uint64_t>(i));
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    sum += u, squares += u * u;
  }
  CHECK(sum / count == Approx(0.5).margin(0.004)); // four standard errors
  CHECK(squares / count - sum * sum / count / count == Approx(1.0 / 12).margin(0.001));
}

TEST_CASE("a draw moves the offset by whole blocks") {
  CHECK(random_advance(0) == 0);
  CHECK(random_advance(1) == 64);
  CHECK(random_advance(64) == 64);
  CHECK(random_advance(65) == 128);
}

TEST_CASE("XXH64 gives its specification's answers") {
  CHECK(hash64("") == 0xef46db3751d8e999);
  CHECK(hash64("a") == 0xd24ec4f1a98c6e5b);
  CHECK(hash64("abc") == 0x44bc2cf5ad770999);
  CHECK(hash64("Nobody inspects the spammish repetition") == 0xfbcea83c8a378bf1);
}

TEST_CASE("the hash of every length differs, and every bit of a message counts") {
  std::set<std::uint64_t> seen;
  for (std::size_t length = 0; length < 100; ++length)
    seen.insert(hash64(std::string(length, 'x')));
  for (std::size_t bit = 0; bit < 8 * 77; ++bit) {
    std::string text(77, 'x');
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
    seen.insert(hash64(text));
  }
  CHECK(seen.size() == 100 + 8 * 77);
}
