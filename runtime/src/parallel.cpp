// Launches: how items become shares and pieces, and each thread's scratch memory.
#include "kiln/runtime/parallel.h"

#include "kiln/runtime/buffer.h"
#include "pool.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <utility>

namespace kiln::runtime {
namespace {

/// Pieces of a thread's share: what is left of a share when its thread falls behind can be taken by others.
constexpr std::int64_t kPieces = 8;

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

/// What a kernel finds in its scratch when it is called for the first of a thread's pieces.
void begin_scratch(void* scratch) {
  if (scratch) *static_cast<std::int64_t*>(scratch) = 0;
}

struct LaunchContext {
  Kernel kernel;
  void* const* args;
  std::int64_t items, grain, chunks, scratchBytes;
  std::uint64_t number; ///< of the launch
};

void run_piece(const detail::Job& job, int share, int piece) {
  const auto& c = *static_cast<const LaunchContext*>(job.context);
  const std::int64_t first = c.chunks * share / job.threads, last = c.chunks * (share + 1) / job.threads;
  const std::int64_t begin = (first + (last - first) * piece / job.pieces) * c.grain;
  const std::int64_t end = std::min(c.items, (first + (last - first) * (piece + 1) / job.pieces) * c.grain);
  if (begin >= end) return; // shares need not all have as many chunks as pieces
  void* const scratch = scratch_or_abort(c.scratchBytes);
  thread_local std::uint64_t latest = 0;
  if (std::exchange(latest, c.number) != c.number) begin_scratch(scratch);
  c.kernel(c.args, begin, end, scratch);
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
    static std::atomic<std::uint64_t> launches{0};
    const std::int64_t chunks = (items - 1) / grain + 1;
    const int count = static_cast<int>(std::min<std::int64_t>(get_num_threads(), chunks));
    const int pieces = static_cast<int>(
        std::min<std::int64_t>({kPieces, detail::Pool::kMostThreads / count, (chunks - 1) / count + 1}));
    const LaunchContext context{kernel,
                                args,
                                items,
                                grain,
                                chunks,
                                scratchBytes,
                                launches.fetch_add(1, std::memory_order_relaxed) + 1};
    if (count > 1 && detail::Pool::instance().try_run({run_piece, &context, count, pieces})) return;
  }
  void* const scratch = scratch_or_abort(scratchBytes);
  begin_scratch(scratch);
  kernel(args, 0, items, scratch);
}

} // namespace kiln::runtime
