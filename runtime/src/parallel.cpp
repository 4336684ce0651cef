// Launches over OpenMP's pool. The team always has the same size, because changing it costs more than an idle
// member; between launches libomp's threads spin for a while (KMP_BLOCKTIME, 200 ms), which makes fork and
// join cheap.
#include "kiln/runtime/parallel.h"

#include "kiln/runtime/buffer.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <omp.h>

namespace kiln::runtime {
namespace {

std::atomic<int> threads{0}; // 0: not decided yet
std::atomic_flag poolBusy;   // one team at a time: a second one would fight it for the cores

void* scratch_or_abort(std::int64_t bytes) noexcept {
  try {
    return thread_scratch(bytes);
  } catch (const std::exception& error) { // compiled code cannot pass an exception on
    std::fprintf(stderr, "kiln: no scratch memory for a kernel: %s\n", error.what());
    std::abort();
  }
}

/// Piece `part` of `parts` of [0, items).
struct Piece {
  std::int64_t begin, end;
  Piece(std::int64_t items, std::int64_t grain, std::int64_t chunks, int part, int parts)
      : begin(chunks * part / parts * grain), end(std::min(items, chunks * (part + 1) / parts * grain)) {}
};

} // namespace

int get_num_threads() {
  int count = threads.load(std::memory_order_relaxed);
  if (count == 0) [[unlikely]] {
    int expected = 0;
    threads.compare_exchange_strong(expected, std::max(1, omp_get_max_threads()));
    count = threads.load(std::memory_order_relaxed);
  }
  return count;
}

void set_num_threads(int count) {
  if (count < 1) throw Error("set_num_threads: expected at least 1 thread, got " + std::to_string(count));
  threads.store(count, std::memory_order_relaxed);
}

void* thread_scratch(std::int64_t bytes) {
  thread_local Buffer memory;
  if (static_cast<std::int64_t>(memory.size()) < bytes) {
    memory.reset(); // its contents need not survive, so both need not exist at once
    memory = Buffer::allocate(static_cast<std::size_t>(bytes + bytes / 4));
  }
  return memory.data();
}

void launch(Kernel kernel, void* const* args, std::int64_t items, std::int64_t grain,
            std::int64_t scratchBytes) noexcept {
  if (items <= 0) return;
  const std::int64_t chunks = (items - 1) / grain + 1;
  const int team = chunks == 1 ? 1 : get_num_threads();
  if (team == 1 || omp_in_parallel() || poolBusy.test_and_set(std::memory_order_acquire)) {
    kernel(args, 0, items, scratch_or_abort(scratchBytes));
    return;
  }
#pragma omp parallel num_threads(team)
  {
    // OpenMP may give fewer threads than asked for.
    const int member = omp_get_thread_num();
    const int parts = static_cast<int>(std::min<std::int64_t>(omp_get_num_threads(), chunks));
    if (member < parts) {
      const Piece piece(items, grain, chunks, member, parts);
      kernel(args, piece.begin, piece.end, scratch_or_abort(scratchBytes));
    }
  }
  poolBusy.clear(std::memory_order_release);
}

RuntimeTable runtime_table(std::int64_t scratchBytes) {
  return {[](const RuntimeTable* table, Kernel kernel, void* const* args, std::int64_t items,
             std::int64_t grain) { launch(kernel, args, items, grain, table->scratchBytes); },
          scratchBytes};
}

} // namespace kiln::runtime
