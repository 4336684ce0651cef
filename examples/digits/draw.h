// Draws handwritten-looking digits, for a machine without MNIST: strokes under random affine changes, wobble,
// thickness and noise. The same seed draws the same bytes everywhere.
#pragma once

#include "kiln/data/idx.h"

#include <cstdint>
#include <span>

namespace kiln::data {

inline constexpr int kDigitSize = 28;

/// Draws `digit` (0-9) into 28 x 28 bytes, white on black, as MNIST's. Image `index` of a seed never depends
/// on others.
void draw_digit(int digit, std::uint64_t seed, std::uint64_t index,
                std::span<std::uint8_t, kDigitSize * kDigitSize> to);

/// `count` images [count, 28, 28] with every digit as often as the next, in random order.
LabelledImages draw_digits(std::int64_t count, std::uint64_t seed);

/// Draws 20,000 images to train on and 4,000 to test on and writes them to `directory` (created) as IDX
/// files. A directory that already holds this version's digits is left alone. Returns whether it drew.
bool write_drawn_digits(const std::filesystem::path& directory);

/// Whether the files in `directory` were drawn by write_drawn_digits, this version or an earlier one.
bool holds_drawn_digits(const std::filesystem::path& directory);

} // namespace kiln::data
