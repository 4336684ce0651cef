// Bytes of files: mapped for reading, written whole or not at all.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace kiln::serialize::detail {

/// Bytes and what keeps them.
struct Bytes {
  std::span<const std::byte> span;
  std::shared_ptr<const void> owner;
};

/// Maps a file. Throws Error when it cannot be opened or is not a regular file.
Bytes map_file(const std::string& filename);

/// Takes pieces of a file, in order.
using Sink = std::function<void(const void* data, std::size_t bytes)>;

/// Calls `write` with a sink for a temporary file beside `filename`, which then takes its name: readers see
/// the old file or the new one, whole, even after a crash. Throws Error when the disk refuses; the temporary
/// file is removed when that or `write` fails.
void write_atomically(const std::string& filename, const std::function<void(const Sink&)>& write);

} // namespace kiln::serialize::detail
