// Drawn digits: the same everywhere, balanced, inside the frame, and written whole.
#include "../support/temporary_folder.h"

#include "digits/draw.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace kiln::data;

namespace {
using Image = std::array<std::uint8_t, kDigitSize * kDigitSize>;
Image draw(int digit, std::uint64_t seed, std::uint64_t index) {
  Image image;
  draw_digit(digit, seed, index, image);
  return image;
}
} // namespace

TEST_CASE("a drawing depends on its digit, seed and index alone") {
  CHECK(draw(3, 7, 11) == draw(3, 7, 11));
  CHECK(draw(3, 7, 11) != draw(3, 8, 11));
  CHECK(draw(3, 7, 11) != draw(3, 7, 12));
  LabelledImages set = draw_digits(40, 7);
  Image fifth;
  std::copy_n(set.images.bytes.begin() + 5 * 784, 784, fifth.begin());
  CHECK(fifth == draw(set.labels.bytes[5], 7, 5));
}

TEST_CASE("every digit has ink in the middle and next to none in the corners") {
  for (int digit = 0; digit < 10; ++digit) {
    std::array<double, 784> mean{};
    for (std::uint64_t i = 0; i < 200; ++i) {
      Image image = draw(digit, 1, i);
      std::transform(image.begin(), image.end(), mean.begin(), mean.begin(),
                     [](auto pixel, double sum) { return sum + pixel / (255.0 * 200); });
    }
    double total = 0;
    for (double v : mean)
      total += v;
    INFO("digit " << digit);
    CHECK(total > 30);
    CHECK(total < 250);
    for (std::size_t corner : {0, 27, 756, 783})
      CHECK(mean[corner] < 0.1);
  }
}

TEST_CASE("labels are balanced and shuffled") {
  LabelledImages set = draw_digits(500, 3);
  for (int digit = 0; digit < 10; ++digit)
    CHECK(std::count(set.labels.bytes.begin(), set.labels.bytes.end(), digit) == 50);
  CHECK_FALSE(std::is_sorted(set.labels.bytes.begin(), set.labels.bytes.end()));
  CHECK(set.labels.bytes[0] * 10 + set.labels.bytes[1] != 1);
}

TEST_CASE("the files are drawn once, load through the reader, and are drawn again when of another version") {
  const kiln::test::TemporaryFolder folder;
  const fs::path dir = folder.path / "new" / "digits";
  CHECK_FALSE(holds_drawn_digits(dir));
  CHECK(write_drawn_digits(dir));
  CHECK(holds_drawn_digits(dir));
  CHECK_FALSE(write_drawn_digits(dir));
  CHECK(load(dir, Split::Train, kDigitSize, kDigitSize, 10).count() == 20'000);
  CHECK(load(dir, Split::Test, kDigitSize, kDigitSize, 10).count() == 4'000);
  std::ofstream(dir / "drawn-by-kiln.txt") << "another version";
  CHECK(write_drawn_digits(dir));
}
