// The caching allocator of CPU memory.
// Small blocks (to 64 KiB) are carved out of slabs by size class; each thread keeps some, the rest lie in a
// common pool, and slabs stay with the process. Large blocks are mappings of their own; freed ones are kept
// for reuse up to a bound, oldest dropped first.
#include "asan.h"
#include "kiln/runtime/buffer.h"
#include "pages.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <tuple>
#include <unistd.h>
#include <vector>

namespace kiln::runtime {
namespace detail {
namespace {

constexpr std::size_t kUnit = 64, kSmallLimit = std::size_t{64} << 10, kSlab = std::size_t{1} << 20;
constexpr std::size_t kPage = 4096;

// Classes by data size in units of 64 bytes: 1 … 8, then four for each doubling up to 1024.
constexpr std::uint32_t kClasses = 8 + 4 * 7;
constexpr std::uint32_t kLarge = kClasses, kWrapped = kClasses + 1;

constexpr std::uint32_t class_of(std::size_t bytes) {
  const std::size_t units = bytes <= kUnit ? 1 : (bytes + kUnit - 1) / kUnit;
  if (units <= 8) return static_cast<std::uint32_t>(units - 1);
  const unsigned shift = std::bit_width(units - 1) - 3; // two bits below the leading one
  return static_cast<std::uint32_t>(4 * shift + ((units - 1) >> shift));
}
constexpr std::size_t class_bytes(std::uint32_t sizeClass) {
  if (sizeClass < 8) return kUnit * (sizeClass + 1);
  const unsigned shift = (sizeClass - 4) / 4; // below 8, as there are kClasses
  // The analyzer asks for kLarge to be handled, which has no one size.
  // NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift)
  return kUnit * ((static_cast<std::size_t>((sizeClass - 4) % 4 + 4) + 1) << shift);
}
static_assert(class_of(kSmallLimit) == kClasses - 1 && class_bytes(kClasses - 1) == kSmallLimit);
static_assert(class_of(513) == 8 && class_bytes(8) == 640 && class_of(640) == 8 && class_of(641) == 9);

/// Blocks that a thread keeps of a class before it gives half of them away.
constexpr std::uint32_t keep(std::uint32_t sizeClass) {
  return static_cast<std::uint32_t>(
      std::clamp<std::size_t>((std::size_t{128} << 10) / class_bytes(sizeClass), 2, 64));
}

struct FreeList {
  Block* head = nullptr;
  std::uint32_t count = 0;
  void push(Block* block) { block->next = head, head = block, ++count; }
  Block* pop() {
    Block* block = head;
    if (block) head = block->next, --count;
    return block;
  }
};

struct Statistics {
  std::atomic<std::int64_t> current{0}, peak{0}, highest{0}, cached{0};
  void add(std::int64_t bytes) {
    const std::int64_t now = current.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    raise(peak, now), raise(highest, now);
  }
  static void raise(std::atomic<std::int64_t>& mark, std::int64_t now) {
    std::int64_t seen = mark.load(std::memory_order_relaxed);
    while (now > seen && !mark.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
    }
  }
};
constinit Statistics statistics;

[[noreturn]] void out_of_memory(std::size_t bytes) {
  throw Error("out of memory: cannot allocate " + std::to_string(bytes) + " bytes on cpu (" +
              std::to_string(statistics.current.load()) + " bytes are in use)");
}

/// Small blocks that no thread keeps.
class SmallPool {
public:
  void take(FreeList& into, std::uint32_t sizeClass, std::uint32_t count) {
    std::lock_guard lock(mutex_);
    while (count-- > 0) {
      Block* block = free_[sizeClass].pop();
      if (!block) block = carve(sizeClass);
      if (!block) return;
      into.push(block);
    }
  }
  void give(FreeList& from, std::uint32_t sizeClass, std::uint32_t count) {
    std::lock_guard lock(mutex_);
    while (count-- > 0 && from.head)
      free_[sizeClass].push(from.pop());
  }

private:
  Block* carve(std::uint32_t sizeClass) {
    const std::size_t bytes = sizeof(Block) + class_bytes(sizeClass);
    if (static_cast<std::size_t>(end_ - at_) < bytes) { // the slab's rest is lost: at most 64 KiB of 1 MiB
      auto* slab = static_cast<std::byte*>(map_pages(kSlab));
      if (!slab) return nullptr;
      at_ = slab, end_ = slab + kSlab;
    }
    auto* block = new (at_) Block;
    block->data = at_ + sizeof(Block);
    block->capacity = class_bytes(sizeClass);
    block->sizeClass = sizeClass;
    asan_poison(block->data, block->capacity);
    at_ += bytes;
    return block;
  }

