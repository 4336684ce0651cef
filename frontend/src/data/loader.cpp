// The parts of data loaders that do not depend on types.
#include "kiln/data/loader.h"

#include "kiln/runtime/parallel.h"

#include <chrono>
#include <thread>

namespace kiln::data {

namespace {

std::string describe(const std::exception_ptr& original, std::optional<std::size_t> sample, bool in_worker) {
  std::string text =
      in_worker ? "Caught exception in DataLoader worker thread" : "Caught exception in DataLoader";
  if (sample) text += " at sample " + std::to_string(*sample);
  text += ".";
  try {
    std::rethrow_exception(original);
  } catch (const std::exception& error) {
    text += std::string(" Original message: ") + error.what();
  } catch (...) { // not a std::exception: it has no message
  }
  return text;
}

} // namespace

WorkerException::WorkerException(std::exception_ptr original, std::optional<std::size_t> sample,
                                 bool in_worker)
    : Error(describe(original, sample, in_worker)), original_exception(std::move(original)), sample(sample),
      message(what()) {}

FullDataLoaderOptions::FullDataLoaderOptions(DataLoaderOptions options)
    : batch_size(options.batch_size()), workers(options.workers()),
      max_jobs(options.max_jobs().value_or(2 * workers)), timeout(options.timeout()),
      enforce_ordering(options.enforce_ordering()), drop_last(options.drop_last()) {
  if (batch_size == 0) throw Error("DataLoaderOptions: got a batch size of 0, wanted at least 1");
  if (workers > 0 && max_jobs == 0)
    throw Error("DataLoaderOptions: got max_jobs 0 for " + std::to_string(workers) +
                " workers, wanted at least 1");
}

namespace detail {

std::optional<std::size_t>& sample_position() {
  thread_local std::optional<std::size_t> position;
  return position;
}

// Small batches take less time to make than a sleeping thread takes to wake up on an idle core. Waiting
// without yielding would be worse than sleeping where a worker shares its core with the training thread: it
// could not go on before the time is over.
void await_briefly(const std::atomic<std::size_t>& count) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds kAwake(50);
  if (count.load(std::memory_order_relaxed) != 0) return;
  const auto start = Clock::now();
  do
    std::this_thread::yield();
  while (count.load(std::memory_order_relaxed) == 0 && Clock::now() - start < kAwake);
}

void start_worker() {
  runtime::run_alone_on_this_thread();
}

} // namespace detail
} // namespace kiln::data
