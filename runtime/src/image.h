// An ELF shared object opened into this process, from a file or from memory.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace kiln::runtime::detail {

class Image {
public:
  /// Opens `file`, or `bytes` when there is no file or it cannot be mapped (as on a noexec disk). Throws
  /// Error beginning with `what`.
  Image(const std::string& what, std::span<const std::byte> bytes, const std::filesystem::path& file);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  void* find(const std::string& symbol) const; ///< null when it is not there

private:
  void* handle_ = nullptr;
};

} // namespace kiln::runtime::detail
