// Launches: every item once, in pieces the kernel may rely on; scratch; nesting; errors.
#include "kiln/runtime/error.h"
#include "kiln/runtime/parallel.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <mutex>
#include <sched.h>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace kiln::runtime;

namespace {

/// Restores the thread count.
struct Threads {
  explicit Threads(int count) : before(get_num_threads()) { set_num_threads(count); }
  ~Threads() { set_num_threads(before); }
  int before;
};

struct Pieces {
  std::mutex mutex;
  std::vector<std::pair<std::int64_t, std::int64_t>> list;
};

} // namespace

TEST_CASE("pieces cover the items once, start at multiples of the grain, and are at most eight a thread") {
  const int threads = GENERATE(1, 2, 3, 8);
  const std::int64_t items = GENERATE(0, 1, 63, 64, 65, 1000, 4096), grain = GENERATE(1, 7, 64, 5000);
  const Threads guard(threads);
  std::vector<std::atomic<int>> seen(static_cast<std::size_t>(items));
  Pieces pieces;
  parallel_for(items, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      ++seen[static_cast<std::size_t>(i)];
    std::lock_guard lock(pieces.mutex);
    pieces.list.emplace_back(begin, end);
  });
  for (const auto& count : seen)
    REQUIRE(count == 1);
  REQUIRE(pieces.list.size() <= static_cast<std::size_t>(8 * threads));
  for (auto [begin, end] : pieces.list) {
    REQUIRE(begin % grain == 0);
    REQUIRE((end == items || end % grain == 0));
    REQUIRE(begin < end);
  }
}

TEST_CASE("the same launch is cut into the same pieces each time") {
  const Threads guard(3);
  std::vector<std::pair<std::int64_t, std::int64_t>> first;
  for (int run = 0; run < 20; ++run) {
    Pieces pieces;
    parallel_for(1000, 16, [&](std::int64_t begin, std::int64_t end) {
      std::lock_guard lock(pieces.mutex);
      pieces.list.emplace_back(begin, end);
    });
    std::sort(pieces.list.begin(), pieces.list.end());
    if (run == 0) first = pieces.list;
    REQUIRE(pieces.list == first);
  }
}

TEST_CASE("a single piece runs on the calling thread") {
  const Threads guard(4);
  std::thread::id ran;
  parallel_for(100, 100, [&](std::int64_t, std::int64_t) { ran = std::this_thread::get_id(); });
  CHECK(ran == std::this_thread::get_id());
}

TEST_CASE("nested launches run serially") {
  const Threads guard(2);
  std::atomic<int> inner{0};
  parallel_for(2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      parallel_for(10, 1, [&](std::int64_t from, std::int64_t to) { inner += to - from == 10 ? 1 : 1000; });
  });
  CHECK(inner == 2);
}

TEST_CASE("other threads do take part, also after a pause in which they fell asleep") {
  const Threads guard(2);
  for (int round = 0; round < 2; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30 * round));
    std::atomic<int> arrived{0};
    // Neither piece ends before the other has begun; were they run in turn, this would never end.
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      ++arrived;
      while (arrived < 2)
        std::this_thread::yield();
    });
    CHECK(arrived == 2);
  }
}

TEST_CASE("a thread that falls behind leaves the rest of its share to the others") {
  const Threads guard(2);
  std::atomic<int> done{0};
  parallel_for(16, 1, [&](std::int64_t begin, std::int64_t end) {
    // The piece that begins first ends last: were its thread's share not taken, this would last for a minute.
    const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (begin == 0 && done < 15 && std::chrono::steady_clock::now() < limit)
      std::this_thread::yield();
    if (begin == 0) CHECK(done == 15);
    done += static_cast<int>(end - begin);
  });
  CHECK(done == 16);
}

TEST_CASE("no more threads take part than are set, though more were started before") {
  { // starts two
    const Threads guard(3);
    parallel_for(3, 1, [](std::int64_t, std::int64_t) {});
  }
  const Threads guard(2);
  for (int run = 0; run < 100; ++run) {
    if (run % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(15)); // they fall asleep
    std::mutex mutex;
    std::set<std::thread::id> seen;
    parallel_for(16, 1, [&](std::int64_t, std::int64_t) {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
    REQUIRE(seen.size() <= 2);
  }
}

TEST_CASE("very many short launches all do their work") {
  const Threads guard(3);
  std::int64_t counts[3] = {};
  for (int i = 0; i < 100000; ++i)
    parallel_for(3, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k)
        ++counts[k]; // not atomic: each has one writer at a time
    });
  for (std::int64_t count : counts)
    CHECK(count == 100000);
}

