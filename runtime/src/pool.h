// The threads behind launches, and how a job is shared out among them.
#pragma once

#include <atomic>
#include <cstdint>

namespace kiln::runtime::detail {

/// A job is cut into a share for each thread, and each share into pieces; every piece is run once. A thread
/// runs its own share from the front, then takes the last pieces of others: a core that is slower than the
/// rest, since someone else wants it, does less, and what a thread reads stays together.
struct Job {
  void (*run)(const Job& job, int share, int piece) = nullptr;
  const void* context = nullptr;
  int threads = 0;
  int pieces = 0; ///< of a share; threads * pieces is at most Pool::kMostThreads
};

class Pool {
public:
  static constexpr int kMostThreads = 64; ///< pieces of a job are bits of a word

  static Pool& instance(); ///< never destroyed: its threads run until the process ends

  /// Runs the job with up to job.threads threads, the caller among them, and returns when it is done. False,
  /// with nothing done, when another job is running: the caller then does the work alone.
  bool try_run(const Job& job) noexcept;

private:
  void start_workers(int count) noexcept;
  void work(int self) noexcept;
  bool run_open_piece(int self) noexcept;
  bool is_wanted(int self) const noexcept;
  void wait_for_work(int self) noexcept;
  void sleep(int self) noexcept;
  void leave_callers_core() noexcept;

  // Pieces of the current job that nobody has begun, share after share. Taking a piece's bit is what gives
  // the right to read `job_`: the job cannot end, nor the next one begin, before that piece is done.
  alignas(64) std::atomic<std::uint64_t> open_{0};
  /// Threads and pieces of the job that `open_` belongs to or of one near it in time: says which pieces to
  /// prefer, no more.
  struct Shape {
    std::int32_t threads = 0, pieces = 1;
  };
  std::atomic<Shape> shape_{Shape{}};
  alignas(64) std::atomic<int> unfinished_{0};
  alignas(64) Job job_;
  alignas(64) std::atomic_flag busy_;
  int workers_ = 0;                        // guarded by busy_
  std::atomic<std::uint64_t> sleepers_{0}; ///< a bit for each worker
  std::atomic<std::uint32_t> alarm_{0};
  std::atomic<int> caller_core_{-1}; ///< where the current job's caller was when it began
};

} // namespace kiln::runtime::detail
