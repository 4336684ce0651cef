// The cache: on disk, what compiled programs need to start without a compiler; in memory, a map that is quick
// to ask. Files are code, so the directory must belong to the user and be writable by nobody else, or it is
// not used. Nothing that goes wrong with the disk is an error: the process goes on without it, and says so
// once on stderr.
#pragma once

#include "kiln/runtime/artifact.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

struct CacheOptions {
  std::filesystem::path directory; ///< empty: no disk
  std::int64_t maxBytes = std::int64_t{1} << 30;
  /// KILN_CACHE=off, KILN_CACHE_DIR (else $XDG_CACHE_HOME/kiln, else ~/.cache/kiln), KILN_CACHE_SIZE (bytes,
  /// or 512K, 64M, 2G).
  static CacheOptions from_environment();
};

/// Files by key and kind: safe with many threads and many processes, least recently used ones removed beyond
/// maxBytes. Keys are hexadecimal and cover everything that determines the value; kinds are short lower-case
/// words.
class DiskCache {
public:
  explicit DiskCache(CacheOptions options);
  ~DiskCache();
  static DiskCache& global(); ///< of this process, from the environment

  /// What `put` stored, or nothing when it is absent, damaged or not ours.
  std::optional<std::vector<std::byte>> get(std::string_view key, std::string_view kind);
  void put(std::string_view key, std::string_view kind, std::span<const std::byte> value);

  /// An artifact keeps its image in a file of its own, which `Executable` opens directly.
  struct StoredArtifact {
    Artifact artifact;
    std::filesystem::path imageFile; ///< checked; empty for CUDA
  };
  std::optional<StoredArtifact> get_artifact(std::string_view key, std::string_view kind = "program");
  /// The image's file, or an empty path when it could not be stored.
  std::filesystem::path put_artifact(std::string_view key, const Artifact& artifact,
                                     std::string_view kind = "program");

  bool usable() const; ///< false: no directory, or it may not be used
  const std::filesystem::path& directory() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

/// 128-bit content hash, as ir::Hash.
struct Key {
  std::uint64_t hi = 0, lo = 0;
  bool operator==(const Key&) const = default;
};

/// Key -> V for the hot path: `find` takes no lock and costs a few nanoseconds; entries are never removed, so
/// the pointers stay valid as long as the map. Insertion takes a lock.
template <class V> class KeyMap {
public:
  KeyMap() {
    table_.store(tables_.emplace_back(std::make_unique<Table>(64)).get(), std::memory_order_release);
  }

  V* find(Key key) const {
    const Table* table = table_.load(std::memory_order_acquire);
    for (std::size_t i = key.lo & table->mask;; i = (i + 1) & table->mask) {
      const Entry* entry = table->entries[i].load(std::memory_order_acquire);
      if (!entry) return nullptr;
      if (entry->key == key) return entry->value.get();
    }
  }
  /// The value that is in the map afterwards: an earlier one for the same key stays.
  V& insert(Key key, std::unique_ptr<V> value) {
    std::lock_guard lock(mutex_);
    if (V* present = find(key)) return *present;
    Table* table = tables_.back().get();
    if (2 * (entries_.size() + 1) > table->mask + 1) table = grow();
    Entry* entry = entries_.emplace_back(std::make_unique<Entry>(key, std::move(value))).get();
    place(*table, entry);
    table_.store(table, std::memory_order_release);
    return *entry->value;
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return entries_.size();
  }

private:
  struct Entry {
    Entry(Key k, std::unique_ptr<V> v) : key(k), value(std::move(v)) {}
    Key key;
    std::unique_ptr<V> value;
  };
  struct Table {
    explicit Table(std::size_t size) : mask(size - 1), entries(new std::atomic<const Entry*>[size]()) {}
    std::size_t mask;
    std::unique_ptr<std::atomic<const Entry*>[]> entries;
  };
  static void place(Table& table, const Entry* entry) {
    std::size_t i = entry->key.lo & table.mask;
    while (table.entries[i].load(std::memory_order_relaxed))
      i = (i + 1) & table.mask;
    table.entries[i].store(entry, std::memory_order_release);
  }
  Table* grow() { // old tables stay: a reader may be inside one
    auto bigger = std::make_unique<Table>(2 * (tables_.back()->mask + 1));
    for (const auto& entry : entries_)
      place(*bigger, entry.get());
    return tables_.emplace_back(std::move(bigger)).get();
  }

  std::atomic<Table*> table_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

} // namespace kiln::runtime