TEST_CASE("a forked child works on, without the threads of its parent") {
  const Threads guard(2);
  parallel_for(2, 1, [](std::int64_t, std::int64_t) {});
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> items{0};
    parallel_for(100, 1,
                 [&](std::int64_t begin, std::int64_t end) { items += static_cast<int>(end - begin); });
    _exit(items == 100 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("several threads may launch at once") {
  const Threads guard(2);
  std::atomic<std::int64_t> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        parallel_for(64, 8, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
    });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(sum == 4 * 200 * 64);
}

TEST_CASE("an exception in a piece comes out of parallel_for, and the pool works on") {
  const Threads guard(2);
  const auto fail = [](std::int64_t, std::int64_t) { throw kiln::Error("bad piece"); };
  CHECK_THROWS_WITH(parallel_for(100, 1, fail), "bad piece");   // in every thread
  CHECK_THROWS_WITH(parallel_for(100, 100, fail), "bad piece"); // in the caller alone
  std::atomic<std::int64_t> items{0};
  parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) { items += end - begin; });
  CHECK(items == 100);
}

TEST_CASE("scratch is aligned, large enough, a thread's own, and kept") {
  const Threads guard(2);
  std::atomic<int> wrong{0};
  void* args[] = {&wrong};
  const auto kernel = [](void* const* args, std::int64_t begin, std::int64_t end, void* scratch) {
    auto& wrong = *static_cast<std::atomic<int>*>(args[0]);
    if (reinterpret_cast<std::uintptr_t>(scratch) % 64 != 0) ++wrong;
    auto* words = static_cast<volatile std::int64_t*>(scratch);
    for (int i = 0; i < 1000; ++i)
      words[i] = begin;
    for (int i = 0; i < 1000; ++i)
      if (words[i] != begin) ++wrong;
    (void)end;
  };
  for (int run = 0; run < 100; ++run)
    launch(kernel, args, 64, 1, 8000);
  CHECK(wrong == 0);
  void* small = thread_scratch(100);
  CHECK(thread_scratch(50) == small);
  void* large = thread_scratch(100000);
  CHECK(thread_scratch(100) == large);
}

TEST_CASE("scratch begins with a zero at a thread's first piece of a launch, and then stays as it was left") {
  const Threads guard(GENERATE(1, 2));
  struct Seen {
    std::mutex mutex;
    std::set<std::thread::id> threads;
    int wrong = 0;
  };
  for (int run = 0; run < 100; ++run) {
    Seen seen;
    void* args[] = {&seen};
    const auto kernel = [](void* const* args, std::int64_t, std::int64_t, void* scratch) {
      auto& seen = *static_cast<Seen*>(args[0]);
      auto& word = *static_cast<std::int64_t*>(scratch);
      std::lock_guard lock(seen.mutex);
      const bool first = seen.threads.insert(std::this_thread::get_id()).second;
      seen.wrong += word != (first ? 0 : 17);
      word = 17;
    };
    launch(kernel, args, 64, 1, 8000);
    REQUIRE(seen.wrong == 0);
  }
}

TEST_CASE("the number of threads is checked") {
  CHECK_THROWS_WITH(set_num_threads(0), "set_num_threads: expected at least 1 thread, got 0");
  CHECK(get_num_threads() >= 1);
}

TEST_CASE(
    "a thread that wakes on the caller's core works on another one, and may run where it might before") {
  const Threads guard(2);
  cpu_set_t allowed;
  REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  if (CPU_COUNT(&allowed) < 2) {
    WARN("skipped: this process may use one core only");
    return;
  }
  const int core = sched_getcpu();
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(core, &only);
  const auto caller = std::this_thread::get_id();
  // Runs `body` on the pool's thread, if that wakes within a second.
  const auto on_other_thread = [&](auto&& body) {
    std::atomic<bool> ran{false};
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      if (std::this_thread::get_id() != caller) {
        body();
        ran = true;
        return;
      }
      for (auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
           !ran && std::chrono::steady_clock::now() < end;)
        std::this_thread::yield();
    });
    return ran.load();
  };

  REQUIRE(sched_setaffinity(0, sizeof only, &only) == 0); // the caller stays where it is
  int tries = 0, apart = 0, restored = 0;
  for (int i = 0; i < 20; ++i) {
    const bool brought = on_other_thread([&] { // sets itself on the caller's core, then may leave it
      sched_setaffinity(0, sizeof only, &only);
      sched_setaffinity(0, sizeof allowed, &allowed);
    });
    if (!brought) continue;
    on_other_thread([&] {
      ++tries;
      apart += sched_getcpu() != core;
      cpu_set_t now;
      restored += sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, &allowed);
    });
  }
  REQUIRE(sched_setaffinity(0, sizeof allowed, &allowed) == 0);
  REQUIRE(tries > 0);
  CHECK(restored == tries);
  CHECK(apart >= tries * 3 / 4);
}