  std::mutex mutex_;
  std::array<FreeList, kClasses> free_;
  std::byte *at_ = nullptr, *end_ = nullptr;
};

/// Freed mappings, oldest first.
class LargePool {
public:
  /// A mapping of at least `bytes`, at most a quarter larger; {null, 0} when there is none.
  std::pair<std::byte*, std::size_t> take(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    auto best = cached_.end();
    for (auto it = cached_.begin(); it != cached_.end();
         ++it) // the newest of the smallest that fit: likely in cache
      if (it->capacity >= bytes && it->capacity <= bytes + bytes / 4 &&
          (best == cached_.end() || it->capacity <= best->capacity))
        best = it;
    if (best == cached_.end()) return {nullptr, 0};
    const Mapping found = *best;
    cached_.erase(best);
    statistics.cached.fetch_sub(static_cast<std::int64_t>(found.capacity), std::memory_order_relaxed);
    return {found.data, found.capacity};
  }
  void give(std::byte* data, std::size_t capacity) noexcept {
    std::lock_guard lock(mutex_);
    try {
      cached_.push_back({data, capacity});
    } catch (const std::bad_alloc&) {
      return unmap_pages(data, capacity);
    }
    statistics.cached.fetch_add(static_cast<std::int64_t>(capacity), std::memory_order_relaxed);
    shrink(bound());
  }
  void release() noexcept {
    std::lock_guard lock(mutex_);
    shrink(0);
  }

private:
  struct Mapping {
    std::byte* data;
    std::size_t capacity;
  };
  /// A program that repeats itself never needs more than its own peak; and a quarter of the machine is enough
  /// for all.
  static std::int64_t bound() {
    static const std::int64_t quarter = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE) / 4;
    const std::int64_t highest = statistics.highest.load(std::memory_order_relaxed);
    const std::int64_t unused = highest + highest / 4 + (std::int64_t{64} << 20) - statistics.current.load();
    return std::min(std::max(quarter, std::int64_t{256} << 20), unused);
  }
  void shrink(std::int64_t bound) {
    auto it = cached_.begin();
    for (; it != cached_.end() && statistics.cached.load(std::memory_order_relaxed) > bound; ++it) {
      statistics.cached.fetch_sub(static_cast<std::int64_t>(it->capacity), std::memory_order_relaxed);
      asan_unpoison(it->data, it->capacity);
      unmap_pages(it->data, it->capacity);
    }
    cached_.erase(cached_.begin(), it);
  }

