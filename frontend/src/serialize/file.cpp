// Mapped reading and atomic writing.
#include "serialize/file.h"

#include "kiln/runtime/error.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace kiln::serialize::detail {

namespace {

struct Descriptor {
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

[[noreturn]] void fail(const std::string& filename, const char* what, int reason) {
  throw Error(filename + ": " + what + ": " + std::strerror(reason));
}

} // namespace

Bytes map_file(const std::string& filename) {
  Descriptor file(::open(filename.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd < 0) fail(filename, "cannot open", errno);
  struct stat info{};
  if (::fstat(file.fd, &info) != 0) fail(filename, "cannot read", errno);
  if (!S_ISREG(info.st_mode)) throw Error(filename + ": cannot read: it is not a regular file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return {};
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) fail(filename, "cannot read", errno);
  return {{static_cast<const std::byte*>(data), size},
          std::shared_ptr<const void>(data, [size](const void* p) { ::munmap(const_cast<void*>(p), size); })};
}

void write_atomically(const std::string& filename, const std::function<void(const Sink&)>& write) {
  // Process and counter: two writers never share a temporary file.
  static std::atomic<unsigned> counter{0};
  const std::string temporary =
      filename + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(counter++);
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.fd < 0) fail(filename, "cannot write", errno);
  try {
    write([&](const void* data, std::size_t bytes) {
      const auto* at = static_cast<const char*>(data);
      while (bytes > 0) {
        const ssize_t done = ::write(file.fd, at, bytes);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) fail(filename, "cannot write", errno);
        at += done;
        bytes -= static_cast<std::size_t>(done);
      }
    });
    // The bytes must be on the disk before the name is.
    if (::fsync(file.fd) != 0) fail(filename, "cannot write", errno);
    if (::close(std::exchange(file.fd, -1)) != 0) fail(filename, "cannot write", errno);
    if (::rename(temporary.c_str(), filename.c_str()) != 0) fail(filename, "cannot write", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  std::filesystem::path directory = std::filesystem::path(filename).parent_path();
  if (directory.empty()) directory = ".";
  // Some file systems cannot: the file itself is whole either way.
  if (Descriptor handle(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); handle.fd >= 0)
    ::fsync(handle.fd);
}

} // namespace kiln::serialize::detail
