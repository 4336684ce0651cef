// A file of records in TensorFlow's framing: length, masked CRC-32C of the length, data, masked CRC-32C of
// the data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace kiln::watch {

/// Castagnoli's CRC, as iSCSI and TensorFlow use it.
std::uint32_t crc32c(std::string_view data);

class EventFile {
public:
  /// Makes a new file in `directory`, which is made too. Throws Error when the disk refuses.
  EventFile(const std::filesystem::path& directory, const std::string& suffix);
  ~EventFile();
  EventFile(const EventFile&) = delete;

  /// Appends one record with one write: a process that is killed leaves whole records, but perhaps for the
  /// last. Throws Error when the disk refuses; the file is then as before.
  void append(std::string_view data);
  /// What was appended is on the disk. Throws Error.
  void sync();

private:
  std::filesystem::path path_;
  int file_ = -1;
};

} // namespace kiln::watch
