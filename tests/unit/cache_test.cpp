// The cache when all is well: what is put comes back, in this process and another, within its size; and the
// map in memory.
#include "runtime_fixture.h"

#include "kiln/runtime/cache.h"
#include "kiln/runtime/error.h"
#include "kiln/runtime/executable.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

using namespace kiln;
using namespace kiln::runtime;
using kiln::test::bytes, kiln::test::kKey;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

std::string key(int i) {
  std::string digits = std::to_string(i);
  return std::string(32 - digits.size(), '0') + digits;
}

std::int64_t total_size(const fs::path& folder) {
  std::int64_t total = 0;
  for (const auto& entry : fs::directory_iterator(folder))
    total += static_cast<std::int64_t>(entry.file_size());
  return total;
}

/// Makes a file look as if it was used `seconds` ago.
void age(const fs::path& file, int seconds) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
}

/// Sets an environment variable for as long as it lives.
struct Variable {
  Variable(const char* name, const char* value) : name(name) {
    if (const char* old = std::getenv(name)) before = old;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~Variable() { before ? setenv(name, before->c_str(), 1) : unsetenv(name); }
  const char* name;
  std::optional<std::string> before;
};

} // namespace

TEST_CASE("what was put is got, by key and kind, also by another cache on the same folder") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path / "kiln"});
  REQUIRE(cache.usable());
  CHECK_FALSE(cache.get(kKey, "kernel"));
  cache.put(kKey, "kernel", bytes(1000, 7));
  cache.put(kKey, "other", {});
  CHECK(cache.get(kKey, "kernel") == bytes(1000, 7));
  CHECK(cache.get(kKey, "other") == bytes(0, 0));
  CHECK_FALSE(cache.get(key(1), "kernel"));
  cache.put(kKey, "kernel", bytes(10, 8));
  CHECK(DiskCache({folder.path / "kiln"}).get(kKey, "kernel") == bytes(10, 8));
}

TEST_CASE("the folder is made for the user alone") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path / "a" / "b"});
  struct stat info{};
  REQUIRE(stat((folder.path / "a" / "b").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
}

TEST_CASE("an artifact comes back whole, with a file that can be opened") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  const Artifact artifact = test::program();
  const fs::path file = cache.put_artifact(kKey, artifact);
  CHECK(test::read_file(file) == artifact.image);
  const auto stored = cache.get_artifact(kKey);
  REQUIRE(stored);
  CHECK(stored->imageFile == file);
  CHECK(stored->artifact.serialize() == artifact.serialize());
  CHECK_NOTHROW(Executable(stored->artifact, stored->imageFile));
  CHECK_FALSE(cache.get_artifact(kKey, "backward"));
}

TEST_CASE("a newer image under the same key is the one that runs") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  Artifact artifact = test::program();
  const Executable old(artifact, cache.put_artifact(kKey, artifact));
  artifact.image.push_back(std::byte{0});
  const fs::path file = cache.put_artifact(kKey, artifact);
  CHECK(cache.get_artifact(kKey)->imageFile == file);
  CHECK(cache.get_artifact(kKey)->artifact.image == artifact.image);
}

TEST_CASE("keys and kinds that could leave the folder are refused") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  for (const char* bad : {"", "abc", "../../../../../../etc/passwd", "0123456789abcdef/0123456789abcdef"})
    CHECK_THROWS_AS(cache.get(bad, "kernel"), kiln::Error);
  CHECK_THROWS_WITH(cache.put(kKey, "../x", {}), Contains("kind"));
}

TEST_CASE("the least recently used files go when there are too many") {
  const test::TemporaryFolder folder;
  const CacheOptions options{folder.path, 100 << 10};
  {
    DiskCache cache(options);
    for (int i = 0; i < 12; ++i) { // 8 KiB each on disk: just within the limit
      cache.put(key(i), "kernel", bytes(7000, i));
      age(folder.path / (key(i) + ".kernel"), 3600 * (20 - i));
    }
    CHECK(cache.get(key(0), "kernel")); // used now: no longer the oldest
  }
  test::write_file(folder.path / "notes.txt", bytes(300000, 1)); // not ours: neither counted nor removed
  DiskCache cache(options);
  for (int i = 12; i < 16; ++i)
    cache.put(key(i), "kernel", bytes(7000, i));
  CHECK(cache.get(key(0), "kernel"));
  CHECK(cache.get(key(15), "kernel") == bytes(7000, 15));
  CHECK_FALSE(cache.get(key(1), "kernel"));
  CHECK_FALSE(cache.get(key(2), "kernel"));
  CHECK(fs::exists(folder.path / "notes.txt"));
  CHECK(total_size(folder.path) - 300000 <= options.maxBytes);
}

