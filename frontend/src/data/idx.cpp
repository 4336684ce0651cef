// IDX: two zero bytes, a type byte (8: unsigned), the number of dimensions, each dimension as 32-bit
// big-endian, then the data. zlib's gzread passes plain files through, so one reader serves both.
#include "kiln/data/idx.h"

#include "kiln/runtime/error.h"
#include "serialize/file.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>

namespace kiln::data {
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kUnsignedBytes = 0x08;

std::string hex(std::uint32_t value) {
  std::array<char, 11> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", value);
  return text.data();
}

std::string to_text(const std::vector<std::int64_t>& dims) {
  std::string text;
  for (auto dim : dims)
    text += (text.empty() ? "" : " x ") + std::to_string(dim);
  return text;
}

/// A file opened for reading through zlib; all errors name it.
class Reader {
public:
  explicit Reader(const fs::path& file) : name_(file.string()), file_(nullptr, gzclose_r) {
    // gzopen takes a directory for an empty file, so ask first.
    std::error_code code;
    if (fs::is_directory(file, code)) throw Error(name_ + ": got a directory, wanted an IDX file");
    errno = 0;
    file_.reset(gzopen(name_.c_str(), "rb"));
    if (!file_) throw Error(name_ + ": cannot open: " + (errno ? std::strerror(errno) : "out of memory"));
    gzbuffer(file_.get(), 1 << 17);
  }

