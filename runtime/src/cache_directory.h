// The folder behind the disk cache: may it be used, reading and writing whole files in it, and keeping it
// small. Every operation goes through a descriptor of the folder, so that it stays the one that was checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kiln::runtime::detail {

/// Says `text` on stderr, once for each different text.
void warn_once(const std::string& text);

class CacheDirectory {
public:
  /// Creates the folder if need be. One that others could write to is refused, with a warning.
  explicit CacheDirectory(const std::filesystem::path& path);
  ~CacheDirectory();
  CacheDirectory(const CacheDirectory&) = delete;
  CacheDirectory& operator=(const CacheDirectory&) = delete;

  bool usable() const { return descriptor_ >= 0; }
  const std::filesystem::path& path() const { return path_; }

  /// The whole file, or nothing when it is absent, not a regular file of this user's, or unreadable. Marks it
  /// as used now.
  std::optional<std::vector<std::byte>> read(const std::string& name) const;
  /// Writes under a temporary name, then renames: readers see the old file, the new one or none. False when
  /// it failed.
  bool write(const std::string& name, std::span<const std::byte> bytes) const;

  /// When the cache's files take more than `limit` bytes, removes the least recently used until `target`
  /// remain; removes temporary ones left by killed processes; leaves files of other names alone. Returns the
  /// bytes that remain.
  std::int64_t evict(std::int64_t limit, std::int64_t target) const;

private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

} // namespace kiln::runtime::detail
