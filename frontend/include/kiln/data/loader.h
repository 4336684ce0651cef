// Data loaders: batches of a dataset, in a sampler's order, made ahead of the step by worker threads. As
// torch::data.
//
// What a batch holds depends on the dataset, the sampler and the seed, never on the number of workers: the
// sampler is asked by the training thread alone, batches come back in its order, and what a batch draws at
// random comes from a stream of its own.
#pragma once

#include "kiln/arg.h"
#include "kiln/data/dataset.h"
#include "kiln/data/iterator.h"
#include "kiln/data/queue.h"
#include "kiln/data/samplers.h"
#include "kiln/internal/random_scope.h"

#include <exception>
#include <thread>

namespace kiln::data {

struct DataLoaderOptions {
  DataLoaderOptions() = default;
  DataLoaderOptions(std::size_t batch_size) : batch_size_(batch_size) {}
  KILN_ARG(std::size_t, batch_size) = 1;
  /// Threads that make batches; 0: the training thread makes each when it is asked for.
  KILN_ARG(std::size_t, workers) = 0;
  /// Batches that are under way or ready at most; twice the workers unless given.
  KILN_ARG(std::optional<std::size_t>, max_jobs);
  /// How long to wait for a batch before it is an Error; for ever unless given.
  KILN_ARG(std::optional<std::chrono::milliseconds>, timeout);
  /// Whether batches come in the sampler's order; else each comes when it is ready.
  KILN_ARG(bool, enforce_ordering) = true;
  /// Whether a last batch that is shorter than batch_size is left out.
  KILN_ARG(bool, drop_last) = false;
};

/// The same with every choice made. Throws Error for a batch size of 0 and for workers without jobs.
struct FullDataLoaderOptions {
  explicit FullDataLoaderOptions(DataLoaderOptions options);
  std::size_t batch_size, workers, max_jobs;
  std::optional<std::chrono::milliseconds> timeout;
  bool enforce_ordering, drop_last;
};

/// What a dataset or transform threw, with the sample it was at where that is known.
struct WorkerException : Error {
  explicit WorkerException(std::exception_ptr original, std::optional<std::size_t> sample = std::nullopt,
                           bool in_worker = true);
  std::exception_ptr original_exception;
  std::optional<std::size_t> sample; ///< its index in the dataset
  std::string message;               ///< what()
};

namespace detail {
/// The sample at `position` of a request, where requests are lists of samples.
template <class Request> std::optional<std::size_t> sample_at(const Request& request) {
  const std::optional<std::size_t> position = std::exchange(sample_position(), std::nullopt);
  if constexpr (requires {
                  std::size_t{request[0]};
                  request.size();
                })
    if (position && *position < request.size()) return request[*position];
  return std::nullopt;
}
/// For the life of a worker thread: its ops run on this thread alone, so that they leave the others' cores to
/// the training step.
void start_worker();
} // namespace detail

template <class Dataset, class Batch, class BatchRequest> class DataLoaderBase {
public:
  using BatchType = Batch;
  using BatchRequestType = BatchRequest;

  explicit DataLoaderBase(DataLoaderOptions options, std::unique_ptr<Dataset> main_thread_dataset = nullptr)
      : options_(options), main_thread_dataset_(std::move(main_thread_dataset)), sequencer_(new_sequencer()) {
  }
  DataLoaderBase(const DataLoaderBase&) = delete;
  virtual ~DataLoaderBase() { join(); }

  /// Starts an epoch. Throws Error while batches of another iterator are under way.
  Iterator<Batch> begin() {
    if (shuttle_.in_flight_jobs() != 0)
      throw Error("Attempted to get a new DataLoader iterator while another iterator is not yet exhausted");
    reset();
    return Iterator<Batch>([this] { return next(); });
  }
  Iterator<Batch> end() { return Iterator<Batch>(); }

  /// Waits for the workers and ends them; the loader gives no more batches. The destructor does so too.
  void join() {
    if (joined_) return;
    joined_ = true;
    shuttle_.drain();
    for (std::size_t i = 0; i < workers_.size(); ++i)
      shuttle_.push_job(Job{});
    for (std::thread& worker : workers_)
      worker.join();
  }

  const FullDataLoaderOptions& options() const noexcept { return options_; }

protected:
  struct Job {
    std::optional<BatchRequest> request; ///< none: the worker ends
    std::size_t sequence_number = 0;
    std::uint64_t seed = 0;
  };
  struct Result {
    std::optional<Batch> batch;
    std::exception_ptr exception;
    std::optional<std::size_t> sample; ///< that the exception came from
    std::size_t sequence_number = 0;
  };

  virtual std::optional<BatchRequest> get_batch_request() = 0;

  virtual void reset() {
    shuttle_.drain();
    sequence_number_ = 0;
    seed_ = internal::draw_seed();
    sequencer_ = new_sequencer();
    if (options_.workers > 0) prefetch(options_.max_jobs);
  }

  /// `make_body()` gives what one thread runs.
  template <class MakeBody> void start_workers(MakeBody make_body) {
    for (std::size_t i = 0; i < options_.workers; ++i)
      workers_.emplace_back(make_body());
  }

  void worker_thread(Dataset& dataset) {
    detail::start_worker();
    while (true) {
      Job job = shuttle_.pop_job();
      if (!job.request) return;
      Result result;
      result.sequence_number = job.sequence_number;
      try {
        internal::RandomScope random(job.seed, job.sequence_number);
        result.batch = get_batch(dataset, *job.request);
      } catch (...) {
        result.exception = std::current_exception();
        result.sample = detail::sample_at(*job.request);
      }
      shuttle_.push_result(std::move(result));
    }
  }

  const FullDataLoaderOptions options_;
  std::unique_ptr<Dataset> main_thread_dataset_; ///< stateless loaders: only where there are no workers

private:
  // A list of samples is handed over as a reference to it.
  static std::optional<Batch> get_batch(Dataset& dataset, BatchRequest& request) {
    return dataset.get_batch(request);
  }

  void prefetch(std::size_t jobs) {
    for (std::size_t i = 0; i < jobs; ++i) {
      std::optional<BatchRequest> request = get_batch_request();
      if (!request) return;
      shuttle_.push_job({std::move(request), sequence_number_++, seed_});
    }
  }

  std::optional<Batch> next() {
    if (options_.workers == 0) return next_in_main_thread();
    while (std::optional<Result> result =
               sequencer_->next([this] { return shuttle_.pop_result(options_.timeout); })) {
      if (result->exception) {
        prefetch(1); // a training loop may go on with the batches after this one
        throw WorkerException(result->exception, result->sample);
      }
      if (!result->batch) continue; // a stateful dataset has come to its end
      prefetch(1);
      return std::move(result->batch);
    }
    return std::nullopt;
  }

  std::optional<Batch> next_in_main_thread() {
    std::optional<BatchRequest> request = get_batch_request();
    if (!request) return std::nullopt;
    detail::sample_position().reset();
    try {
      internal::RandomScope random(seed_, sequence_number_++);
      return get_batch(*main_thread_dataset_, *request);
    } catch (...) {
      const std::optional<std::size_t> sample = detail::sample_at(*request);
      if (!sample) throw;
      throw WorkerException(std::current_exception(), sample, false);
    }
  }

  std::unique_ptr<detail::sequencers::Sequencer<Result>> new_sequencer() {
    using namespace detail::sequencers;
    if (options_.enforce_ordering) return std::make_unique<OrderedSequencer<Result>>(options_.max_jobs);
    return std::make_unique<NoSequencer<Result>>();
  }

  std::size_t sequence_number_ = 0;
  std::uint64_t seed_ = 0;
  std::vector<std::thread> workers_;
  detail::DataShuttle<Job, Result> shuttle_;
  std::unique_ptr<detail::sequencers::Sequencer<Result>> sequencer_;
  bool joined_ = false;
};

/// For datasets whose batches are asked for by a sampler. Each worker has its own copy of the dataset.
template <class Dataset, class Sampler>
class StatelessDataLoader
    : public DataLoaderBase<Dataset, typename Dataset::BatchType, typename Sampler::BatchRequestType> {
public:
  using super = DataLoaderBase<Dataset, typename Dataset::BatchType, typename Sampler::BatchRequestType>;
  using typename super::BatchRequestType;

  StatelessDataLoader(Dataset dataset, Sampler sampler, DataLoaderOptions options)
      : super(options), sampler_(std::move(sampler)) {
    this->start_workers([&] { return [this, own = dataset]() mutable { this->worker_thread(own); }; });
    if (this->options_.workers == 0)
      this->main_thread_dataset_ = std::make_unique<Dataset>(std::move(dataset));
  }
  ~StatelessDataLoader() override { this->join(); }

private:
  void reset() override {
    sampler_.reset(std::nullopt);
    super::reset();
  }
  std::optional<BatchRequestType> get_batch_request() override {
    auto indices = sampler_.next(this->options_.batch_size);
    if (indices && this->options_.drop_last && indices->size() < this->options_.batch_size)
      return std::nullopt;
    return indices;
  }

  Sampler sampler_;
};

/// For datasets that keep their own place. All workers share the dataset, which must be safe for that.
template <class Dataset>
class StatefulDataLoader : public DataLoaderBase<Dataset, typename Dataset::BatchType::value_type,
                                                 typename Dataset::BatchRequestType> {
public:
  using super =
      DataLoaderBase<Dataset, typename Dataset::BatchType::value_type, typename Dataset::BatchRequestType>;
  using typename super::BatchRequestType;

  StatefulDataLoader(Dataset dataset, DataLoaderOptions options)
      : super(options, std::make_unique<Dataset>(std::move(dataset))) {
    this->start_workers([&] { return [this] { this->worker_thread(*this->main_thread_dataset_); }; });
  }
  ~StatefulDataLoader() override { this->join(); }

private:
  void reset() override {
    this->main_thread_dataset_->reset();
    super::reset();
  }
  std::optional<BatchRequestType> get_batch_request() override { return this->options_.batch_size; }
};

template <class Dataset, class Sampler>
  requires(!Dataset::is_stateful)
std::unique_ptr<StatelessDataLoader<Dataset, Sampler>> make_data_loader(Dataset dataset, Sampler sampler,
                                                                        DataLoaderOptions options) {
  return std::make_unique<StatelessDataLoader<Dataset, Sampler>>(std::move(dataset), std::move(sampler),
                                                                 options);
}

/// With a sampler made from the dataset's size: random order unless another type is named. Throws Error when
/// the dataset has no size.
template <class Sampler = samplers::RandomSampler, class Dataset>
  requires(!Dataset::is_stateful && std::is_constructible_v<Sampler, std::size_t>)
std::unique_ptr<StatelessDataLoader<Dataset, Sampler>> make_data_loader(Dataset dataset,
                                                                        DataLoaderOptions options = {}) {
  const std::optional<std::size_t> size = dataset.size();
  if (!size) throw Error("Expected the dataset to be sized in order to construct the Sampler");
  return make_data_loader(std::move(dataset), Sampler(*size), options);
}

template <class Dataset>
  requires(Dataset::is_stateful)
std::unique_ptr<StatefulDataLoader<Dataset>> make_data_loader(Dataset dataset,
                                                              DataLoaderOptions options = {}) {
  return std::make_unique<StatefulDataLoader<Dataset>>(std::move(dataset), options);
}

} // namespace kiln::data
