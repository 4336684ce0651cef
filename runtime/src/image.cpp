// dlopen of compiled code. From memory it goes through a memfd, opened by its name under /proc.
#include "image.h"

#include "kiln/runtime/error.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace kiln::runtime::detail {
namespace {

/// A path to the descriptor that no earlier dlopen saw: the loader takes equal names for the same library,
/// and descriptor numbers come back after close. The count is written in "/." and "//", which the kernel
/// skips.
std::string unique_path(int descriptor) {
  static std::atomic<std::uint64_t> counter{0};
  std::string path = "/proc/self/fd";
  for (std::uint64_t count = ++counter; count > 0; count >>= 1)
    path += count & 1 ? "/." : "//";
  return path + "/" + std::to_string(descriptor);
}

void* open_bytes(const std::string& what, std::span<const std::byte> bytes) {
  const int descriptor = memfd_create("kiln", MFD_CLOEXEC);
  if (descriptor < 0) throw Error(what + ": cannot hold its code in memory: " + std::strerror(errno));
  std::string failure;
  for (std::size_t done = 0; done < bytes.size() && failure.empty();) {
    const ssize_t count = write(descriptor, bytes.data() + done, bytes.size() - done);
    if (count > 0)
      done += static_cast<std::size_t>(count);
    else if (count == 0 || errno != EINTR)
      failure = std::strerror(errno);
  }
  void* handle = nullptr;
  if (failure.empty()) {
    handle = dlopen(unique_path(descriptor).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) failure = dlerror();
  }
  close(descriptor); // the mapping keeps the memory
  if (!handle) throw Error(what + ": its code cannot be loaded: " + failure);
  return handle;
}

} // namespace

Image::Image(const std::string& what, std::span<const std::byte> bytes, const std::filesystem::path& file) {
  if (!file.empty()) handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_ && bytes.empty())
    throw Error(what + (file.empty() ? ": it holds no code"
                                     : std::string(": its code cannot be loaded: ") + dlerror()));
  if (!handle_) handle_ = open_bytes(what, bytes);
}

Image::~Image() {
  dlclose(handle_);
}

void* Image::find(const std::string& symbol) const {
  return dlsym(handle_, symbol.c_str());
}

} // namespace kiln::runtime::detail