  /// Reads up to `bytes`; returns how many there were before the end of the file.
  std::size_t read(void* to, std::size_t bytes) {
    std::size_t got = 0;
    while (got < bytes) {
      auto piece = static_cast<unsigned>(std::min<std::size_t>(bytes - got, 1U << 30));
      int n = gzread(file_.get(), static_cast<char*>(to) + got, piece);
      int code = Z_OK;
      const char* message = gzerror(file_.get(), &code);
      // A gzip stream that ends early is an error of its own (Z_BUF_ERROR) even when bytes came back.
      if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
        fail(code, message, got + static_cast<std::size_t>(std::max(n, 0)));
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    total_ += got;
    return got;
  }

  const std::string& name() const { return name_; }

private:
  [[noreturn]] void fail(int code, const char* message, std::size_t got) const {
    if (code == Z_ERRNO) throw Error(name_ + ": cannot read: " + std::strerror(errno));
    std::string where = "after " + std::to_string(total_ + got) + " unpacked bytes";
    if (code == Z_BUF_ERROR) throw Error(name_ + ": the gzip stream is cut: it ends " + where);
    std::string text = message;
    if (text.starts_with(name_)) text.erase(0, name_.size() + 2);
    throw Error(name_ + ": the gzip stream is damaged " + where + ": " + text);
  }

  std::string name_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
  std::size_t total_ = 0;
};

std::uint32_t big_endian(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

std::vector<std::int64_t> read_header(Reader& reader, std::size_t rank) {
  std::vector<std::uint8_t> header(4 + 4 * rank);
  const std::uint32_t wanted = kUnsignedBytes << 8 | static_cast<std::uint32_t>(rank);
  auto cut = [&](std::size_t got) {
    throw Error(reader.name() + ": cut in its header: got " + std::to_string(got) + " bytes, wanted " +
                std::to_string(header.size()));
  };
  // The magic is judged before the length, so that a short file of another kind is not called cut.
  std::size_t got = reader.read(header.data(), 4);
  if (got < 4) cut(got);
  if (std::uint32_t magic = big_endian(header.data()); magic != wanted)
    throw Error(reader.name() + ": wrong magic: got " + hex(magic) + ", wanted " + hex(wanted) +
                " (unsigned bytes, " + std::to_string(rank) + (rank == 1 ? " dimension)" : " dimensions)"));
  got += reader.read(header.data() + 4, header.size() - 4);
  if (got < header.size()) cut(got);
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < rank; ++i)
    dims.push_back(big_endian(header.data() + 4 + 4 * i));
  return dims;
}

std::optional<std::int64_t> product(const std::vector<std::int64_t>& dims) {
  std::int64_t total = 1;
  for (auto dim : dims)
    if (__builtin_mul_overflow(total, dim, &total)) return std::nullopt;
  return total;
}

fs::path find(const fs::path& directory, const std::string& name) {
  std::string dotted = name;
  dotted.replace(dotted.find("-idx"), 4, ".idx");
  for (const auto& candidate : {name, name + ".gz", dotted, dotted + ".gz"})
    if (std::error_code code; fs::exists(directory / candidate, code)) return directory / candidate;
  return {};
}

fs::path find_or_throw(const fs::path& directory, const std::string& name) {
  if (fs::path file = find(directory, name); !file.empty()) return file;
  throw Error(directory.string() + ": wanted " + name + " or " + name + ".gz, got neither");
}

} // namespace

IdxArray read_idx(const fs::path& file, std::size_t rank) {
  Reader reader(file);
  IdxArray array;
  array.dims = read_header(reader, rank);
  std::string sizes = " (" + to_text(array.dims) + ")";
  auto wanted = product(array.dims);
  if (!wanted)
    throw Error(file.string() + ": sizes do not add up: got" + sizes + ", more than fits in memory");
  // Doubled as data comes, so that a cut file with huge sizes in its header costs nothing.
  constexpr std::size_t kLeast = 1 << 16;
  auto total = static_cast<std::size_t>(*wanted);
  while (array.bytes.size() < total) {
    std::size_t before = array.bytes.size(), piece = std::min(std::max(before, kLeast), total - before);
    array.bytes.resize(before + piece);
    std::size_t got = reader.read(array.bytes.data() + before, piece);
    if (got < piece)
      throw Error(file.string() + ": cut: got " + std::to_string(before + got) + " bytes of data, wanted " +
                  std::to_string(total) + sizes);
  }
  // One byte further also makes zlib check the stream's checksum.
  if (std::uint8_t extra; reader.read(&extra, 1) != 0)
    throw Error(file.string() + ": sizes do not add up: got more than the " + std::to_string(total) +
                " bytes of data wanted" + sizes);
  return array;
}

void write_idx(const fs::path& file, const IdxArray& array) {
  auto wanted = product(array.dims);
  if (!wanted || *wanted != static_cast<std::int64_t>(array.bytes.size()))
    throw Error(file.string() + ": sizes do not add up: got " + std::to_string(array.bytes.size()) +
                " bytes, wanted " + to_text(array.dims));
  std::vector<std::uint8_t> header = {0, 0, kUnsignedBytes, static_cast<std::uint8_t>(array.dims.size())};
  for (auto dim : array.dims)
    for (int shift = 24; shift >= 0; shift -= 8)
      header.push_back(static_cast<std::uint8_t>(dim >> shift));

  serialize::detail::write_atomically(file.string(), [&](const serialize::detail::Sink& sink) {
    sink(header.data(), header.size());
    sink(array.bytes.data(), array.bytes.size());
  });
}

std::string images_name(Split split) {
  return std::string(split == Split::Train ? "train" : "t10k") + "-images-idx3-ubyte";
}
std::string labels_name(Split split) {
  return std::string(split == Split::Train ? "train" : "t10k") + "-labels-idx1-ubyte";
}

bool any_present(const fs::path& directory) {
  for (Split split : {Split::Train, Split::Test})
    for (const auto& name : {images_name(split), labels_name(split)})
      if (!find(directory, name).empty()) return true;
  return false;
}

LabelledImages load(const fs::path& directory, Split split, std::int64_t height, std::int64_t width,
                    int classes) {
  fs::path images_file = find_or_throw(directory, images_name(split));
  fs::path labels_file = find_or_throw(directory, labels_name(split));
  LabelledImages set{read_idx(images_file, 3), read_idx(labels_file, 1)};
  const auto& dims = set.images.dims;
  if (dims[1] != height || dims[2] != width)
    throw Error(images_file.string() + ": got images of " + std::to_string(dims[1]) + " x " +
                std::to_string(dims[2]) + ", wanted " + std::to_string(height) + " x " +
                std::to_string(width));
  if (dims[0] != set.labels.dims[0])
    throw Error(labels_file.string() + ": got " + std::to_string(set.labels.dims[0]) + " labels, wanted " +
                std::to_string(dims[0]) + ", one for each image of " + images_file.string());
  if (dims[0] == 0) throw Error(images_file.string() + ": got no images, wanted at least one");
  auto bad = std::find_if(set.labels.bytes.begin(), set.labels.bytes.end(),
                          [&](auto label) { return label >= classes; });
  if (bad != set.labels.bytes.end())
    throw Error(labels_file.string() + ": got label " + std::to_string(*bad) + " at index " +
                std::to_string(bad - set.labels.bytes.begin()) + ", wanted 0 to " +
                std::to_string(classes - 1));
  return set;
}

} // namespace kiln::data
