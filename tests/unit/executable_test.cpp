// Executables: from memory and from a file, with temporaries, constants and aliases, from several threads,
// profiled.
#include "runtime_fixture.h"

#include "kiln/runtime/error.h"
#include "kiln/runtime/executable.h"
#include "kiln/runtime/parallel.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>

using namespace kiln;
using namespace kiln::runtime;
using Catch::Contains;

namespace {

struct Values {
  std::vector<float> a, b, out;
  explicit Values(float base = 0) : a(1000), b(1000), out(1000, -1) {
    for (int i = 0; i < 1000; ++i)
      a[i] = base + static_cast<float>(i), b[i] = 3;
  }
  bool run(const Executable& executable) {
    void* inputs[] = {a.data(), b.data()};
    void* outputs[] = {out.data()};
    executable.run(inputs, outputs);
    return right();
  }
  bool right() const {
    for (int i = 0; i < 1000; ++i)
      if (out[i] != 2 * (a[i] + b[i]) + 0.5f) return false;
    return true;
  }
};

/// A frame that can be given back before its scope ends.
struct Taken {
  Taken(const Executable& executable, std::uint64_t& ticket) : frame(executable.frame(ticket)) {}
  Executable::Frame frame;
};

/// out = a + b for as many elements as the caller has.
Artifact elementwise() {
  Artifact artifact = test::program();
  const TensorType type{DType::Float32, {Shape::kDynamic}};
  artifact.slots = {
      {Slot::Kind::Input, type, 0, -1}, {Slot::Kind::Input, type, 0, -1}, {Slot::Kind::Output, type, 0, -1}};
  artifact.launches = {{"add", {0, 1, 2}, -1, 64, 0}};
  return artifact;
}

} // namespace

TEST_CASE("a program runs from memory and from a file") {
  CHECK(Values().run(Executable(test::program())));
  Artifact artifact = test::program();
  artifact.image.clear();
  CHECK(Values().run(Executable(artifact, KILN_TEST_KERNELS)));
}

TEST_CASE("a file that cannot be opened is made up for by the image") {
  CHECK(Values().run(Executable(test::program(), "/nonexistent/code.so")));
  Artifact artifact = test::program();
  artifact.image.clear();
  CHECK_THROWS_WITH(Executable(artifact, "/nonexistent/code.so"),
                    Contains("program 'sum'") && Contains("/nonexistent"));
}

TEST_CASE("several threads run one executable at once, each in its own arena") {
  set_num_threads(2);
  const Executable executable(test::program());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Values values(static_cast<float>(1000 * t));
      for (int i = 0; i < 500; ++i)
        wrong += !values.run(executable);
    });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("many programs live side by side, and none is taken for another") {
  // Images from memory have names; a loader that sees one name twice would give the first library again.
  std::vector<std::unique_ptr<Executable>> all;
  for (int i = 0; i < 200; ++i) {
    Artifact artifact = i % 2 ? elementwise() : test::program();
    artifact.image.resize(artifact.image.size() + static_cast<std::size_t>(i)); // another image each
    all.push_back(std::make_unique<Executable>(std::move(artifact)));
    if (i % 3 == 2) all.erase(all.begin());
  }
  Values values;
  for (const auto& executable : all)
    if (executable->artifact().launches[0].items > 0) CHECK(values.run(*executable));
}

TEST_CASE("an elementwise program takes its size from the caller") {
  const Executable executable(elementwise());
  const std::size_t n = GENERATE(0u, 1u, 63u, 64u, 5000u);
  std::vector<float> a(n, 1), b(n, 2), out(n + 1, -1);
  void* args[] = {a.data(), b.data(), out.data()};
  executable.run_elementwise(args, static_cast<std::int64_t>(n));
  for (std::size_t i = 0; i < n; ++i)
    REQUIRE(out[i] == 3);
  CHECK(out[n] == -1);
}

TEST_CASE("an output that shares an input's memory is written there") {
  Artifact artifact = test::program();
  artifact.slots[2].alias = 0;
  const Executable executable(artifact);
  CHECK(executable.output_alias(0) == 0);
  CHECK(Executable(test::program()).output_alias(0) == -1);
  Values values;
  const std::vector<float> before = values.a;
  void* inputs[] = {values.a.data(), values.b.data()};
  void* outputs[] = {nullptr};
  executable.run(inputs, outputs);
  for (int i = 0; i < 1000; ++i)
    REQUIRE(values.a[i] == 2 * (before[i] + 3) + 0.5f);
}