TEST_CASE("temporary files of processes that died are cleaned up") {
  const test::TemporaryFolder folder;
  const fs::path old = folder.path / (".tmp-1-1-" + kKey + ".kernel"),
                 fresh = folder.path / (".tmp-2-1-" + kKey + ".kernel");
  test::write_file(old, bytes(10, 1));
  test::write_file(fresh, bytes(10, 1));
  age(old, 7200);
  DiskCache cache({folder.path});
  cache.put(kKey, "kernel", bytes(10, 1));
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(fresh)); // its process may still be writing
}

TEST_CASE("processes and threads may write and read the same keys at the same time") {
  const test::TemporaryFolder folder;
  const auto work = [&](int seed) { // only whole values, each of one byte repeated
    DiskCache cache({folder.path, 200 << 10});
    for (int i = 0; i < 300; ++i) {
      const std::string k = key((i * 7 + seed) % 20);
      if (const auto value = cache.get(k, "kernel")) {
        if (value->empty() || value->size() % 1000 != 0) return 1;
        for (std::byte b : *value)
          if (b != value->front()) return 2;
      }
      cache.put(k, "kernel", bytes(1000 * static_cast<std::size_t>(1 + i % 20), i));
    }
    return 0;
  };
  std::vector<pid_t> children;
  for (int child = 0; child < 2; ++child) {
    const pid_t id = fork();
    if (id == 0) _exit(work(child));
    children.push_back(id);
  }
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 2; t < 4; ++t)
    threads.emplace_back([&, t] { failures += work(t) != 0; });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(failures == 0);
  for (pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  for (const auto& entry : fs::directory_iterator(folder.path)) // no temporary file is left
    CHECK_THAT(entry.path().filename().string(), !Catch::StartsWith(".tmp-"));
}

TEST_CASE("the environment chooses the folder and the size") {
  const Variable none("KILN_CACHE", nullptr), home("HOME", "/home/someone");
  const Variable xdg("XDG_CACHE_HOME", nullptr), directory("KILN_CACHE_DIR", nullptr),
      size("KILN_CACHE_SIZE", nullptr);
  CHECK(CacheOptions::from_environment().directory == "/home/someone/.cache/kiln");
  CHECK(CacheOptions::from_environment().maxBytes == 1 << 30);
  {
    const Variable relative("XDG_CACHE_HOME", "not/absolute");
    CHECK(CacheOptions::from_environment().directory == "/home/someone/.cache/kiln");
  }
  const Variable set("XDG_CACHE_HOME", "/var/x");
  CHECK(CacheOptions::from_environment().directory == "/var/x/kiln");
  const Variable own("KILN_CACHE_DIR", "/data/kiln"), small("KILN_CACHE_SIZE", "64M");
  CHECK(CacheOptions::from_environment().directory == "/data/kiln");
  CHECK(CacheOptions::from_environment().maxBytes == 64 << 20);
  for (const char* bad : {"lots", "-1", "5X", "99999999999G"}) {
    const Variable wrong("KILN_CACHE_SIZE", bad);
    CHECK(CacheOptions::from_environment().maxBytes == 1 << 30);
  }
  const Variable off("KILN_CACHE", "off");
  CHECK(CacheOptions::from_environment().directory.empty());
  DiskCache cache(CacheOptions::from_environment());
  CHECK_FALSE(cache.usable());
  cache.put(kKey, "kernel", bytes(1, 1));
  CHECK_FALSE(cache.get(kKey, "kernel"));
}

TEST_CASE("the map in memory finds what was inserted, also while others insert") {
  KeyMap<int> map;
  CHECK(map.find({1, 2}) == nullptr);
  int& first = map.insert({1, 2}, std::make_unique<int>(12));
  CHECK(&map.insert({1, 2}, std::make_unique<int>(99)) == &first);
  CHECK(*map.find({1, 2}) == 12);
  CHECK(map.find({2, 2}) == nullptr); // the same place in the table
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 2000; ++i) {
        const Key key{10 + t, i % 1000};
        const int value = static_cast<int>(i % 1000);
        if (const int* found = map.find(key); found && *found != value) ++wrong;
        if (map.insert(key, std::make_unique<int>(value)) != value) ++wrong;
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(wrong == 0);
  CHECK(map.size() == 4001);
  CHECK(map.find({1, 2}) == &first);
}
