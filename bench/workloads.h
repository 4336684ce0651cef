// The workloads' names and sizes, and the work that each cannot do without: what both benchmarks share.
// C++17 and standard library only, since LibTorch's side is built against old headers.
#pragma once

#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// Floating-point operations of one run, a multiplication and an addition counting as two, and the bytes that
/// must cross the memory bus if every array is read or written once.
struct Work {
  double flops = 0;
  double bytes = 0;
};

// first_net: 10-5-1 with ReLU, MSE, SGD 0.01.
constexpr std::int64_t kFirstBatch = 10, kFirstIn = 10, kFirstHidden = 5, kFirstOut = 1;
// mlp: 784-256-256-10 with ReLU and dropout 0.2, cross-entropy, SGD with momentum 0.9.
constexpr std::int64_t kMlpIn = 784, kMlpHidden = 256, kMlpOut = 10;
constexpr double kDropout = 0.2, kMomentum = 0.9;
// block: x + attention(norm(x)), then x + feed_forward(norm(x)); MSE, SGD with momentum 0.9.
constexpr std::int64_t kBlockBatch = 8, kBlockSequence = 128, kBlockWidth = 256,
                       kBlockHidden = 2 * kBlockWidth;
// char_lm: a causal Transformer over characters: embeddings, 4 post-norm encoder layers with 4 heads and
// GELU, a head onto the vocabulary; cross-entropy, AdamW.
constexpr std::int64_t kCharBatch = 16, kCharSequence = 64, kCharWidth = 128, kCharHeads = 4, kCharLayers = 4,
                       kCharHidden = 4 * kCharWidth, kCharVocabulary = 96;
// adamw: AdamW's step alone, its gradients given, over what a Transformer holds: 8 encoder layers, two
// embeddings and a head, 100 tensors of 10,007,200 elements together.
constexpr std::int64_t kAdamWidth = 320, kAdamHidden = 4 * kAdamWidth, kAdamLayers = 8, kAdamVocabulary = 160,
                       kAdamSequence = 128;
// pointwise: gelu(a * b + 0.5) * a.
constexpr std::int64_t kPointwise = 16 << 20;
// eager_add: a + b of two small tensors.
constexpr std::int64_t kEagerAdd = 8;
// data_loader: a batch of 64 out of MNIST's 60,000 images, shuffled, made by one worker.
constexpr std::int64_t kLoaderImages = 60000, kLoaderSide = 28, kLoaderBatch = 64;

/// Files of MNIST's form and size in `directory`: noise.
inline void write_noise_as_mnist(const std::string& directory) {
  std::vector<char> images(static_cast<std::size_t>(kLoaderImages * kLoaderSide * kLoaderSide)),
      labels(static_cast<std::size_t>(kLoaderImages));
  std::uint32_t noise = 1;
  for (char& pixel : images)
    pixel = static_cast<char>((noise = noise * 1664525 + 1013904223) >> 24);
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<char>(i % 10);
  auto write = [&](const char* name, std::vector<std::uint32_t> header, const std::vector<char>& data) {
    std::ofstream file(directory + "/" + name, std::ios::binary);
    for (std::uint32_t word : header)
      for (int shift = 24; shift >= 0; shift -= 8)
        file.put(static_cast<char>(word >> shift));
    if (!file.write(data.data(), static_cast<std::streamsize>(data.size())))
      throw std::runtime_error("cannot write to " + directory);
  };
  auto side = static_cast<std::uint32_t>(kLoaderSide), count = static_cast<std::uint32_t>(kLoaderImages);
  write("train-images-idx3-ubyte", {0x803, count, side, side}, images);
  write("train-labels-idx1-ubyte", {0x801, count}, labels);
}

inline const std::vector<std::string>& workloads() {
  static const std::vector<std::string> names = {
      "first_net", "mlp_b64",   "mlp_b1024", "block",     "char_lm",     "adamw",    "gemm_256",
      "gemm_512",  "gemm_1024", "gemm_2048", "pointwise", "data_loader", "eager_add"};
  return names;
}

inline bool starts_with(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}
inline std::int64_t size_of(const std::string& name) {
  return std::stoll(name.substr(name.find_last_not_of("0123456789") + 1));
}

