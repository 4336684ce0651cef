// c10::make_tempfile: an empty file with a name of its own, removed with the handle.
#pragma once

#include "c10/util/Exception.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <utility>

namespace c10 {

struct TempFile {
  explicit TempFile(std::string name) : name(std::move(name)) {}
  TempFile(TempFile&& other) noexcept : name(std::exchange(other.name, {})) {}
  TempFile& operator=(TempFile&&) = delete;
  ~TempFile() {
    if (!name.empty()) ::unlink(name.c_str());
  }
  std::string name;
};

/// In the system's folder for temporary files. Throws Error when none can be made there.
inline TempFile make_tempfile(const std::string& prefix = "torch-file-") {
  std::string name = (std::filesystem::temp_directory_path() / (prefix + "XXXXXX")).string();
  const int descriptor = ::mkstemp(name.data());
  if (descriptor < 0) throw Error("make_tempfile: no file can be made as " + name);
  ::close(descriptor);
  return TempFile(std::move(name));
}

} // namespace c10
