// Launches: how items become parts, and each thread's scratch memory.
#include "kiln/runtime/parallel.h"

#include "kiln/runtime/buffer.h"
#include "pool.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace kiln::runtime {
namespace {

std::atomic<int> threads{0}; // 0: not decided yet
thread_local bool alone = false;

/// Cores' worth of time that a container's quota allows.
int quota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double time = 0, period = 0;
  if (!(file >> time >> period) || period <= 0) return detail::Pool::kMostThreads; // "max": no quota
  return std::max(1, static_cast<int>(time / period + 0.5));
}

int default_threads() {
  for (const char* name : {"KILN_NUM_THREADS", "OMP_NUM_THREADS"})
    if (const char* text = std::getenv(name))
      if (const int count = std::atoi(text); count >= 1) return std::min(count, detail::Pool::kMostThreads);
  const int cores =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency())); // heeds the affinity mask
  return std::min({cores, quota(), detail::Pool::kMostThreads});
}

void* scratch_or_abort(std::int64_t bytes) noexcept {
  if (bytes == 0) return nullptr;
  try {
    return thread_scratch(bytes);
  } catch (const std::exception& error) { // compiled code cannot pass an exception on
    std::fprintf(stderr, "kiln: no scratch memory for a kernel: %s\n", error.what());
    std::abort();
  }
}

struct LaunchContext {
  Kernel kernel;
  void* const* args;
  std::int64_t items, grain, chunks, scratchBytes;
};

void run_part(const detail::Job& job, int part) {
  const auto& c = *static_cast<const LaunchContext*>(job.context);
  const std::int64_t begin = c.chunks * part / job.parts * c.grain;
  const std::int64_t end = std::min(c.items, c.chunks * (part + 1) / job.parts * c.grain);
  c.kernel(c.args, begin, end, scratch_or_abort(c.scratchBytes));
}

} // namespace

int get_num_threads() {
  int count = threads.load(std::memory_order_relaxed);
  if (count == 0) [[unlikely]] {
    int expected = 0;
    threads.compare_exchange_strong(expected, default_threads());
    count = threads.load(std::memory_order_relaxed);
  }
  return count;
}

void set_num_threads(int count) {
  if (count < 1) throw Error("set_num_threads: expected at least 1 thread, got " + std::to_string(count));
  threads.store(std::min(count, detail::Pool::kMostThreads), std::memory_order_relaxed);
}

void* thread_scratch(std::int64_t bytes) {
  thread_local Buffer memory;
  if (static_cast<std::int64_t>(memory.size()) < bytes) {
    memory.reset(); // its contents need not survive, so both need not exist at once
    memory = Buffer::allocate(static_cast<std::size_t>(bytes + bytes / 4));
  }
  return memory.data();
}

void run_alone_on_this_thread() {
  alone = true;
}

void launch(Kernel kernel, void* const* args, std::int64_t items, std::int64_t grain,
            std::int64_t scratchBytes) noexcept {
  if (items <= 0) return;
  if (items > grain && !alone) {
    const std::int64_t chunks = (items - 1) / grain + 1;
    const int parts = static_cast<int>(std::min<std::int64_t>(get_num_threads(), chunks));
    const LaunchContext context{kernel, args, items, grain, chunks, scratchBytes};
    if (parts > 1 && detail::Pool::instance().try_run({run_part, &context, parts})) return;
  }
  kernel(args, 0, items, scratch_or_abort(scratchBytes));
}

} // namespace kiln::runtime
