// The threads behind launches, and how a job is shared out among them.
#pragma once

#include <atomic>
#include <cstdint>

namespace kiln::runtime::detail {

/// A job is cut into parts; every part is run once, by whichever thread gets to it.
struct Job {
  void (*run)(const Job& job, int part) = nullptr;
  const void* context = nullptr;
  int parts = 0;
};

class Pool {
public:
  static constexpr int kMostThreads = 64; ///< parts of a job are bits of a word

  static Pool& instance(); ///< never destroyed: its threads run until the process ends

  /// Runs the job with up to job.parts threads, the caller among them, and returns when it is done. False,
  /// with nothing done, when another job is running: the caller then does the work alone.
  bool try_run(const Job& job) noexcept;

private:
  void start_workers(int count) noexcept;
  void work(int self) noexcept;
  bool run_open_part(int preferred) noexcept;
  void wait_for_work() noexcept;
  void sleep() noexcept;
  void leave_callers_core() noexcept;

  // Parts of the current job that nobody has begun. Taking a part's bit is what gives the right to read
  // `job_`: the job cannot end, nor the next one begin, before that part is done.
  alignas(64) std::atomic<std::uint64_t> open_{0};
  alignas(64) std::atomic<int> unfinished_{0};
  alignas(64) Job job_;
  alignas(64) std::atomic_flag busy_;
  int workers_ = 0; // guarded by busy_
  std::atomic<std::uint32_t> sleepers_{0}, alarm_{0};
  std::atomic<int> caller_core_{-1}; ///< where the current job's caller was when it began
};

} // namespace kiln::runtime::detail
