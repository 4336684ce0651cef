// A job is published by setting bits; idle threads spin on that word for a while, then sleep. The caller
// begins at once and also takes pieces that no thread has begun, so that on a busy machine it never waits for
// a thread that the system has not scheduled.
#include "pool.h"

#include <chrono>
#include <csignal>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace kiln::runtime::detail {
namespace {

// Idle threads: a moment of spinning catches the next kernel of a program, yielding then leaves the core to
// others who want it, and after the pause between two steps of a training loop the core is given back.
// When yielding shows that others do want the core, sleep at once: a thread that wakes is put on an idle core
// if there is one, a thread that yields stays where it is, which may be the caller's own core.
constexpr std::chrono::microseconds kSpin(100), kYield(10000), kContended(20);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

/// The lowest `count` bits.
std::uint64_t ones(int count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// Waits as a member of the set `who` while the word has this value, or wakes up to `value` members. The
/// system's sets are of 32: a thread may be woken for its namesake, so there is no waking just one.
void futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, std::uint64_t who) {
  syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr,
          static_cast<std::uint32_t>(who | who >> 32));
}

} // namespace

Pool& Pool::instance() {
  static Pool* const pool = new Pool;
  return *pool;
}

bool Pool::try_run(const Job& job) noexcept {
  if (busy_.test_and_set(std::memory_order_acquire)) return false;
  if (workers_ < job.threads - 1) start_workers(job.threads - 1);
  job_ = job;
  const int all = job.threads * job.pieces;
  caller_core_.store(sched_getcpu(), std::memory_order_relaxed);
  shape_.store({job.threads, job.pieces}, std::memory_order_relaxed);
  unfinished_.store(all, std::memory_order_relaxed);
  open_.exchange(ones(all), std::memory_order_seq_cst); // pairs with sleep()
  const std::uint64_t others = ones(job.threads) & ~std::uint64_t{1};
  if ((sleepers_.load(std::memory_order_seq_cst) & others) != 0) {
    alarm_.fetch_add(1, std::memory_order_release);
    futex(alarm_, FUTEX_WAKE_BITSET, kMostThreads, others);
  }
  while (run_open_piece(0)) {
  }
  for (int spins = 0; unfinished_.load(std::memory_order_acquire) > 0; ++spins)
    spins < 10000 ? pause() : std::this_thread::yield();
  busy_.clear(std::memory_order_release);
  return true;
}

/// Takes the first open piece of the thread's own share, else the last one of the nearest share that has any,
/// and runs it. A thread has the same share of each job: what it reads is then likely to be in its own
/// caches.
bool Pool::run_open_piece(int self) noexcept {
  std::uint64_t open = open_.load(std::memory_order_acquire);
  while (open != 0) {
    const auto [threads, pieces] = shape_.load(std::memory_order_relaxed);
    if (self >= threads) return false;
    int bit = 63 - __builtin_clzll(open);
    for (int i = 0; i < threads; ++i) {
      const int first = (self + i) % threads * pieces;
      const std::uint64_t share = open & ones(pieces) << first;
      if (share == 0) continue;
      bit = i == 0 ? __builtin_ctzll(share) : 63 - __builtin_clzll(share);
      break;
    }
    if (!open_.compare_exchange_weak(open, open & ~(std::uint64_t{1} << bit), std::memory_order_acquire))
      continue;
    job_.run(job_, bit / job_.pieces, bit % job_.pieces);
    unfinished_.fetch_sub(1, std::memory_order_release);
    return true;
  }
  return false;
}

void Pool::start_workers(int count) noexcept {
  // Signals are for the user's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    for (; workers_ < count; ++workers_)
      std::thread([this, self = workers_ + 1] { work(self); }).detach();
  } catch (const std::system_error&) { // no more threads to be had: those that exist do all
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Pool::work(int self) noexcept {
  for (;;) {
    wait_for_work(self);
    leave_callers_core();
    while (run_open_piece(self)) {
    }
  }
}

/// Whether the current job has pieces for this thread: it may be meant for fewer threads than there are.
bool Pool::is_wanted(int self) const noexcept {
  return open_.load(std::memory_order_acquire) != 0 && self < shape_.load(std::memory_order_relaxed).threads;
}

void Pool::wait_for_work(int self) noexcept {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      if (is_wanted(self)) return;
      pause();
    }
    const auto idle = Clock::now() - start;
    if (idle > kYield) return sleep(self);
    if (idle < kSpin) continue;
    std::this_thread::yield();
    if (Clock::now() - start - idle > kContended) return sleep(self);
  }
}

/// A system may wake a thread on the core of the one that woke it though others are idle, and its balancing
/// may take longer than the job (seen: two threads sharing one of two cores launch after launch). A thread
/// that finds itself there asks for any other of its cores once; where it may run stays as it was.
void Pool::leave_callers_core() noexcept {
  const int core = caller_core_.load(std::memory_order_relaxed);
  if (core < 0 || sched_getcpu() != core) return;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return;
  cpu_set_t others = allowed;
  CPU_CLR(core, &others);
  if (sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
}

void Pool::sleep(int self) noexcept {
  const std::uint64_t bit = std::uint64_t{1} << self;
  const std::uint32_t seen = alarm_.load(std::memory_order_acquire);
  sleepers_.fetch_or(bit, std::memory_order_seq_cst);
  if (open_.load(std::memory_order_seq_cst) == 0 || !is_wanted(self))
    futex(alarm_, FUTEX_WAIT_BITSET, seen, bit);
  sleepers_.fetch_and(~bit, std::memory_order_relaxed);
}

} // namespace kiln::runtime::detail
