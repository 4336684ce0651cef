// Each digit has a few ways of being written; a way is a list of strokes, a stroke a list of points on a
// smooth curve in the unit square (x to the right, y down). A drawing bends and slants the strokes, then each
// pixel takes its brightness from its distance to the nearest stroke, which anti-aliases for free.
#include "digits/draw.h"

#include "kiln/runtime/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numbers>
#include <system_error>

namespace kiln::data {
namespace fs = std::filesystem;

namespace {

constexpr const char* kMarker = "drawn-by-kiln.txt";
constexpr const char* kVersion = "Digits drawn by Kiln's digits example, version 1. Not MNIST.\n";
constexpr std::uint64_t kTrainSeed = 1, kTestSeed = 2;

struct Point {
  float x, y;
};
using Stroke = std::vector<Point>;
using Writing = std::vector<Stroke>;

/// SplitMix64: the standard library's distributions differ between implementations, these do not.
class Random {
public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  float uniform(float low, float high) {
    return low + (high - low) * static_cast<float>(next() >> 40) * 0x1p-24F;
  }
  /// Sum of four 16-bit uniforms: near enough to normal, a single draw, no logarithm.
  float normal() {
    std::uint64_t bits = next();
    float sum = 0;
    for (int i = 0; i < 4; ++i, bits >>= 16)
      sum += static_cast<float>(bits & 0xFFFF);
    return (sum * 0x1p-16F - 2.0F) * std::numbers::sqrt3_v<float>;
  }

private:
  std::uint64_t state_;
};

/// Part of an ellipse, angles in degrees, clockwise from the right since y points down.
Stroke arc(Point centre, float rx, float ry, float from, float to) {
  Stroke stroke;
  int points = std::max(3, static_cast<int>(std::abs(to - from) / 20));
  for (int i = 0; i <= points; ++i) {
    float angle = (from + (to - from) * static_cast<float>(i) / static_cast<float>(points)) *
                  std::numbers::pi_v<float> / 180;
    stroke.push_back({centre.x + rx * std::cos(angle), centre.y + ry * std::sin(angle)});
  }
  return stroke;
}

Stroke join(std::initializer_list<Stroke> parts) {
  Stroke all;
  for (const auto& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

const std::array<std::vector<Writing>, 10>& writings() {
  static const std::array<std::vector<Writing>, 10> table = {{
      {{arc({0.5F, 0.5F}, 0.30F, 0.46F, -80, 285)}, {arc({0.5F, 0.5F}, 0.40F, 0.44F, -120, 235)}},
      {{{{0.5F, 0.04F}, {0.5F, 0.96F}}},
       {{{0.30F, 0.24F}, {0.52F, 0.05F}, {0.52F, 0.96F}}},
       {{{0.30F, 0.24F}, {0.52F, 0.05F}, {0.52F, 0.95F}}, {{0.30F, 0.95F}, {0.72F, 0.95F}}}},
      {{join({arc({0.5F, 0.28F}, 0.30F, 0.24F, -165, 35), {{0.45F, 0.72F}, {0.18F, 0.95F}, {0.82F, 0.95F}}})},
       {join({arc({0.48F, 0.28F}, 0.30F, 0.24F, -160, 50),
              {{0.36F, 0.78F}},
              arc({0.28F, 0.86F}, 0.12F, 0.09F, -20, -330),
              {{0.60F, 0.94F}, {0.84F, 0.88F}}})}},
      {{join({arc({0.46F, 0.27F}, 0.28F, 0.22F, -150, 85), arc({0.46F, 0.72F}, 0.32F, 0.24F, -85, 150)})},
       {join(
           {{{0.2F, 0.06F}, {0.78F, 0.06F}, {0.48F, 0.42F}}, arc({0.45F, 0.70F}, 0.32F, 0.26F, -80, 140)})}},
      {{{{0.30F, 0.06F}, {0.20F, 0.55F}, {0.82F, 0.55F}}, {{0.66F, 0.10F}, {0.66F, 0.96F}}},
       {{{0.82F, 0.68F}, {0.14F, 0.68F}, {0.62F, 0.05F}, {0.62F, 0.96F}}}},
      {{join(
           {{{0.76F, 0.06F}, {0.28F, 0.06F}, {0.25F, 0.44F}}, arc({0.46F, 0.68F}, 0.32F, 0.27F, -115, 140)})},
       {join({{{0.30F, 0.08F}, {0.25F, 0.42F}}, arc({0.46F, 0.68F}, 0.32F, 0.27F, -110, 145)}),
        {{0.30F, 0.07F}, {0.82F, 0.05F}}}},
      {{join(
           {{{0.66F, 0.05F}, {0.38F, 0.30F}, {0.22F, 0.62F}}, arc({0.48F, 0.71F}, 0.27F, 0.24F, 185, -170)})},
       {join({arc({0.62F, 0.42F}, 0.40F, 0.40F, -80, -180), arc({0.49F, 0.72F}, 0.27F, 0.23F, 180, -175)})}},
      {{{{0.17F, 0.07F}, {0.82F, 0.07F}, {0.42F, 0.96F}}},
       {{{0.17F, 0.07F}, {0.82F, 0.07F}, {0.42F, 0.96F}}, {{0.34F, 0.50F}, {0.74F, 0.50F}}},
       {{{0.18F, 0.22F}, {0.20F, 0.07F}, {0.82F, 0.07F}, {0.55F, 0.50F}, {0.46F, 0.96F}}}},
      {{arc({0.5F, 0.27F}, 0.24F, 0.22F, 90, 445), arc({0.5F, 0.73F}, 0.30F, 0.24F, -90, 265)},
       {join({{{0.74F, 0.14F}},
              arc({0.5F, 0.27F}, 0.25F, 0.22F, -40, -260),
              arc({0.5F, 0.73F}, 0.28F, 0.23F, -70, 250),
              {{0.70F, 0.36F}, {0.76F, 0.18F}}})}},
      {{join({arc({0.50F, 0.30F}, 0.28F, 0.25F, 0, -350), {{0.77F, 0.30F}, {0.72F, 0.96F}}})},
       {join({arc({0.50F, 0.30F}, 0.28F, 0.24F, -10, -350),
              {{0.77F, 0.40F}},
              arc({0.40F, 0.60F}, 0.36F, 0.36F, 0, 110)})}},
  }};
  return table;
}

/// A slow wave over the square: what makes two drawings differ by more than an affine change.
struct Wobble {
  explicit Wobble(Random& random) {
    for (auto& wave : waves)
      wave = {random.uniform(-0.035F, 0.035F), random.uniform(2, 6), random.uniform(0, 6.3F),
              random.uniform(2, 6)};
  }
  Point operator()(Point p) const {
    auto at = [&](const std::array<float, 4>& w) { return w[0] * std::sin(w[1] * p.x + w[3] * p.y + w[2]); };
    return {p.x + at(waves[0]), p.y + at(waves[1])};
  }
  std::array<std::array<float, 4>, 2> waves;
};

/// Rotation, slant, unequal scales and a shift, from the unit square to pixels.
struct Affine {
  explicit Affine(Random& random) {
    float angle = 0.16F * random.normal(), slant = 0.15F + 0.22F * random.normal();
    float size = 19.5F + 1.6F * random.normal();
    float width = size * random.uniform(0.68F, 1.08F);
    float c = std::cos(angle), s = std::sin(angle);
    // x' = R * shear * scale * (p - centre) + middle of the image
    a = c * width, b = -(c * slant + s) * size;
    d = s * width, e = (c - s * slant) * size;
    x = 13.5F + 1.1F * random.normal(), y = 13.5F + 1.1F * random.normal();
  }
  Point operator()(Point p) const {
    float u = p.x - 0.5F, v = p.y - 0.5F;
    return {a * u + b * v + x, d * u + e * v + y};
  }
  float a, b, d, e, x, y;
};

/// Point of the Catmull-Rom curve through p1 and p2. A tension below one leaves corners recognisable.
Point curve(Point p0, Point p1, Point p2, Point p3, float t) {
  auto axis = [&](float a, float b, float c, float d) {
    float m1 = 0.35F * (c - a), m2 = 0.35F * (d - b), t2 = t * t, t3 = t2 * t;
    return (2 * t3 - 3 * t2 + 1) * b + (t3 - 2 * t2 + t) * m1 + (3 * t2 - 2 * t3) * c + (t3 - t2) * m2;
  };
  return {axis(p0.x, p1.x, p2.x, p3.x), axis(p0.y, p1.y, p2.y, p3.y)};
}

using Canvas = std::array<float, kDigitSize * kDigitSize>;

/// Keeps, for each pixel near the segment, the smallest distance to a stroke's edge.
void draw_segment(Canvas& distance, Point p, Point q, float radius) {
  float reach = radius + 1;
  auto low = [&](float a, float b) {
    return std::max(0, static_cast<int>(std::floor(std::min(a, b) - reach)));
  };
  auto high = [&](float a, float b) {
    return std::min(kDigitSize - 1, static_cast<int>(std::ceil(std::max(a, b) + reach)));
  };
  float dx = q.x - p.x, dy = q.y - p.y, length = std::max(dx * dx + dy * dy, 1e-6F);
  for (int y = low(p.y, q.y); y <= high(p.y, q.y); ++y)
    for (int x = low(p.x, q.x); x <= high(p.x, q.x); ++x) {
      float u = static_cast<float>(x) - p.x, v = static_cast<float>(y) - p.y;
      float t = std::clamp((u * dx + v * dy) / length, 0.0F, 1.0F);
      float away = std::sqrt((u - t * dx) * (u - t * dx) + (v - t * dy) * (v - t * dy)) - radius;
      float& nearest = distance[static_cast<std::size_t>(y) * kDigitSize + static_cast<std::size_t>(x)];
      nearest = std::min(nearest, away);
    }
}

void draw_stroke(Canvas& distance, const Stroke& stroke, float radius) {
  constexpr int kPieces = 4;
  for (std::size_t i = 0; i + 1 < stroke.size(); ++i) {
    Point before = stroke[i ? i - 1 : 0], after = stroke[std::min(i + 2, stroke.size() - 1)];
    Point from = stroke[i];
    for (int k = 1; k <= kPieces; ++k) {
      Point to = curve(before, stroke[i], stroke[i + 1], after, static_cast<float>(k) / kPieces);
      draw_segment(distance, from, to, radius);
      from = to;
    }
  }
}

void write_marker(const fs::path& directory) {
  std::ofstream out(directory / kMarker, std::ios::binary);
  if (!(out << kVersion << std::flush)) throw Error((directory / kMarker).string() + ": cannot write");
}

} // namespace

void draw_digit(int digit, std::uint64_t seed, std::uint64_t index,
                std::span<std::uint8_t, kDigitSize * kDigitSize> to) {
  Random random(Random(seed * 0x100000001ULL + index).next());
  const auto& ways = writings().at(static_cast<std::size_t>(digit));
  const Writing& writing = ways[random.next() % ways.size()];
  Wobble wobble(random);
  Affine affine(random);
  float radius = random.uniform(0.75F, 1.75F), jitter = 0.016F;
  Canvas distance;
  distance.fill(1e9F);
  for (const auto& stroke : writing) {
    Stroke moved = stroke;
    for (auto& p : moved) {
      p = {p.x + jitter * random.normal(), p.y + jitter * random.normal()};
      p = affine(wobble(p));
    }
    draw_stroke(distance, moved, radius);
  }
  float ink = random.uniform(0.8F, 1.0F), noise = random.uniform(0.0F, 0.10F);
  for (std::size_t i = 0; i < to.size(); ++i) {
    float brightness = ink * std::clamp(0.5F - distance[i], 0.0F, 1.0F) + noise * random.normal();
    to[i] = static_cast<std::uint8_t>(std::clamp(brightness, 0.0F, 1.0F) * 255 + 0.5F);
  }
}

LabelledImages draw_digits(std::int64_t count, std::uint64_t seed) {
  LabelledImages set;
  auto images = static_cast<std::size_t>(count);
  set.images = {{count, kDigitSize, kDigitSize}, std::vector<std::uint8_t>(images * kDigitSize * kDigitSize)};
  set.labels = {{count}, std::vector<std::uint8_t>(images)};
  for (std::size_t i = 0; i < images; ++i)
    set.labels.bytes[i] = static_cast<std::uint8_t>(i % 10);
  Random random(~seed);
  for (std::size_t i = images; i > 1; --i)
    std::swap(set.labels.bytes[i - 1], set.labels.bytes[random.next() % i]);
  for (std::size_t i = 0; i < images; ++i) {
    std::span<std::uint8_t, kDigitSize * kDigitSize> image(
        set.images.bytes.data() + i * kDigitSize * kDigitSize, kDigitSize * kDigitSize);
    draw_digit(set.labels.bytes[i], seed, i, image);
  }
  return set;
}

bool holds_drawn_digits(const fs::path& directory) {
  std::error_code code;
  return fs::exists(directory / kMarker, code);
}

bool write_drawn_digits(const fs::path& directory) {
  std::ifstream marker(directory / kMarker, std::ios::binary);
  if (std::string text{std::istreambuf_iterator<char>(marker), {}}; text == kVersion) return false;
  std::error_code code;
  fs::create_directories(directory, code);
  if (code) throw Error(directory.string() + ": cannot create: " + code.message());
  for (auto [split, count, seed] :
       {std::tuple{Split::Train, 20'000, kTrainSeed}, {Split::Test, 4'000, kTestSeed}}) {
    LabelledImages set = draw_digits(count, seed);
    write_idx(directory / images_name(split), set.images);
    write_idx(directory / labels_name(split), set.labels);
  }
  write_marker(directory); // last: its presence says that all four files are whole
  return true;
}

} // namespace kiln::data
