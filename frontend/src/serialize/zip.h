// Zip archives as PyTorch uses them: what is read is stored, not compressed. (TorchScript's code is, and
// nobody reads it.)
#pragma once

#include "serialize/file.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::serialize::detail {

struct ZipEntry {
  std::string name;
  std::span<const std::byte> data;
  std::uint32_t crc = 0;
  bool compressed = false; ///< and so `data` is no use
};

/// Entries of an archive, whose data stay where they are. Throws Error for archives that are cut, encrypted
/// or split, whose entries overlap or come twice, and for names that would lead out of a folder.
std::vector<ZipEntry> read_zip(const std::string& origin, std::span<const std::byte> bytes);

/// Throws Error when the entry is compressed.
void check_stored(const std::string& origin, const ZipEntry& entry);
/// Throws Error when the data do not have the checksum that the archive promises.
void check_crc(const std::string& origin, const ZipEntry& entry);

class ZipWriter {
public:
  explicit ZipWriter(const Sink& sink) : sink_(sink) {}
  /// Data begin at a multiple of 64 bytes.
  void add(const std::string& name, std::span<const std::byte> data);
  void add(const std::string& name, std::string_view text) { add(name, std::as_bytes(std::span(text))); }
  void finish();

private:
  void put(const std::string& bytes);
  const Sink& sink_;
  std::uint64_t at_ = 0, entries_ = 0;
  std::string directory_;
};

} // namespace kiln::serialize::detail
