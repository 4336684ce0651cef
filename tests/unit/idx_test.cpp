// IDX files: round trip, gzip, and every way a file can be wrong, with the exact message.
#include "../support/temporary_folder.h"

#include "kiln/data/idx.h"
#include "kiln/runtime/error.h"

#include <catch2/catch.hpp>
#include <zlib.h>

#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace kiln::data;
using Catch::Matchers::Message;

namespace {

std::vector<std::uint8_t> bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& file, const std::vector<std::uint8_t>& bytes) {
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

void put_gzip(const fs::path& file, const std::vector<std::uint8_t>& bytes) {
  gzFile out = gzopen(file.c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
}

std::vector<std::uint8_t> header(std::vector<std::uint32_t> dims) {
  std::vector<std::uint8_t> out = {0, 0, 8, static_cast<std::uint8_t>(dims.size())};
  for (auto dim : dims)
    for (int shift = 24; shift >= 0; shift -= 8)
      out.push_back(static_cast<std::uint8_t>(dim >> shift));
  return out;
}

std::vector<std::uint8_t> noise(std::size_t count) {
  std::vector<std::uint8_t> out(count);
  std::uint32_t state = 1;
  for (auto& byte : out)
    byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return out;
}

/// Images and labels of one split, `images` x 2 x 3 and `labels`.
void put_split(const fs::path& dir, std::int64_t images, std::vector<std::uint8_t> labels) {
  write_idx(dir / "train-images-idx3-ubyte", {{images, 2, 3}, noise(static_cast<std::size_t>(images) * 6)});
  write_idx(dir / "train-labels-idx1-ubyte", {{std::ssize(labels)}, labels});
}

} // namespace

TEST_CASE("what is written is read back") {
  kiln::test::TemporaryFolder dir;
  IdxArray array{{5, 2, 3}, noise(30)};
  write_idx(dir.path / "a", array);
  IdxArray back = read_idx(dir.path / "a", 3);
  CHECK(back.dims == array.dims);
  CHECK(back.bytes == array.bytes);
  CHECK(bytes_of(dir.path / "a").size() == 16 + 30);
}

TEST_CASE("writing leaves no temporary file and replaces the old one") {
  kiln::test::TemporaryFolder dir;
  write_idx(dir.path / "a", {{2}, {1, 2}});
  write_idx(dir.path / "a", {{3}, {4, 5, 6}});
  CHECK(std::distance(fs::directory_iterator(dir.path), {}) == 1);
  CHECK(read_idx(dir.path / "a", 1).bytes == std::vector<std::uint8_t>{4, 5, 6});
}

TEST_CASE("a gzip file is recognised by its content") {
  kiln::test::TemporaryFolder dir;
  write_idx(dir.path / "plain", {{100, 4}, noise(400)});
  put_gzip(dir.path / "packed", bytes_of(dir.path / "plain"));
  CHECK(read_idx(dir.path / "packed", 2).bytes == noise(400));
}

TEST_CASE("files that are wrong say what was got and wanted") {
  kiln::test::TemporaryFolder dir;
  fs::path file = dir.path / "a";
  std::string name = file.string();
  auto good = header({3, 2, 2});
  SECTION("missing") {
    CHECK_THROWS_MATCHES(read_idx(file, 3), kiln::Error,
                         Message(name + ": cannot open: No such file or directory"));
  }
  SECTION("a directory") {
    CHECK_THROWS_MATCHES(read_idx(dir.path, 3), kiln::Error,
                         Message(dir.path.string() + ": got a directory, wanted an IDX file"));
  }
  SECTION("empty") {
    put(file, {});
    CHECK_THROWS_MATCHES(read_idx(file, 3), kiln::Error,
                         Message(name + ": cut in its header: got 0 bytes, wanted 16"));
  }
  SECTION("cut in the header") {
    good.resize(9);
    put(file, good);
    CHECK_THROWS_MATCHES(read_idx(file, 3), kiln::Error,
                         Message(name + ": cut in its header: got 9 bytes, wanted 16"));
  }
  SECTION("labels where images are wanted") {
    put(file, header({4}));
    CHECK_THROWS_MATCHES(
        read_idx(file, 3), kiln::Error,
        Message(name + ": wrong magic: got 0x00000801, wanted 0x00000803 (unsigned bytes, 3 dimensions)"));
  }
  SECTION("another kind of file") {
    put(file, {'P', 'K', 3, 4, 0, 0});
    CHECK_THROWS_MATCHES(
        read_idx(file, 1), kiln::Error,
        Message(name + ": wrong magic: got 0x504b0304, wanted 0x00000801 (unsigned bytes, 1 dimension)"));
  }
  SECTION("cut in the data") {
    good.resize(16 + 7);
    put(file, good);
    CHECK_THROWS_MATCHES(read_idx(file, 3), kiln::Error,
                         Message(name + ": cut: got 7 bytes of data, wanted 12 (3 x 2 x 2)"));
  }
  SECTION("more data than the sizes say") {
    good.resize(16 + 13);
    put(file, good);
    CHECK_THROWS_MATCHES(
        read_idx(file, 3), kiln::Error,
        Message(name + ": sizes do not add up: got more than the 12 bytes of data wanted (3 x 2 x 2)"));
  }
  SECTION("huge sizes in a small file cost no memory") {
    put(file, header({0x7FFFFFFF, 1, 1}));
    CHECK_THROWS_MATCHES(
        read_idx(file, 3), kiln::Error,
        Message(name + ": cut: got 0 bytes of data, wanted 2147483647 (2147483647 x 1 x 1)"));
  }
  SECTION("sizes whose product overflows") {
    put(file, header({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}));
    CHECK_THROWS_MATCHES(
        read_idx(file, 3), kiln::Error,
        Message(
            name +
            ": sizes do not add up: got (4294967295 x 4294967295 x 4294967295), more than fits in memory"));
  }
  SECTION("a gzip stream that is cut") {
    auto data = header({2000});
    auto tail = noise(2000);
    data.insert(data.end(), tail.begin(), tail.end());
    put_gzip(file, data);
    auto packed = bytes_of(file);
    packed.resize(packed.size() / 2);
    put(file, packed);
    CHECK_THROWS_WITH(read_idx(file, 1), Catch::Contains(name + ": the gzip stream is cut"));
  }
  SECTION("a gzip stream with a flipped bit") {
    auto data = header({2000});
    auto tail = noise(2000);
    data.insert(data.end(), tail.begin(), tail.end());
    put_gzip(file, data);
    auto packed = bytes_of(file);
    packed[packed.size() / 2] ^= 0x10;
    put(file, packed);
    CHECK_THROWS_WITH(read_idx(file, 1), Catch::Contains(name + ": the gzip stream is damaged"));
  }
}

TEST_CASE("an array whose sizes do not add up is not written") {
  kiln::test::TemporaryFolder dir;
  CHECK_THROWS_MATCHES(
      write_idx(dir.path / "a", {{2, 3}, noise(5)}), kiln::Error,
      Message((dir.path / "a").string() + ": sizes do not add up: got 5 bytes, wanted 2 x 3"));
  CHECK(fs::is_empty(dir.path));
}

TEST_CASE("an unwritable place is an error that names the file") {
  CHECK_THROWS_MATCHES(write_idx("/nonexistent/a", {{1}, {0}}), kiln::Error,
                       Message("/nonexistent/a: cannot write: No such file or directory"));
}

TEST_CASE("a split is loaded from any of the usual names") {
  kiln::test::TemporaryFolder dir;
  put_split(dir.path, 3, {0, 9, 4});
  SECTION("plain") {}
  SECTION("gzip") {
    for (const std::string name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}) {
      put_gzip(dir.path / (name + ".gz"), bytes_of(dir.path / name));
      fs::remove(dir.path / name);
    }
  }
  SECTION("dotted") {
    fs::rename(dir.path / "train-images-idx3-ubyte", dir.path / "train-images.idx3-ubyte");
  }
  LabelledImages set = load(dir.path, Split::Train, 2, 3, 10);
  CHECK(set.count() == 3);
  CHECK(set.labels.bytes == std::vector<std::uint8_t>{0, 9, 4});
  CHECK(set.images.bytes == noise(18));
}

