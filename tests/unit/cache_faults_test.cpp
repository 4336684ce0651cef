// The cache when something is wrong: damaged and foreign files, folders that others own or write to, disks
// that are full or read-only. Nothing but valid values may come back, nothing may throw, and the reason is
// said once.
#include "runtime_fixture.h"

#include "kiln/runtime/cache.h"
#include "kiln/runtime/executable.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <random>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace kiln;
using namespace kiln::runtime;
using kiln::test::bytes, kiln::test::kKey;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

/// Runs `body` in a process of its own; gives its exit status (128 + signal when killed) and what it wrote to
/// stderr.
std::pair<int, std::string> in_child(const std::function<int()>& body) {
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(pipes[1], 2);
    int result = 99;
    try {
      result = body();
    } catch (...) {
    }
    _exit(result);
  }
  close(pipes[1]);
  std::string text;
  char part[512];
  for (ssize_t count; (count = read(pipes[0], part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(count));
  close(pipes[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text};
}

/// Root may do anything, so that permissions only count for somebody else.
bool become_nobody() {
  return geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size())
    ++found;
  return found;
}

} // namespace

TEST_CASE("an entry cut at any byte, or with any bit flipped, is not there") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  cache.put(kKey, "kernel", bytes(200, 5));
  const fs::path file = folder.path / (kKey + ".kernel");
  const auto whole = test::read_file(file);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    test::write_file(file, std::span(whole).first(length));
    REQUIRE_FALSE(cache.get(kKey, "kernel"));
  }
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    auto flipped = whole;
    flipped[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
    test::write_file(file, flipped);
    REQUIRE_FALSE(cache.get(kKey, "kernel"));
  }
  cache.put(kKey, "kernel", bytes(200, 6)); // and it is rebuilt
  CHECK(cache.get(kKey, "kernel") == bytes(200, 6));
}

TEST_CASE("a damaged plan or image makes the artifact absent, until it is put again") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  const Artifact artifact = test::program();
  const fs::path image = cache.put_artifact(kKey, artifact);
  const fs::path damaged = GENERATE(true, false) ? image : folder.path / (kKey + ".program");
  auto content = test::read_file(damaged);
  SECTION("cut") {
    content.resize(content.size() / 2);
  }
  SECTION("empty") {
    content.clear();
  }
  SECTION("a flipped bit") {
    content[content.size() / 3] ^= std::byte{16};
  }
  SECTION("longer") {
    content.push_back({});
  }
  test::write_file(damaged, content);
  CHECK_FALSE(cache.get_artifact(kKey));
  CHECK(cache.put_artifact(kKey, artifact) == image);
  REQUIRE(cache.get_artifact(kKey));
  CHECK(cache.get_artifact(kKey)->artifact.image == artifact.image);
}

TEST_CASE("an image that was removed makes the artifact absent") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  fs::remove(cache.put_artifact(kKey, test::program()));
  CHECK_FALSE(cache.get_artifact(kKey));
}

TEST_CASE("a file under another's name, a link, a folder and a pipe are not entries") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  const std::string other = "ffffffffffffffffffffffffffffffff";
  cache.put(kKey, "kernel", bytes(10, 1));
  const fs::path from = folder.path / (kKey + ".kernel"), to = folder.path / (other + ".kernel");
  SECTION("renamed") {
    fs::rename(from, to);
  }
  SECTION("symbolic link") {
    fs::create_symlink(from, to);
  }
  SECTION("folder") {
    fs::create_directory(to);
  }
  SECTION("pipe") {
    REQUIRE(mkfifo(to.c_str(), 0600) == 0);
  }
  SECTION("sparse and enormous") {
    test::write_file(to, {}), fs::resize_file(to, std::uintmax_t{1} << 40);
  }
  SECTION("writable by others") {
    fs::copy_file(from, to);
    REQUIRE(chmod(from.c_str(), 0666) == 0);
    CHECK_FALSE(cache.get(kKey, "kernel"));
  }
  CHECK_FALSE(cache.get(other, "kernel"));
}

TEST_CASE("a folder that others may write to is not used, and that is said once") {
  const test::TemporaryFolder folder;
  const mode_t mode = GENERATE(0777, 0770, 0702, 01777);
  const auto [status, text] = in_child([&] {
    if (chmod(folder.path.c_str(), mode) != 0) return 1;
    DiskCache cache({folder.path}), again({folder.path});
    cache.put(kKey, "kernel", bytes(10, 1));
    return cache.usable() || cache.get(kKey, "kernel") || !fs::is_empty(folder.path) ? 2 : 0;
  });
  CHECK(status == 0);
  CHECK(count(text, "is not used: others may write to it") == 1);
  CHECK_THAT(text, Contains(folder.path.string()));
}

