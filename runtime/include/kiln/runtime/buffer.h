// Buffer: reference-counted, 64-byte aligned memory of a device, from a caching allocator.
// Handles are cheap to copy and may be shared between threads; what the bytes mean is the owner's business.
#pragma once

#include "kiln/runtime/error.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace kiln::runtime {

/// Where memory lives. Only CPU memory can be allocated so far.
struct Device {
  enum class Type : std::uint8_t { CPU, CUDA };
  Type type = Type::CPU;
  std::int32_t index = 0;
  bool operator==(const Device&) const = default;
};
std::string to_string(Device device); ///< "cpu", "cuda:0"

namespace detail {
/// Head of a block; its bytes follow at once when small, and are a mapping of their own when large.
struct alignas(64) Block {
  std::atomic<std::int64_t> references{1};
  std::byte* data = nullptr;
  std::size_t bytes = 0;                    // as asked for
  std::size_t capacity = 0;                 // as reserved
  Block* next = nullptr;                    // in a free list
  std::function<void()>* release = nullptr; // wrapped memory: gives it back to its owner
  std::uint32_t sizeClass = 0;
  Device device;
};
Block* allocate(std::size_t bytes, Device device);
Block* wrap(void* data, std::size_t bytes, std::function<void()> release, Device device);
void free(Block* block) noexcept;
} // namespace detail

class Buffer {
public:
  Buffer() = default; ///< no memory; `data()` is null
  /// Uninitialised memory. Throws Error naming the size and what is in use when there is not enough.
  static Buffer allocate(std::size_t bytes, Device device = {}) {
    return Buffer(detail::allocate(bytes, device));
  }
  /// Memory owned by somebody else; `release` (may be empty) is called when the last handle goes.
  static Buffer wrap(void* data, std::size_t bytes, std::function<void()> release = {}, Device device = {}) {
    return Buffer(detail::wrap(data, bytes, std::move(release), device));
  }

  Buffer(const Buffer& other) noexcept : block_(other.block_) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept { return std::swap(block_, other.block_), *this; }
  ~Buffer() { reset(); }

  void reset() noexcept {
    Block* block = std::exchange(block_, nullptr);
    if (!block) return;
    // The only handle needs no read-modify-write: nobody else can copy it meanwhile.
    if (block->references.load(std::memory_order_acquire) == 1 ||
        block->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      detail::free(block);
  }

  void* data() const { return block_ ? block_->data : nullptr; }
  template <class T> T* as() const { return static_cast<T*>(data()); }
  std::size_t size() const { return block_ ? block_->bytes : 0; }
  Device device() const { return block_ ? block_->device : Device{}; }
  /// True when this is the only handle, so that the bytes may be overwritten without anybody noticing.
  bool unique() const { return block_ && block_->references.load(std::memory_order_acquire) == 1; }
  explicit operator bool() const { return block_ != nullptr; }
  bool operator==(const Buffer& other) const { return block_ == other.block_; }

private:
  using Block = detail::Block;
  explicit Buffer(Block* block) : block_(block) {}
  Block* block_ = nullptr;
};

/// In bytes, of CPU memory that came from the allocator (wrapped memory does not count).
struct MemoryStats {
  std::int64_t current = 0; ///< held by buffers
  std::int64_t peak = 0;    ///< the most that `current` has been since the last reset
  std::int64_t cached = 0;  ///< freed large blocks that are kept for the next allocation
};
MemoryStats memory_stats();
void reset_peak_memory();     ///< peak = current
void release_cached_memory(); ///< gives cached large blocks back to the system

} // namespace kiln::runtime