TEST_CASE("a split whose files do not fit each other is refused") {
  kiln::test::TemporaryFolder dir;
  std::string images = (dir.path / "train-images-idx3-ubyte").string();
  std::string labels = (dir.path / "train-labels-idx1-ubyte").string();
  SECTION("a missing file") {
    CHECK_THROWS_MATCHES(
        load(dir.path, Split::Test, 2, 3, 10), kiln::Error,
        Message(dir.path.string() +
                ": wanted t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz, got neither"));
  }
  SECTION("counts that differ") {
    put_split(dir.path, 3, {0, 1});
    CHECK_THROWS_MATCHES(load(dir.path, Split::Train, 2, 3, 10), kiln::Error,
                         Message(labels + ": got 2 labels, wanted 3, one for each image of " + images));
  }
  SECTION("images of another size") {
    put_split(dir.path, 1, {0});
    CHECK_THROWS_MATCHES(load(dir.path, Split::Train, 28, 28, 10), kiln::Error,
                         Message(images + ": got images of 2 x 3, wanted 28 x 28"));
  }
  SECTION("a label out of range") {
    put_split(dir.path, 3, {0, 10, 1});
    CHECK_THROWS_MATCHES(load(dir.path, Split::Train, 2, 3, 10), kiln::Error,
                         Message(labels + ": got label 10 at index 1, wanted 0 to 9"));
  }
  SECTION("no images") {
    put_split(dir.path, 0, {});
    CHECK_THROWS_MATCHES(load(dir.path, Split::Train, 2, 3, 10), kiln::Error,
                         Message(images + ": got no images, wanted at least one"));
  }
}
