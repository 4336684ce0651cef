// Zip, of which stored entries can be read, with the 64-bit extension.
#include "serialize/zip.h"

#include "kiln/runtime/error.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_set>
#include <zlib.h>

namespace kiln::serialize::detail {

namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                        kLocator64 = 0x07064b50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20;
constexpr std::uint64_t kMax32 = 0xFFFFFFFF, kAlignment = 64;

template <class T> T load(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
template <class T> void store(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

class Reader {
public:
  Reader(const std::string& origin, std::span<const std::byte> bytes) : origin_(origin), bytes_(bytes) {}

  std::vector<ZipEntry> read() {
    find_directory();
    std::vector<ZipEntry> entries;
    std::unordered_set<std::string> names;
    std::size_t at = directory_begin_;
    for (std::uint64_t i = 0; i < count_; ++i) {
      entries.push_back(read_entry(at));
      if (!names.insert(entries.back().name).second) fail("entry '" + entries.back().name + "' comes twice");
    }
    std::vector<const ZipEntry*> ordered;
    for (const ZipEntry& entry : entries)
      ordered.push_back(&entry);
    std::sort(ordered.begin(), ordered.end(),
              [](const ZipEntry* a, const ZipEntry* b) { return a->data.data() < b->data.data(); });
    for (std::size_t i = 1; i < ordered.size(); ++i)
      if (ordered[i]->data.data() < ordered[i - 1]->data.data() + ordered[i - 1]->data.size())
        fail("entry '" + ordered[i]->name + "' overlaps another");
    return entries;
  }

private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(origin_ + ": damaged zip archive: " + what);
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(origin_ + ": unsupported zip archive: " + what);
  }
  bool fits(std::uint64_t at, std::uint64_t size) const {
    return at <= bytes_.size() && size <= bytes_.size() - at;
  }

  // The end record is looked for from the end of the file: a comment may follow it.
  void find_directory() {
    std::optional<std::size_t> end;
    if (bytes_.size() >= kEndSize) {
      const std::size_t last = bytes_.size() - kEndSize, first = last > 0xFFFF ? last - 0xFFFF : 0;
      for (std::size_t at = last + 1; at-- > first && !end;)
        if (load<std::uint32_t>(bytes_, at) == kEnd) end = at;
    }
    if (!end) fail("it is cut: it has no end record");
    if (load<std::uint16_t>(bytes_, *end + 4) != 0) refuse("it is split over several files");
    count_ = load<std::uint16_t>(bytes_, *end + 10);
    std::uint64_t size = load<std::uint32_t>(bytes_, *end + 12),
                  begin = load<std::uint32_t>(bytes_, *end + 16);
    directory_end_ = *end;
    if (*end >= kLocator64Size && load<std::uint32_t>(bytes_, *end - kLocator64Size) == kLocator64) {
      const auto at = load<std::uint64_t>(bytes_, *end - kLocator64Size + 8);
      if (!fits(at, kEnd64Size) || load<std::uint32_t>(bytes_, at) != kEnd64)
        fail("its 64-bit end record is missing");
      count_ = load<std::uint64_t>(bytes_, at + 32);
      size = load<std::uint64_t>(bytes_, at + 40);
      begin = load<std::uint64_t>(bytes_, at + 48);
      directory_end_ = at;
    }
    if (begin > directory_end_ || size > directory_end_ - begin) fail("its directory lies outside the file");
    directory_begin_ = begin;
    directory_end_ = begin + size;
    if (count_ > size / kCentralSize) fail("it claims " + std::to_string(count_) + " entries");
  }

  ZipEntry read_entry(std::size_t& at) {
    if (directory_end_ - at < kCentralSize || load<std::uint32_t>(bytes_, at) != kCentral)
      fail("its directory is cut");
    const auto flags = load<std::uint16_t>(bytes_, at + 8), method = load<std::uint16_t>(bytes_, at + 10);
    ZipEntry entry;
    entry.crc = load<std::uint32_t>(bytes_, at + 16);
    std::uint64_t packed = load<std::uint32_t>(bytes_, at + 20), size = load<std::uint32_t>(bytes_, at + 24),
                  local = load<std::uint32_t>(bytes_, at + 42);
    const std::size_t name = load<std::uint16_t>(bytes_, at + 28),
                      extra = load<std::uint16_t>(bytes_, at + 30),
                      comment = load<std::uint16_t>(bytes_, at + 32);
    if (directory_end_ - at - kCentralSize < name + extra + comment) fail("its directory is cut");
    entry.name.assign(reinterpret_cast<const char*>(bytes_.data()) + at + kCentralSize, name);
    check_name(entry.name);
    read_extra(bytes_.subspan(at + kCentralSize + name, extra), size, packed, local);
    at += kCentralSize + name + extra + comment;

    if (flags & 1) refuse("entry '" + entry.name + "' is encrypted");
    entry.compressed = method != 0;
    if (!entry.compressed && packed != size) fail("entry '" + entry.name + "' has two sizes");
    if (!fits(local, kLocalSize) || load<std::uint32_t>(bytes_, local) != kLocal)
      fail("entry '" + entry.name + "' lies outside the file");
    const std::uint64_t begin = local + kLocalSize + load<std::uint16_t>(bytes_, local + 26) +
                                load<std::uint16_t>(bytes_, local + 28);
    if (begin > directory_begin_ || packed > directory_begin_ - begin)
      fail("entry '" + entry.name + "' of " + std::to_string(packed) + " bytes lies outside the file");
    entry.data = bytes_.subspan(begin, packed);
    return entry;
  }

  // Sizes and places that are all ones stand in the extra field instead, in this order.
  void read_extra(std::span<const std::byte> extra, std::uint64_t& size, std::uint64_t& packed,
                  std::uint64_t& local) const {
    while (extra.size() >= 4) {
      const auto id = load<std::uint16_t>(extra, 0);
      const std::size_t length = load<std::uint16_t>(extra, 2);
      if (length > extra.size() - 4) return;
      if (id == 1) {
        std::size_t at = 4;
        for (std::uint64_t* value : {&size, &packed, &local}) {
          if (*value != kMax32) continue;
          if (at + 8 > 4 + length) fail("a 64-bit size is missing");
          *value = load<std::uint64_t>(extra, at);
          at += 8;
        }
      }
      extra = extra.subspan(4 + length);
    }
  }

  void check_name(const std::string& name) const {
    const bool climbs = ("/" + name + "/").find("/../") != std::string::npos;
    if (name.empty() || name.front() == '/' || climbs || name.find('\\') != std::string::npos ||
        name.find('\0') != std::string::npos)
      fail("entry name '" + name.substr(0, name.find('\0')) + "' leads out of the archive");
  }

  const std::string& origin_;
  std::span<const std::byte> bytes_;
  std::size_t directory_begin_ = 0, directory_end_ = 0;
  std::uint64_t count_ = 0;
};

std::uint32_t checksum(std::span<const std::byte> data) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(data.data()), data.size()));
}

} // namespace

