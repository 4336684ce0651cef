// Runs work over the cores: an executable's launches, and parallel_for for host code.
// One job works at a time: a launch from inside a piece of work, or while another thread has the pool, runs
// on the calling thread alone.
#pragma once

#include "kiln/runtime/artifact.h"

#include <cstdint>
#include <exception>
#include <mutex>
#include <type_traits>

namespace kiln::runtime {

/// KILN_NUM_THREADS or OMP_NUM_THREADS, else the cores that this process may use; at most 64.
int get_num_threads();
void set_num_threads(int count); ///< throws Error for count < 1

/// Calls kernel for pieces that together are [0, items), each a multiple of grain long but for the last: up
/// to eight adjoining ones for each thread, which the others may take when it falls behind, and no thread but
/// the caller's when items is at most the grain. Each call gets `scratchBytes` of memory, 64-byte aligned,
/// its thread's own (null for 0 bytes). At a thread's first piece of a launch its first eight bytes are zero
/// and the rest is undefined; at later pieces it is as the piece before left it.
void launch(Kernel kernel, void* const* args, std::int64_t items, std::int64_t grain,
            std::int64_t scratchBytes) noexcept;

/// From now on launches of the calling thread run on it alone: a thread that works beside the main one leaves
/// the pool to that one.
void run_alone_on_this_thread();

/// The calling thread's scratch memory, at least `bytes`; it grows and is kept. Throws Error when memory is
/// out.
void* thread_scratch(std::int64_t bytes);

/// body(begin, end) for pieces of [0, items). The first exception thrown by a piece is thrown again here.
template <class F> void parallel_for(std::int64_t items, std::int64_t grain, F&& body) {
  struct Work {
    std::remove_reference_t<F>* body;
    std::exception_ptr failure;
    std::mutex mutex;
  } work{&body, nullptr, {}};
  void* args[] = {&work};
  launch(
      [](void* const* args, std::int64_t begin, std::int64_t end, void*) {
        auto& work = *static_cast<Work*>(args[0]);
        try {
          (*work.body)(begin, end);
        } catch (...) {
          std::lock_guard lock(work.mutex);
          if (!work.failure) work.failure = std::current_exception();
        }
      },
      args, items, grain, 0);
  if (work.failure) std::rethrow_exception(work.failure);
}

} // namespace kiln::runtime
