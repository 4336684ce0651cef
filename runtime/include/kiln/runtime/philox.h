// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): random words from a
// counter and a key, with no state. Host reference of the random ops' element layout
// (ir/dialect/RandomOps.td), and the source of the host's own draws. Compiled kernels must give exactly these
// bits.
#pragma once

#include <array>
#include <cstdint>

namespace kiln::runtime {

using PhiloxWords = std::array<std::uint32_t, 4>;

constexpr PhiloxWords philox4x32_10(PhiloxWords counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0],
                        b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9, key[1] += 0xBB67AE85;
  }
  return counter;
}

/// Bits of element `element` of a draw at `offset` from `seed`. The key is the seed's low and high half; the
/// counter's first two words are (g / 64) * 16 + g % 16, low half first, for g = offset + element; the others
/// are 0.
constexpr std::uint32_t random_bits(std::uint64_t seed, std::uint64_t offset, std::uint64_t element) {
  const std::uint64_t g = offset + element, counter = g / 64 * 16 + g % 16;
  return philox4x32_10(
      {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)})[g / 16 % 4];
}

/// Bits of the elements for which offset + element lies in [64 * block, 64 * block + 64): a quarter of the
/// work.
constexpr std::array<std::uint32_t, 64> random_block(std::uint64_t seed, std::uint64_t block) {
  std::array<std::uint32_t, 64> bits{};
  for (std::uint64_t lane = 0; lane < 16; ++lane) {
    const std::uint64_t counter = block * 16 + lane;
    const PhiloxWords words =
        philox4x32_10({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
                      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
    for (std::size_t word = 0; word < 4; ++word)
      bits[word * 16 + lane] = words[word];
  }
  return bits;
}

/// `uniform` of the dialect: in [0, 1), a multiple of 2^-24, exact in f32 and f64.
constexpr float random_uniform(std::uint64_t seed, std::uint64_t offset, std::uint64_t element) {
  return static_cast<float>(random_bits(seed, offset, element) >> 8) * 0x1p-24f;
}

/// How far a draw of `elements` moves the state's offset.
constexpr std::uint64_t random_advance(std::uint64_t elements) {
  return (elements + 63) / 64 * 64;
}

} // namespace kiln::runtime
