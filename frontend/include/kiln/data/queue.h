// What carries jobs to a loader's workers and results back, and puts results in order.
#pragma once

#include "kiln/runtime/error.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kiln::data::detail {

/// Returns when `count` is not 0 any more, or after some 50 us. The thread stays awake, but lets any other
/// that wants its core go first.
void await_briefly(const std::atomic<std::size_t>& count);

/// First in, first out, for any number of threads.
template <class T> class Queue {
public:
  void push(T value) {
    {
      std::lock_guard lock(mutex_);
      queue_.push_back(std::move(value));
      count_.store(queue_.size(), std::memory_order_relaxed);
    }
    filled_.notify_one();
  }
  /// Waits for an element; throws Error when none comes within `timeout`.
  T pop(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
    await_briefly(count_);
    std::unique_lock lock(mutex_);
    auto filled = [this] { return !queue_.empty(); };
    if (!timeout)
      filled_.wait(lock, filled);
    else if (!filled_.wait_for(lock, *timeout, filled))
      throw Error("Timeout in DataLoader queue while waiting for next batch (timeout was " +
                  std::to_string(timeout->count()) + " ms)");
    T value = std::move(queue_.front());
    queue_.pop_front();
    count_.store(queue_.size(), std::memory_order_relaxed);
    return value;
  }
  /// Returns how many elements there were.
  std::size_t clear() {
    std::lock_guard lock(mutex_);
    const std::size_t count = queue_.size();
    queue_.clear();
    count_.store(0, std::memory_order_relaxed);
    return count;
  }

private:
  std::deque<T> queue_;
  std::atomic<std::size_t> count_{0}; ///< of queue_'s elements, for who does not hold the lock
  std::mutex mutex_;
  std::condition_variable filled_;
};

/// Jobs out, results in. One thread pushes jobs and pops results; workers do the opposite.
template <class Job, class Result> class DataShuttle {
public:
  void push_job(Job job) {
    new_jobs_.push(std::move(job));
    ++in_flight_jobs_;
  }
  void push_result(Result result) { results_.push(std::move(result)); }
  Job pop_job() { return new_jobs_.pop(); }
  /// Waits for a result; nothing when no job is under way.
  std::optional<Result> pop_result(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
    if (in_flight_jobs_ == 0) return std::nullopt;
    std::optional<Result> result(results_.pop(timeout));
    --in_flight_jobs_;
    return result;
  }
  /// Takes back jobs that nobody has begun and waits for the others.
  void drain() {
    in_flight_jobs_ -= new_jobs_.clear();
    while (in_flight_jobs_ > 0)
      pop_result();
  }
  std::size_t in_flight_jobs() const noexcept { return in_flight_jobs_; }

private:
  Queue<Job> new_jobs_;
  std::size_t in_flight_jobs_ = 0;
  Queue<Result> results_;
};

namespace sequencers {

/// Decides which result comes next. A Result has a sequence_number.
template <class Result> struct Sequencer {
  using ResultProducer = std::function<std::optional<Result>()>;
  virtual ~Sequencer() = default;
  virtual std::optional<Result> next(ResultProducer next_result) = 0;
};

/// As they come.
template <class Result> struct NoSequencer final : Sequencer<Result> {
  using typename Sequencer<Result>::ResultProducer;
  std::optional<Result> next(ResultProducer next_result) override { return next_result(); }
};

/// In the order of their numbers, from 0. At most `max_jobs` may be under way.
template <class Result> struct OrderedSequencer : Sequencer<Result> {
  using typename Sequencer<Result>::ResultProducer;
  explicit OrderedSequencer(std::size_t max_jobs) : buffer_(max_jobs) {}

  std::optional<Result> next(ResultProducer next_result) override {
    std::optional<Result>& waiting = place(next_sequence_number_);
    while (!waiting) {
      std::optional<Result> result = next_result();
      if (!result) return std::nullopt;
      std::optional<Result>& own = place(result->sequence_number);
      own = std::move(result);
    }
    std::optional<Result> result = std::move(waiting);
    waiting.reset();
    ++next_sequence_number_;
    return result;
  }
  std::optional<Result>& place(std::size_t number) { return buffer_.at(number % buffer_.size()); }

  std::size_t next_sequence_number_ = 0;
  std::vector<std::optional<Result>> buffer_;
};

} // namespace sequencers
} // namespace kiln::data::detail