TEST_CASE("a frame keeps the pointers of its ticket's last run, and nobody else's") {
  const Executable executable(test::program());
  std::uint64_t ticket = 0, other = 0;
  Values first, second(500);
  auto give = [](Executable::Frame& frame, Values& values) {
    frame.input(0, values.a.data());
    frame.input(1, values.b.data());
    frame.output(0, values.out.data());
  };
  auto run_all = [&](Executable::Frame& frame, Values& values) {
    values.out.assign(1000, -1);
    give(frame, values);
    frame.run();
    return values.right();
  };
  {
    Executable::Frame frame = executable.frame(ticket);
    CHECK_FALSE(frame.kept());
    CHECK(run_all(frame, first));
  }
  {
    Executable::Frame frame = executable.frame(ticket);
    CHECK(frame.kept());
    frame.input(0, second.a.data()); // the others stand
    frame.run();
    first.a.swap(second.a);
    CHECK(first.right());
    Executable::Frame meanwhile = executable.frame(other);
    CHECK_FALSE(meanwhile.kept());
    CHECK(run_all(meanwhile, second));
  }
  CHECK(executable.frame(other).kept());
  CHECK_FALSE(executable.frame(ticket).kept());
  CHECK(executable.frame(ticket).kept());
  CHECK(first.run(executable));
  CHECK_FALSE(executable.frame(ticket).kept());
}

TEST_CASE("a frame that is not its ticket's last one is not kept when it turns up again") {
  const Executable executable(test::program());
  std::uint64_t ticket = 0, other = 0;
  auto take = [&](std::uint64_t& of) { return std::make_unique<Taken>(executable, of); };
  auto first = take(ticket), second = take(other);
  second.reset(); // in reach of the next run,
  first.reset();  // and this one behind it
  CHECK_FALSE(take(ticket)->frame.kept());
  second = take(other);
  CHECK_FALSE(take(ticket)->frame.kept());
}

TEST_CASE("a profile has a time for each launch, and the run's results are the usual ones") {
  const Executable executable(test::program());
  Values values;
  void* inputs[] = {values.a.data(), values.b.data()};
  void* outputs[] = {values.out.data()};
  const std::vector<double> times = executable.profile(inputs, outputs, 5);
  REQUIRE(times.size() == 3);
  for (double time : times)
    CHECK(time > 0);
  CHECK(values.right());
}

TEST_CASE("what cannot run says why") {
  Artifact artifact = test::program();
  SECTION("code that is not code") {
    artifact.image.assign(1000, std::byte{1});
    CHECK_THROWS_WITH(Executable(artifact), Contains("program 'sum': its code cannot be loaded"));
  }
  SECTION("no code") {
    artifact.image.clear();
    CHECK_THROWS_WITH(Executable(artifact), "program 'sum': it holds no code");
  }
  SECTION("a symbol that is missing") {
    artifact.launches[1].symbol = "thrice";
    CHECK_THROWS_WITH(Executable(artifact), "program 'sum': its code has no symbol 'thrice'");
  }
  SECTION("another machine") {
    artifact.target = "aarch64";
    CHECK_THROWS_WITH(Executable(artifact), Contains("aarch64, which this machine has not"));
  }
  SECTION("a GPU") {
    artifact.target = "cuda sm_90a";
    CHECK_THROWS_WITH(Executable(artifact), Contains("compiled for cuda sm_90a"));
  }
  SECTION("too few arguments") {
    const Executable executable(artifact);
    CHECK_THROWS_WITH(executable.run({}, {}), "program 'sum': expected 2 inputs and 1 outputs, got 0 and 0");
    CHECK_THROWS_WITH(executable.run_elementwise(nullptr, 1), Contains("its size is fixed"));
    CHECK_THROWS_WITH(Executable(elementwise()).run(std::vector<void*>(2), std::vector<void*>(1)),
                      Contains("its size is not fixed"));
  }
}
