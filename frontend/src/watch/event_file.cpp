// See event_file.h.
#include "watch/event_file.h"

#include "kiln/runtime/error.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kiln::watch {
namespace {

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit)
      table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82F63B78U : 0U); // the polynomial, bits reversed
  }
  return table;
}();

/// CRCs of data that holds CRCs are weak: TensorFlow stores them rotated and moved.
std::uint32_t masked(std::uint32_t crc) {
  return (crc >> 15 | crc << 17) + 0xA282EAD8U;
}

template <class T> std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

[[noreturn]] void refuse(const std::filesystem::path& path, const char* what, int code) {
  throw Error("SummaryWriter: " + path.string() + ": cannot " + what + ": " + std::strerror(code));
}

std::string host() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

} // namespace

std::uint32_t crc32c(std::string_view data) {
  std::uint32_t crc = ~0U;
  for (char c : data)
    crc = crc >> 8 ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& directory, const std::string& suffix) {
  static std::atomic<unsigned> count{0};
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code) refuse(directory, "make this directory", code.value());
  // The name that TensorBoard looks for. Files of one run are read in the order of their names.
  char name[64];
  std::snprintf(name, sizeof name, "events.out.tfevents.%010lld.",
                static_cast<long long>(std::time(nullptr)));
  path_ =
      directory / (name + host() + "." + std::to_string(getpid()) + "." + std::to_string(count++) + suffix);
  file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) refuse(path_, "make this file", errno);
}

EventFile::~EventFile() {
  if (file_ >= 0) ::close(file_);
}

void EventFile::append(std::string_view data) {
  const std::string length = little_endian(static_cast<std::uint64_t>(data.size()));
  std::string record = length + little_endian(masked(crc32c(length)));
  record.append(data);
  record += little_endian(masked(crc32c(data)));

  struct stat before{};
  if (fstat(file_, &before) != 0) refuse(path_, "look at this file", errno);
  for (std::size_t done = 0; done < record.size();) {
    const ssize_t n = ::write(file_, record.data() + done, record.size() - done);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      continue;
    }
    const int code = n < 0 ? errno : ENOSPC;
    if (code == EINTR) continue;
    // Half a record would hide everything after it from readers.
    if (ftruncate(file_, before.st_size) != 0) refuse(path_, "undo a write that failed", errno);
    refuse(path_, "write", code);
  }
}

void EventFile::sync() {
  // Pipes and the like have nothing to sync.
  if (fdatasync(file_) != 0 && errno != EINVAL && errno != EROFS) refuse(path_, "flush", errno);
}

} // namespace kiln::watch