/// A training step of a perceptron: forward, the gradient of every weight, the gradient of every input but
/// the first. Bytes: the batch is read; a parameter and its `state` copies (gradient and momentum stay in
/// registers) are read and written.
inline Work perceptron(std::int64_t batch, const std::vector<std::int64_t>& widths, int state) {
  Work work;
  double parameters = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    double product = 2.0 * static_cast<double>(batch * widths[i] * widths[i + 1]);
    work.flops += product * (i == 0 ? 2 : 3);
    parameters += static_cast<double>((widths[i] + 1) * widths[i + 1]);
  }
  work.bytes = 4.0 * (static_cast<double>(batch * (widths.front() + 1)) + parameters * 2 * (1 + state));
  return work;
}

inline Work block() {
  double tokens = kBlockBatch * kBlockSequence, d = kBlockWidth, h = kBlockHidden;
  double products = 2 * tokens * d * d * 4 + 2 * 2 * tokens * kBlockSequence * d + 2 * 2 * tokens * d * h;
  // The input needs no gradient, but its norm has parameters, so every product is differentiated on both
  // sides.
  double parameters = 4 * d * (d + 1) + 2 * d * h + h + d + 4 * d;
  return {3 * products, 4 * (2 * tokens * d + 4 * parameters)};
}

inline Work char_lm() {
  double tokens = kCharBatch * kCharSequence, d = kCharWidth, h = kCharHidden, v = kCharVocabulary;
  double layer = 2 * tokens * d * d * 4 + 2 * 2 * tokens * kCharSequence * d + 2 * 2 * tokens * d * h;
  double parameters =
      kCharLayers * (4 * d * (d + 1) + 2 * d * h + h + d + 4 * d) + (v + kCharSequence) * d + v * (d + 1);
  // A parameter and AdamW's two moments are read and written.
  return {3 * (kCharLayers * layer + 2 * tokens * d * v), 4 * (2 * 2 * tokens + 6 * parameters)};
}

/// Shapes of adamw's parameters, in the order in which a model registers them.
inline std::vector<std::vector<std::int64_t>> adamw_shapes() {
  constexpr auto d = kAdamWidth, h = kAdamHidden;
  std::vector<std::vector<std::int64_t>> shapes{{kAdamVocabulary, d}, {kAdamSequence, d}};
  for (std::int64_t layer = 0; layer < kAdamLayers; ++layer)
    for (const std::vector<std::int64_t>& shape : std::initializer_list<std::vector<std::int64_t>>{
             {3 * d, d}, {3 * d}, {d, d}, {d}, {h, d}, {h}, {d, h}, {d}, {d}, {d}, {d}, {d}})
      shapes.push_back(shape);
  shapes.insert(shapes.end(), {{kAdamVocabulary, d}, {kAdamVocabulary}});
  return shapes;
}

/// Parameter, gradient and both moments are read, all but the gradient written; the square root and the two
/// divisions count as one operation each.
inline Work adamw() {
  double elements = 0;
  for (const auto& shape : adamw_shapes())
    elements += static_cast<double>(shape.size() == 2 ? shape[0] * shape[1] : shape[0]);
  return {14 * elements, 4 * 7 * elements};
}

/// Throws std::out_of_range for a name that is not in workloads().
inline Work work_of(const std::string& name) {
  if (name == "first_net") return perceptron(kFirstBatch, {kFirstIn, kFirstHidden, kFirstOut}, 0);
  if (starts_with(name, "mlp_b"))
    return perceptron(size_of(name), {kMlpIn, kMlpHidden, kMlpHidden, kMlpOut}, 1);
  if (name == "block") return block();
  if (name == "char_lm") return char_lm();
  if (name == "adamw") return adamw();
  if (starts_with(name, "gemm_")) {
    auto n = static_cast<double>(size_of(name));
    return {2 * n * n * n, 4 * 3 * n * n};
  }
  // Operations of gelu as one multiplication or addition each, the error function as one.
  if (name == "data_loader") return {0, 4.0 * 2 * kLoaderBatch * kLoaderSide * kLoaderSide};
  if (name == "eager_add") return {1.0 * kEagerAdd, 4.0 * 3 * kEagerAdd};
  if (name == "pointwise") return {8.0 * kPointwise, 4.0 * 3 * kPointwise};
  throw std::out_of_range("no workload " + name);
}

} // namespace bench
