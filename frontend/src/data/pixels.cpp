// Images kept as bytes; batches of floats are made from them while they are gathered.
#include "core/apply.h"
#include "kiln/data/datasets.h"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace kiln::data {

namespace detail {

struct PixelRows::Shared {
  std::vector<std::uint8_t> pixels;
  Shape sizes;
  std::size_t row = 0; ///< bytes of one image
  std::mutex mutex;    ///< of making `tensor`
  std::atomic<bool> has_tensor{false};
  Tensor tensor;
  Rows rows; ///< of `tensor`
};

namespace {

// The floats that a division by 255 gives, faster: 1 / 255 = 0x1.010101...p-8, and a byte times kFirst is
// exact, so that only the sum's rounding counts. That holds with a fused product too.
#if defined(__x86_64__)
[[gnu::target_clones("avx512f", "avx2", "default")]] // the widest vectors that this CPU has
#endif
void to_floats(const std::uint8_t* bytes, std::size_t count, float* out) {
  constexpr float kFirst = 0x1.01p-8F, kRest = 0x1.010102p-24F;
  for (std::size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<float>(bytes[i]);
    out[i] = byte * kFirst + byte * kRest;
  }
}

// Rows lie anywhere: without this, half of a batch's time is spent waiting for their first bytes.
void prefetch(const std::uint8_t* bytes, std::size_t count) {
  constexpr std::size_t kLine = 64;
  for (std::size_t i = 0; i < count; i += kLine)
    __builtin_prefetch(bytes + i);
}

} // namespace

PixelRows::PixelRows(std::vector<std::uint8_t> pixels, const Shape& sizes)
    : shared_(std::make_shared<Shared>()) {
  shared_->row = sizes[0] > 0 ? pixels.size() / static_cast<std::size_t>(sizes[0]) : 0;
  shared_->pixels = std::move(pixels);
  shared_->sizes = sizes;
}

std::size_t PixelRows::size() const {
  return static_cast<std::size_t>(shared_->sizes[0]);
}

Tensor PixelRows::gather(ArrayRef<std::size_t> indices) const {
  if (shared_->has_tensor.load(std::memory_order_acquire))
    if (auto rows = shared_->rows.gather(indices)) return std::move(*rows);
  TensorType type{DType::Float32, shared_->sizes};
  type.shape[0] = static_cast<std::int64_t>(indices.size());
  auto batch = runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()));
  const std::size_t row = shared_->row;
  auto bytes = [&](std::size_t index) { return shared_->pixels.data() + index * row; };
  for (const std::size_t index : indices)
    if (index >= size())
      throw Error("dataset: index " + std::to_string(index) + " is out of range for " +
                  std::to_string(size()) + " samples");
  constexpr std::size_t kAhead = 2;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (i + kAhead < indices.size()) prefetch(bytes(indices[i + kAhead]), row);
    to_floats(bytes(indices[i]), row, batch.as<float>() + i * row);
  }
  return internal::make_tensor(type, std::move(batch));
}

Tensor PixelRows::row(std::size_t index) const {
  if (shared_->has_tensor.load(std::memory_order_acquire))
    return shared_->tensor[static_cast<std::int64_t>(index)];
  return gather(index)[0];
}

const Tensor& PixelRows::tensor() const {
  std::lock_guard lock(shared_->mutex);
  if (!shared_->has_tensor) {
    const TensorType type{DType::Float32, shared_->sizes};
    auto all = runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()));
    to_floats(shared_->pixels.data(), shared_->pixels.size(), all.as<float>());
    shared_->tensor = internal::make_tensor(type, std::move(all));
    shared_->rows = Rows(shared_->tensor);
    shared_->has_tensor.store(true, std::memory_order_release);
  }
  return shared_->tensor;
}

} // namespace detail

namespace datasets {

namespace {
Tensor labels_tensor(const std::vector<std::uint8_t>& labels) {
  const TensorType type{DType::Int64, {std::ssize(labels)}};
  auto targets = runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()));
  std::copy(labels.begin(), labels.end(), targets.as<std::int64_t>());
  return internal::make_tensor(type, std::move(targets));
}
} // namespace

LabelledPixels::LabelledPixels(std::vector<std::uint8_t> pixels, const Shape& sizes,
                               const std::vector<std::uint8_t>& labels)
    : pixels_(std::move(pixels), sizes), targets_(labels_tensor(labels)), target_rows_(targets_) {}

Example<> LabelledPixels::get(std::size_t index) {
  return {pixels_.row(index), targets_[static_cast<std::int64_t>(index)]};
}

std::optional<Example<>> LabelledPixels::get_stacked(ArrayRef<std::size_t> indices) {
  auto targets = target_rows_.gather(indices);
  if (!targets) return std::nullopt;
  return Example<>(pixels_.gather(indices), std::move(*targets));
}

} // namespace datasets
} // namespace kiln::data