std::vector<ZipEntry> read_zip(const std::string& origin, std::span<const std::byte> bytes) {
  return Reader(origin, bytes).read();
}

void check_stored(const std::string& origin, const ZipEntry& entry) {
  if (entry.compressed)
    throw Error(origin + ": unsupported zip archive: entry '" + entry.name + "' is compressed");
}

void check_crc(const std::string& origin, const ZipEntry& entry) {
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  return; // what a fuzzer makes never has the right one
#endif
  if (checksum(entry.data) != entry.crc)
    throw Error(origin + ": damaged zip archive: entry '" + entry.name + "' does not have its checksum");
}

void ZipWriter::put(const std::string& bytes) {
  sink_(bytes.data(), bytes.size());
  at_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::span<const std::byte> data) {
  const bool large = data.size() >= kMax32 || at_ >= kMax32;
  const auto size32 = static_cast<std::uint32_t>(large ? kMax32 : data.size());
  const std::uint32_t crc = checksum(data);
  const std::uint64_t local = at_;
  auto common = [&](std::string& out) { // what both headers share
    store<std::uint16_t>(out, large ? 45 : 20);
    store<std::uint16_t>(out, 0x800); // names are UTF-8
    store<std::uint16_t>(out, 0);
    store<std::uint32_t>(out, 0x00210000); // 1980-01-01: the same model gives the same file
    store<std::uint32_t>(out, crc);
    store<std::uint32_t>(out, size32);
    store<std::uint32_t>(out, size32);
    store<std::uint16_t>(out, static_cast<std::uint16_t>(name.size()));
  };
  std::string sizes;
  if (large) {
    store<std::uint16_t>(sizes, 1);
    store<std::uint16_t>(sizes, 16);
    store<std::uint64_t>(sizes, data.size());
    store<std::uint64_t>(sizes, data.size());
  }
  // Padding is an extra field of its own ("FB", as PyTorch writes it).
  const std::uint64_t unpadded = local + kLocalSize + name.size() + sizes.size() + 4;
  const std::uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  std::string header;
  store(header, kLocal);
  common(header);
  store<std::uint16_t>(header, static_cast<std::uint16_t>(sizes.size() + 4 + padding));
  header += name + sizes;
  store<std::uint16_t>(header, 0x4246);
  store<std::uint16_t>(header, static_cast<std::uint16_t>(padding));
  header.append(padding, 'Z');
  put(header);
  sink_(data.data(), data.size());
  at_ += data.size();

  if (large) {
    store<std::uint64_t>(sizes, local);
    sizes[2] = 24;
  }
  store(directory_, kCentral);
  store<std::uint16_t>(directory_, large ? 45 : 20);
  common(directory_);
  store<std::uint16_t>(directory_, static_cast<std::uint16_t>(sizes.size()));
  directory_.append(10, '\0'); // comment, disk, attributes
  store<std::uint32_t>(directory_, static_cast<std::uint32_t>(large ? kMax32 : local));
  directory_ += name + sizes;
  ++entries_;
}

void ZipWriter::finish() {
  const std::uint64_t begin = at_, size = directory_.size();
  put(directory_);
  const bool large = begin >= kMax32 || size >= kMax32 || entries_ >= 0xFFFF;
  std::string end;
  if (large) {
    const std::uint64_t record = at_;
    store(end, kEnd64);
    store<std::uint64_t>(end, kEnd64Size - 12);
    store<std::uint16_t>(end, 45);
    store<std::uint16_t>(end, 45);
    store<std::uint32_t>(end, 0);
    store<std::uint32_t>(end, 0);
    store<std::uint64_t>(end, entries_);
    store<std::uint64_t>(end, entries_);
    store<std::uint64_t>(end, size);
    store<std::uint64_t>(end, begin);
    store(end, kLocator64);
    store<std::uint32_t>(end, 0);
    store<std::uint64_t>(end, record);
    store<std::uint32_t>(end, 1);
  }
  const auto count16 = static_cast<std::uint16_t>(large ? 0xFFFF : entries_);
  store(end, kEnd);
  store<std::uint32_t>(end, 0);
  store(end, count16);
  store(end, count16);
  store<std::uint32_t>(end, static_cast<std::uint32_t>(large ? kMax32 : size));
  store<std::uint32_t>(end, static_cast<std::uint32_t>(large ? kMax32 : begin));
  store<std::uint16_t>(end, 0);
  put(end);
}

} // namespace kiln::serialize::detail
