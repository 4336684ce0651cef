// Entries: "KILNFILE", XXH64 of the rest, name of the entry, value. The name inside keeps a copied or renamed
// file from passing for another. An artifact is an entry "KEY.KIND" that names its image, "KEY-HASH.so":
// equal names hold equal code, so a library that is already open is never mistaken for a newer one.
#include "byte_stream.h"
#include "cache_directory.h"
#include "kiln/runtime/cache.h"
#include "kiln/runtime/hash.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

namespace kiln::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "KILNFILE";

/// Bytes of "512K", "64M", "2G" or a plain number; -1 for anything else.
std::int64_t parse_size(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (end == text.c_str() || errno != 0 || value < 0) return -1;
  const std::string unit = end;
  const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : -1;
  return shift < 0 || value > INT64_MAX >> shift ? -1 : std::int64_t{value} << shift;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

fs::path default_directory() {
  if (const fs::path base = variable("XDG_CACHE_HOME"); base.is_absolute()) return base / "kiln";
  if (const fs::path home = variable("HOME"); home.is_absolute()) return home / ".cache" / "kiln";
  passwd entry{}, *found = nullptr;
  char text[4096];
  if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) != 0 || !found) return {};
  return fs::path(found->pw_dir) / ".cache" / "kiln";
}

/// Keys and kinds become file names, so that nothing but these letters may be in them.
std::string entry_name(std::string_view key, std::string_view kind) {
  if (key.size() < 16 || key.size() > 128 || key.find_first_not_of("0123456789abcdefABCDEF") != key.npos)
    throw Error("cache: the key '" + std::string(key) + "' is not 16 to 128 hexadecimal digits");
  if (kind.empty() || kind.size() > 32 ||
      kind.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != kind.npos)
    throw Error("cache: the kind '" + std::string(kind) + "' is not a short lower-case word");
  return std::string(key) + "." + std::string(kind);
}

std::string image_name(std::string_view key, std::uint64_t hash) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return std::string(key) + "-" + digits + ".so";
}

} // namespace

CacheOptions CacheOptions::from_environment() {
  CacheOptions options;
  const std::string onOff = variable("KILN_CACHE"), directory = variable("KILN_CACHE_DIR"),
                    size = variable("KILN_CACHE_SIZE");
  if (onOff == "off" || onOff == "0") return options;
  options.directory = directory.empty() ? default_directory() : fs::path(directory);
  if (size.empty()) return options;
  const std::int64_t bytes = parse_size(size);
  if (bytes >= 0)
    options.maxBytes = bytes;
  else
    detail::warn_once("KILN_CACHE_SIZE is '" + size +
                      "', expected bytes or a number with K, M or G; 1G is used");
  return options;
}

struct DiskCache::State {
  explicit State(CacheOptions o) : options(std::move(o)), directory(options.directory) {}

  /// Counts what was written, and cleans up when it could be too much. Other processes write too, so that the
  /// folder is measured again now and then.
  void account(std::size_t bytes) {
    std::lock_guard lock(mutex);
    total += static_cast<std::int64_t>(bytes);
    if (measured && ++writes % 64 != 0 && total <= options.maxBytes) return;
    // Down to nine tenths, so that a full cache does not pay this at every write.
    total = directory.evict(options.maxBytes, options.maxBytes / 10 * 9);
    measured = true;
  }

  CacheOptions options;
  detail::CacheDirectory directory;
  std::mutex mutex;
  std::int64_t total = 0;
  unsigned writes = 0;
  bool measured = false;
};

DiskCache::DiskCache(CacheOptions options) : state_(std::make_unique<State>(std::move(options))) {}
DiskCache::~DiskCache() = default;

DiskCache& DiskCache::global() {
  static DiskCache* const cache = new DiskCache(CacheOptions::from_environment());
  return *cache;
}

bool DiskCache::usable() const {
  return state_->directory.usable();
}
const fs::path& DiskCache::directory() const {
  return state_->directory.path();
}

std::optional<std::vector<std::byte>> DiskCache::get(std::string_view key, std::string_view kind) {
  const std::string name = entry_name(key, kind);
  if (!usable()) return std::nullopt;
  const auto file = state_->directory.read(name);
  if (!file) return std::nullopt;
  try {
    detail::ByteReader in("cache", *file);
    const auto magic = in.raw(kMagic.size());
    if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) return std::nullopt;
    const auto checksum = in.number<std::uint64_t>();
    if (hash64(std::span(*file).last(in.left())) != checksum || in.text() != name) return std::nullopt;
    const auto value = in.block();
    return std::vector<std::byte>(value.begin(), value.end());
  } catch (const Error&) { // cut short
    return std::nullopt;
  }
}

void DiskCache::put(std::string_view key, std::string_view kind, std::span<const std::byte> value) {
  const std::string name = entry_name(key, kind);
  if (!usable()) return;
  detail::ByteWriter body;
  body.text(name), body.block(value);
  detail::ByteWriter file;
  file.raw(std::as_bytes(std::span(kMagic)));
  file.number(hash64(body.bytes()));
  file.raw(body.bytes());
  if (state_->directory.write(name, file.bytes())) state_->account(file.bytes().size());
}

fs::path DiskCache::put_artifact(std::string_view key, const Artifact& artifact, std::string_view kind) {
  entry_name(key, kind); // throws for a bad key
  if (!usable()) return {};
  const std::uint64_t hash = hash64(artifact.image);
  const std::string image = image_name(key, hash);
  Artifact plan = artifact;
  plan.image.clear();
  detail::ByteWriter out;
  out.number(hash), out.number<std::uint64_t>(artifact.image.size());
  out.block(plan.serialize());
  // The image first: an entry never names a file that was not there.
  if (!state_->directory.write(image, artifact.image)) return {};
  state_->account(artifact.image.size());
  put(key, kind, out.bytes());
  return directory() / image;
}

std::optional<DiskCache::StoredArtifact> DiskCache::get_artifact(std::string_view key,
                                                                 std::string_view kind) {
  const auto entry = get(key, kind);
  if (!entry) return std::nullopt;
  try {
    detail::ByteReader in("cache", *entry);
    const auto hash = in.number<std::uint64_t>(), size = in.number<std::uint64_t>();
    const auto plan = in.block();
    StoredArtifact stored{Artifact::deserialize({plan.begin(), plan.end()}), {}};
    const std::string image = image_name(key, hash);
    auto bytes = state_->directory.read(image);
    if (!bytes || bytes->size() != size || hash64(*bytes) != hash) return std::nullopt;
    stored.artifact.image = std::move(*bytes);
    if (!stored.artifact.target.starts_with("cuda")) stored.imageFile = directory() / image;
    return stored;
  } catch (const Error&) { // of another version
    return std::nullopt;
  }
}

} // namespace kiln::runtime