  std::mutex mutex_;
  std::vector<Mapping> cached_;
};

// Never destroyed: buffers in static variables may be freed after everything else.
struct Pools {
  SmallPool small;
  LargePool large;
};
Pools& pools() {
  static Pools* const instance = new Pools;
  return *instance;
}

struct ThreadCache {
  std::array<FreeList, kClasses> free;
};
// A plain pointer, so that the hot path costs one load; its owner below empties it when the thread ends.
constinit thread_local ThreadCache* threadCache __attribute__((tls_model("initial-exec"))) = nullptr;
constinit thread_local bool threadEnded __attribute__((tls_model("initial-exec"))) = false;
struct ThreadCacheOwner {
  ~ThreadCacheOwner() {
    for (std::uint32_t c = 0; c < kClasses; ++c)
      pools().small.give(threadCache->free[c], c, threadCache->free[c].count);
    delete std::exchange(threadCache, nullptr);
    threadEnded = true;
  }
};

[[gnu::noinline]] Block* small_block_slow(std::uint32_t sizeClass) {
  if (!threadCache && !threadEnded) {
    pools();
    threadCache = new ThreadCache;
    thread_local ThreadCacheOwner owner;
  }
  FreeList single;
  FreeList& list = threadCache ? threadCache->free[sizeClass] : single;
  pools().small.take(list, sizeClass, threadCache ? keep(sizeClass) / 2 : 1);
  Block* block = list.pop();
  if (!block) out_of_memory(class_bytes(sizeClass));
  return block;
}

Block* small_block(std::uint32_t sizeClass) {
  if (ThreadCache* cache = threadCache)
    if (Block* block = cache->free[sizeClass].pop()) return block;
  return small_block_slow(sizeClass);
}

void free_small(Block* block) noexcept {
  const std::uint32_t sizeClass = block->sizeClass;
  if (ThreadCache* cache = threadCache) {
    FreeList& list = cache->free[sizeClass];
    list.push(block);
    if (list.count > keep(sizeClass)) [[unlikely]]
      pools().small.give(list, sizeClass, keep(sizeClass) / 2);
  } else {
    FreeList single;
    single.push(block);
    pools().small.give(single, sizeClass, 1);
  }
}

/// A block without data of its own, to describe memory that lies elsewhere.
Block* head(std::uint32_t kind, std::byte* data, std::size_t bytes, std::size_t capacity, Device device) {
  Block* block = small_block(0);
  block->references.store(1, std::memory_order_relaxed);
  block->data = data, block->bytes = bytes, block->capacity = capacity;
  block->sizeClass = kind, block->device = device;
  return block;
}
void free_head(Block* block) noexcept {
  block->data = reinterpret_cast<std::byte*>(block) + sizeof(Block);
  block->capacity = class_bytes(0);
  block->sizeClass = 0, block->device = {};
  free_small(block);
}

[[gnu::noinline]] Block* allocate_large(std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max() / 2)) out_of_memory(bytes);
  const std::size_t grain = std::max(kPage, std::bit_floor(bytes) / 8); // eight classes for each doubling
  const std::size_t capacity = (bytes + grain - 1) / grain * grain;
  Block* block = head(kLarge, nullptr, bytes, 0, {});
  std::tie(block->data, block->capacity) = pools().large.take(capacity);
  if (!block->data) {
    block->data = static_cast<std::byte*>(map_pages(capacity));
    if (!block->data) {
      release_cached_memory();
      block->data = static_cast<std::byte*>(map_pages(capacity));
    }
    if (!block->data) free_head(block), out_of_memory(bytes);
    block->capacity = capacity;
  }
  return block;
}

} // namespace

Block* allocate(std::size_t bytes, Device device) {
  if (device.type != Device::Type::CPU) [[unlikely]]
    throw Error("cannot allocate " + std::to_string(bytes) + " bytes on " + to_string(device) +
                ": this build runs on the CPU only");
  Block* block;
  if (bytes <= kSmallLimit) {
    block = small_block(class_of(bytes));
    block->references.store(1, std::memory_order_relaxed);
    block->bytes = bytes;
  } else {
    block = allocate_large(bytes);
  }
  asan_poison(block->data, block->capacity), asan_unpoison(block->data, bytes);
  statistics.add(static_cast<std::int64_t>(bytes));
  return block;
}

Block* wrap(void* data, std::size_t bytes, std::function<void()> release, Device device) {
  auto owned = release ? std::make_unique<std::function<void()>>(std::move(release)) : nullptr;
  Block* block = head(kWrapped, static_cast<std::byte*>(data), bytes, bytes, device);
  block->release = owned.release();
  return block;
}

void free(Block* block) noexcept {
  if (block->sizeClass == kWrapped) {
    if (auto* release = std::exchange(block->release, nullptr)) (*release)(), delete release;
    return free_head(block);
  }
  statistics.current.fetch_sub(static_cast<std::int64_t>(block->bytes), std::memory_order_relaxed);
  asan_poison(block->data, block->capacity);
  if (block->sizeClass == kLarge) {
    pools().large.give(block->data, block->capacity);
    return free_head(block);
  }
  free_small(block);
}

} // namespace detail

std::string to_string(Device device) {
  return device.type == Device::Type::CPU ? "cpu" : "cuda:" + std::to_string(device.index);
}

MemoryStats memory_stats() {
  const auto& s = detail::statistics;
  return {s.current.load(), s.peak.load(), s.cached.load()};
}

void reset_peak_memory() {
  detail::statistics.peak.store(detail::statistics.current.load());
}

void release_cached_memory() {
  detail::pools().large.release();
}

} // namespace kiln::runtime
