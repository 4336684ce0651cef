// POSIX calls throughout: openat, renameat and the like on the checked folder's descriptor.
#include "cache_directory.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace kiln::runtime::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".tmp-";
constexpr off_t kMostBytes = off_t{1}
                             << 30; // nothing of ours is larger: do not reserve what a damaged disk claims
constexpr time_t kTouchAfter = 60, kAbandonedAfter = 3600; // seconds

/// Closes on scope exit.
struct Descriptor {
  explicit Descriptor(int value) : value(value) {}
  ~Descriptor() {
    if (value >= 0) close(value);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value;
};

bool others_may_write(const struct stat& info) {
  return info.st_mode & (S_IWGRP | S_IWOTH);
}

/// Why an ancestor of the folder lets others put another folder in its place, or nothing.
std::string weak_ancestor(const fs::path& folder) {
  std::error_code failed;
  for (fs::path at = fs::canonical(folder, failed).parent_path(); !at.empty(); at = at.parent_path()) {
    struct stat info{};
    if (stat(at.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) && !(info.st_mode & S_ISVTX))
      return "anybody may write to " + at.string();
    if (at == at.parent_path()) break;
  }
  return {};
}

/// Opens the folder when it is safe to run code from; else says why not.
int open_checked(const fs::path& path, std::string& why) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat info{};
  if (descriptor < 0 || fstat(descriptor, &info) != 0)
    why = std::strerror(errno);
  else if (info.st_uid != geteuid())
    why = "it belongs to another user";
  else if (others_may_write(info))
    why = "others may write to it (chmod go-w would do)";
  else
    why = weak_ancestor(path);
  if (!why.empty() && descriptor >= 0) close(descriptor);
  return why.empty() ? descriptor : -1;
}

/// The cache's own names: a hexadecimal key, then "." or "-" and more.
bool is_cache_name(std::string_view name) {
  std::size_t digits = 0;
  while (digits < name.size() && std::isxdigit(static_cast<unsigned char>(name[digits])))
    ++digits;
  return digits >= 16 && digits < name.size() && (name[digits] == '.' || name[digits] == '-');
}

bool write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool read_all(int descriptor, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

} // namespace

void warn_once(const std::string& text) {
  static std::mutex mutex;
  static auto* const said = new std::set<std::string>;
  std::lock_guard lock(mutex);
  if (said->insert(text).second) std::fprintf(stderr, "kiln: %s\n", text.c_str());
}

CacheDirectory::CacheDirectory(const fs::path& path) {
  if (path.empty()) return;
  std::error_code failed;
  path_ = fs::absolute(path, failed);
  if (!fs::exists(path_, failed)) {
    fs::create_directories(path_.parent_path(), failed);
    mkdir(path_.c_str(), 0700);
  }
  std::string why;
  descriptor_ = open_checked(path_, why);
  if (!usable())
    warn_once("the cache directory " + path_.string() + " is not used: " + why +
              "; programs are compiled anew each time");
}

CacheDirectory::~CacheDirectory() {
  if (usable()) close(descriptor_);
}

std::optional<std::vector<std::byte>> CacheDirectory::read(const std::string& name) const {
  // O_NONBLOCK: a pipe in the file's place must not hang us.
  const Descriptor file(openat(descriptor_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info{};
  if (file.value < 0 || fstat(file.value, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
      others_may_write(info) || info.st_size > kMostBytes)
    return std::nullopt;
  std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size));
  if (!read_all(file.value, bytes)) return std::nullopt;
  if (std::time(nullptr) - info.st_mtime > kTouchAfter)
    futimens(file.value, nullptr); // a read-only disk may refuse
  return bytes;
}

bool CacheDirectory::write(const std::string& name, std::span<const std::byte> bytes) const {
  static std::atomic<unsigned> counter{0};
  const std::string temporary =
      std::string(kTemporary) + std::to_string(getpid()) + "-" + std::to_string(++counter) + "-" + name;
  const Descriptor file(
      openat(descriptor_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  bool done = file.value >= 0;
  std::string why = done ? "" : std::strerror(errno);
  if (done && !write_all(file.value, bytes)) done = false, why = std::strerror(errno);
  if (done && renameat(descriptor_, temporary.c_str(), descriptor_, name.c_str()) != 0)
    done = false, why = std::strerror(errno);
  if (done) return true;
  if (file.value >= 0) unlinkat(descriptor_, temporary.c_str(), 0);
  warn_once("cannot write to the cache directory " + path_.string() + ": " + why +
            "; programs that are not in it are compiled anew each time");
  return false;
}

std::int64_t CacheDirectory::evict(std::int64_t limit, std::int64_t target) const {
  const int copy = openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(copy < 0 ? nullptr : fdopendir(copy), closedir);
  if (!folder) return 0;
  struct File {
    timespec used;
    std::int64_t bytes;
    std::string name;
  };
  std::vector<File> files;
  std::int64_t total = 0;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    const bool temporary = name.starts_with(kTemporary);
    struct stat info{};
    if ((!temporary && !is_cache_name(name)) ||
        fstatat(descriptor_, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
      continue;
    if (temporary) {
      if (std::time(nullptr) - info.st_mtime > kAbandonedAfter) unlinkat(descriptor_, name.c_str(), 0);
      continue;
    }
    files.push_back({info.st_mtim, std::int64_t{info.st_blocks} * 512, name});
    total += files.back().bytes;
  }
  if (total <= limit) return total;
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  for (const File& file : files) {
    if (total <= target) break;
    if (unlinkat(descriptor_, file.name.c_str(), 0) == 0 || errno == ENOENT) total -= file.bytes;
  }
  return total;
}

} // namespace kiln::runtime::detail