TEST_CASE("a folder inside one that anybody may write to is not used") {
  const test::TemporaryFolder folder;
  fs::create_directory(folder.path / "open");
  REQUIRE(chmod((folder.path / "open").c_str(), 0777) == 0);
  const auto [status, text] =
      in_child([&] { return DiskCache({folder.path / "open" / "kiln"}).usable() ? 1 : 0; });
  CHECK(status == 0);
  CHECK_THAT(text, Contains("anybody may write to") && Contains("/open"));
}

TEST_CASE("another user's folder is not used") {
  if (geteuid() != 0) {
    WARN("skipped: needs root, to be two users");
    return;
  }
  const test::TemporaryFolder folder;
  REQUIRE(chmod(folder.path.c_str(), 0755) == 0);
  const auto [status, text] = in_child([&] {
    return !become_nobody() ? 1 : DiskCache({folder.path}).usable() ? 2 : 0;
  });
  CHECK(status == 0);
  CHECK_THAT(text, Contains("it belongs to another user"));
}

TEST_CASE("from a read-only folder entries are read; writing is given up with one warning") {
  const test::TemporaryFolder folder;
  const fs::path inner = folder.path / "kiln";
  REQUIRE(chmod(folder.path.c_str(), 0755) == 0);
  fs::create_directory(inner);
  REQUIRE(chmod(inner.c_str(), 0700) == 0);
  if (geteuid() == 0) REQUIRE(chown(inner.c_str(), 65534, 65534) == 0);
  const auto [status, text] = in_child([&] {
    if (!become_nobody()) return 1;
    DiskCache({inner}).put(kKey, "kernel", bytes(10, 1));
    if (chmod(inner.c_str(), 0500) != 0) return 2;
    DiskCache cache({inner});
    cache.put("ffffffffffffffff", "kernel", bytes(10, 2));
    cache.put("fffffffffffffffe", "kernel", bytes(10, 2));
    if (!cache.put_artifact(kKey, test::program()).empty()) return 3;
    return cache.get(kKey, "kernel") == bytes(10, 1) && !cache.get("ffffffffffffffff", "kernel") ? 0 : 4;
  });
  CHECK(status == 0);
  CHECK(count(text, "cannot write to the cache directory") == 1);
}

TEST_CASE("on a full disk nothing half-written stays, and the program goes on") {
  const test::TemporaryFolder folder;
  const auto [status, text] = in_child([&] {
    DiskCache cache({folder.path});
    cache.put(kKey, "kernel", bytes(100, 1));
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2000, 2000}; // a write beyond it stores a part, then fails, as on a full disk
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    cache.put(kKey, "kernel", bytes(5000, 2));
    if (!cache.put_artifact("ffffffffffffffff", test::program()).empty()) return 2;
    if (cache.get_artifact("ffffffffffffffff")) return 3;
    return cache.get(kKey, "kernel") == bytes(100, 1) ? 0 : 4; // the older value is still whole
  });
  CHECK(status == 0);
  CHECK(count(text, "cannot write to the cache directory") == 1);
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("a place that cannot be a folder is not used") {
  const auto [status, text] = in_child(
      [] { return DiskCache({"/dev/null/kiln"}).usable() || DiskCache({"/dev/full"}).usable() ? 1 : 0; });
  CHECK(status == 0);
  CHECK(count(text, "is not used: Not a directory") == 2);
}

TEST_CASE("an artifact of another format is absent, not an error") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  auto plan = test::program().serialize();
  plan[8] = std::byte{77};
  std::vector<std::byte> entry(16);
  const std::uint64_t size = plan.size();
  entry.insert(entry.end(), reinterpret_cast<const std::byte*>(&size),
               reinterpret_cast<const std::byte*>(&size + 1));
  entry.insert(entry.end(), plan.begin(), plan.end());
  cache.put(kKey, "program", entry);
  CHECK(cache.get(kKey, "program"));
  CHECK_FALSE(cache.get_artifact(kKey));
}

TEST_CASE("random damage anywhere in the folder never gives a wrong artifact") {
  const test::TemporaryFolder folder;
  DiskCache cache({folder.path});
  const Artifact artifact = test::program();
  const auto expected = artifact.serialize();
  std::mt19937 random(3);
  for (int trial = 0; trial < 100; ++trial) {
    cache.put_artifact(kKey, artifact);
    for (const auto& entry : fs::directory_iterator(folder.path)) {
      if (random() % 3 == 0) continue;
      auto content = test::read_file(entry.path());
      content[random() % content.size()] = static_cast<std::byte>(random());
      test::write_file(entry.path(), content);
    }
    if (const auto stored = cache.get_artifact(kKey)) REQUIRE(stored->artifact.serialize() == expected);
  }
}
