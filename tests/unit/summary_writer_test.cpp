// SummaryWriter: the framing of its files, what it leaves alone, and what it says when it cannot write. What
// the records mean is judged by TensorBoard itself, in tests/python.
#include "kiln/kiln.h"
#include "kiln/watch/summary_writer.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace kiln;
using Catch::Contains;
using watch::SummaryWriter;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("kiln-summary-" + std::to_string(getpid()));
  Folder() { fs::remove_all(path), fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

/// Castagnoli's CRC by its definition, rotated and moved as TensorFlow stores it.
std::uint32_t slow_masked_crc(const std::string& data) {
  std::uint32_t crc = ~0U;
  for (unsigned char byte : data)
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = (crc ^ static_cast<unsigned>(byte >> bit)) & 1;
      crc = crc >> 1 ^ (odd ? 0x82F63B78U : 0U);
    }
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8U;
}

template <class T> T number_at(const std::string& bytes, std::size_t at) {
  T value;
  REQUIRE(at + sizeof value <= bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// The records of the only event file in a directory; checks every CRC.
std::vector<std::string> records(const fs::path& directory) {
  std::string bytes;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    CHECK_THAT(entry.path().filename().string(), Catch::StartsWith("events.out.tfevents."));
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
    ++files;
  }
  REQUIRE(files == 1);
  std::vector<std::string> found;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto size = number_at<std::uint64_t>(bytes, at);
    CHECK(number_at<std::uint32_t>(bytes, at + 8) == slow_masked_crc(bytes.substr(at, 8)));
    REQUIRE(at + 16 + size <= bytes.size());
    found.push_back(bytes.substr(at + 12, size));
    CHECK(number_at<std::uint32_t>(bytes, at + 12 + size) == slow_masked_crc(found.back()));
    at += 16 + size;
  }
  return found;
}

} // namespace

TEST_CASE("each add_ appends one record, after one with the version") {
  Folder folder;
  SummaryWriter writer(folder.path / "made" / "on the way");
  writer.add_scalar("loss", 0.5, 1);
  writer.add_histogram("weights", ones({3}), 1);
  const auto found = records(writer.log_dir()); // nothing needs to be flushed for readers to see it
  REQUIRE(found.size() == 3);
  CHECK_THAT(found[0], Contains("brain.Event:2"));
  CHECK_THAT(found[1], Contains("loss"));
  CHECK_THAT(found[2], Contains("weights"));
}

TEST_CASE("threads may add at once") {
  Folder folder;
  SummaryWriter writer(folder.path);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&writer, i] {
      for (int step = 0; step < 50; ++step)
        writer.add_scalar("thread" + std::to_string(i), step, step);
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(records(folder.path).size() == 1 + 4 * 50);
}

TEST_CASE("a folder that cannot be made is an error that names it") {
  Folder folder;
  const fs::path file = folder.path / "a file";
  std::ofstream(file) << "in the way";
  CHECK_THROWS_WITH(SummaryWriter(file / "run"), Contains((file / "run").string()) &&
                                                     Contains("cannot make this directory: Not a directory"));
  CHECK_THROWS_WITH(SummaryWriter(file), Contains(file.string()) && Contains("cannot make this"));
  CHECK(fs::file_size(file) == 10);
}

TEST_CASE("a folder that may not be written to is an error that names the file") {
  Folder folder;
  fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_exec);
  const bool root = geteuid() == 0; // may write anywhere
  if (root) REQUIRE(seteuid(65534) == 0);
  std::string message;
  try {
    SummaryWriter writer(folder.path);
  } catch (const Error& error) {
    message = error.what();
  }
  if (root) REQUIRE(seteuid(0) == 0);
  fs::permissions(folder.path, fs::perms::owner_all);
  CHECK_THAT(message, Contains(folder.path.string()) && Contains("cannot make this file: Permission denied"));
}

TEST_CASE("a disk that is full is an error, and the file stays whole") {
  Folder folder;
  SummaryWriter writer(folder.path);
  writer.add_scalar("loss", 1, 1);
  // A limit on the file's size stands for the disk's: the kernel writes what fits, then refuses.
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit tight = before;
  tight.rlim_cur = 300;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  std::string message;
  try {
    writer.add_text("note", std::string(1000, 'x'), 2);
  } catch (const Error& error) {
    message = error.what();
  }
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message,
             Contains("SummaryWriter: " + folder.path.string()) && Contains("cannot write: File too large"));
  CHECK(records(folder.path).size() == 2);
  writer.add_scalar("loss", 0.5, 3); // there is room again
  CHECK(records(folder.path).size() == 3);
}

TEST_CASE("after close nothing can be added") {
  Folder folder;
  SummaryWriter writer(folder.path);
  writer.close();
  writer.close();
  writer.flush();
  CHECK_THROWS_WITH(writer.add_scalar("loss", 1),
                    "SummaryWriter: " + folder.path.string() + " is closed: nothing can be added");
  CHECK(records(folder.path).size() == 1);
}

TEST_CASE("what cannot be shown is an error and writes nothing") {
  Folder folder;
  SummaryWriter writer(folder.path);
  CHECK_THROWS_WITH(writer.add_scalar("", 1), "SummaryWriter: a tag must not be empty");
  CHECK_THROWS_WITH(writer.add_scalar("loss", ones({2, 3})),
                    Contains("add_scalar: loss: wants one element, got [2, 3]"));
  CHECK_THROWS_WITH(writer.add_histogram("w", full({3}, NAN)),
                    "add_histogram: w: none of the 3 elements is finite");
  CHECK_THROWS_WITH(writer.add_histogram("w", zeros({0})), Contains("none of the 0 elements"));
  CHECK_THROWS_WITH(writer.add_histogram("w", Tensor()), Contains("undefined"));
  nn::Linear fc(3, 2);
  CHECK_THROWS_WITH(writer.add_graph(fc, ones({4, 5})), Contains("[4, 5]"));
  CHECK_THROWS_WITH(writer.add_graph(fc, Tensor()), Contains("add_graph: ") && Contains("undefined"));
  auto captured = jit::compile([&](Tensor x) {
    writer.add_graph(fc, ones({1, 3}));
    return x;
  });
  CHECK_THROWS_WITH(captured(ones({1})), Contains("add_graph: called in a function that is being captured"));
  CHECK(records(folder.path).size() == 1);
}

TEST_CASE("add_graph runs nothing and changes nothing") {
  Folder folder;
  SummaryWriter writer(folder.path);
  manual_seed(3);
  nn::Sequential net(nn::Linear(3, 4), nn::Dropout(0.5), nn::Linear(4, 2));
  std::vector<Tensor> before;
  for (const Tensor& p : net->parameters())
    before.push_back(p.clone());
  const Tensor x = randn({5, 3}); // moves the random state: both draws below come after it
  manual_seed(4);
  const Tensor wanted = rand({3});
  manual_seed(4);
  writer.add_graph(net, x);
  CHECK(rand({3}).equal(wanted));
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(net->parameters()[i].equal(before[i]));
    CHECK(!net->parameters()[i].grad().defined());
  }
  CHECK(net->is_training());
  CHECK(net->forward(x).sizes() == IntArrayRef({5, 2})); // and the net is usable afterwards
}
