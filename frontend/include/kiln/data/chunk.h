// Datasets that are read in chunks: files that hold many samples each. Threads read chunks ahead and cut them
// into batches. As torch::data::datasets::ChunkDataset.
//
//   auto dataset = make_shared_dataset<ChunkDataset<Reader>>(reader, RandomSampler(0), RandomSampler(0),
//                                                            ChunkDatasetOptions(/*preloaders=*/2,
//                                                            batch_size));
//   for (auto& batch : *make_data_loader(dataset, DataLoaderOptions(batch_size))) …
#pragma once

#include "kiln/arg.h"
#include "kiln/data/dataset.h"
#include "kiln/data/samplers.h"
#include "kiln/serialize/archive.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <mutex>
#include <thread>

namespace kiln::data::datasets {

/// Derive, and say how to read. Preloaders call read_chunk at the same time; it may throw, and the training
/// loop then gets what it threw in the place of the chunk.
template <class Example, class Chunk = std::vector<Example>> class ChunkDataReader {
public:
  using ChunkType = Chunk;
  using ExampleType = Example;
  virtual ~ChunkDataReader() = default;
  virtual ChunkType read_chunk(std::size_t chunk_index) = 0;
  virtual std::size_t chunk_count() = 0;
  virtual void reset() = 0; ///< before each epoch
};

struct ChunkDatasetOptions {
  ChunkDatasetOptions(std::size_t preloader_count, std::size_t batch_size, std::size_t cache_size = 2048,
                      std::size_t cross_chunk_shuffle_count = 1)
      : preloader_count_(preloader_count), batch_size_(batch_size), cache_size_(cache_size),
        cross_chunk_shuffle_count_(cross_chunk_shuffle_count) {}
  KILN_ARG(std::size_t, preloader_count); ///< threads that read chunks; with one, the order is the samplers'
  KILN_ARG(std::size_t, batch_size);
  KILN_ARG(std::size_t, cache_size);                ///< samples after which preloaders wait
  KILN_ARG(std::size_t, cross_chunk_shuffle_count); ///< chunks whose samples are mixed
};

} // namespace kiln::data::datasets

namespace kiln::data::detail {

void check(
    const datasets::ChunkDatasetOptions& options); ///< throws Error for a number that is 0 or too small
[[noreturn]] void fail_batch_size(std::size_t requested, std::size_t created);

/// Batches between the threads that make them and the one that asks for them.
template <class Batch, class ExampleSampler> class BatchBuffer {
public:
  BatchBuffer(std::size_t batch_size, std::size_t capacity, ExampleSampler& sampler)
      : batch_size_(batch_size), capacity_(capacity), sampler_(sampler) {}

  /// Waits for a batch; nothing after the last. The last one may be shorter. Rethrows what a preloader met.
  std::optional<Batch> pop() {
    std::unique_lock lock(mutex_);
    // A short batch is filled up by the next chunk, unless something has come behind it.
    readable_.wait(
        lock, [&] { return closed_ || ready_.size() > 1 || (!ready_.empty() && is_whole(ready_.front())); });
    if (ready_.empty()) return std::nullopt;
    Entry entry = std::move(ready_.front());
    ready_.pop_front();
    waiting_samples_ -= entry.batch.size();
    lock.unlock();
    writable_.notify_all();
    if (entry.exception) std::rethrow_exception(entry.exception);
    return std::move(entry.batch);
  }

  /// Waits for room, then cuts the samples into batches in the sampler's order; fills up a batch that an
  /// earlier chunk has left short.
  void push(Batch samples) {
    std::unique_lock lock(mutex_);
    if (!wait_for_room(lock)) return;
    sampler_.reset(samples.size());
    std::size_t left = samples.size();
    auto append = [&](Batch& batch) {
      const auto indices = sampler_.next(std::min(batch_size_ - batch.size(), left));
      if (!indices || indices->empty()) return left = 0, false;
      for (const std::size_t index : *indices)
        batch.push_back(std::move(samples.at(index)));
      left -= std::min(left, indices->size());
      waiting_samples_ += indices->size();
      return true;
    };
    if (left > 0 && !ready_.empty() && !is_whole(ready_.back())) append(ready_.back().batch);
    while (left > 0) {
      Entry entry;
      if (append(entry.batch)) ready_.push_back(std::move(entry));
    }
    lock.unlock();
    readable_.notify_all();
  }
  void push(std::exception_ptr exception) {
    std::unique_lock lock(mutex_);
    if (!wait_for_room(lock)) return;
    ready_.push_back({{}, std::move(exception)});
    lock.unlock();
    readable_.notify_all();
  }

  /// Nothing more will come: what there is can still be taken, unless it is dropped.
  void close(bool drop) {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      if (drop) ready_.clear(), waiting_samples_ = 0;
    }
    readable_.notify_all();
    writable_.notify_all();
  }

private:
  struct Entry {
    Batch batch;
    std::exception_ptr exception;
  };
  bool is_whole(const Entry& entry) const { return entry.exception || entry.batch.size() >= batch_size_; }
  bool wait_for_room(std::unique_lock<std::mutex>& lock) {
    writable_.wait(lock, [&] { return closed_ || waiting_samples_ < capacity_; });
    return !closed_;
  }

  const std::size_t batch_size_, capacity_;
  ExampleSampler& sampler_;
  std::mutex mutex_;
  std::condition_variable readable_, writable_;
  std::deque<Entry> ready_;
  std::size_t waiting_samples_ = 0;
  bool closed_ = false;
};
} // namespace kiln::data::detail

namespace kiln::data::datasets {

/// Batches of samples from chunks. Made with make_shared_dataset, since it cannot be copied.
template <class ChunkReader, class ChunkSampler = samplers::RandomSampler,
          class ExampleSampler = samplers::RandomSampler>
class ChunkDataset final : public StatefulDataset<ChunkDataset<ChunkReader, ChunkSampler, ExampleSampler>,
                                                  typename ChunkReader::ChunkType, std::size_t> {
public:
  using UnwrappedBatchType = typename ChunkReader::ChunkType;
  using BatchType = std::optional<UnwrappedBatchType>;
  using BatchRequestType = std::size_t;
  using ChunkSamplerType = ChunkSampler;
  using ExampleSamplerType = ExampleSampler;

  /// The samplers are reset to the numbers of chunks and of samples. `preprocessing_policy` changes the
  /// samples of each read (cross_chunk_shuffle_count chunks) before they are cut into batches. Throws Error
  /// for options that cannot work.
  ChunkDataset(ChunkReader chunk_reader, ChunkSampler chunk_sampler, ExampleSampler example_sampler,
               ChunkDatasetOptions options,
               std::function<void(UnwrappedBatchType&)> preprocessing_policy = {})
      : reader_(std::move(chunk_reader)), chunk_sampler_(std::move(chunk_sampler)),
        example_sampler_(std::move(example_sampler)), options_(std::move(options)),
        preprocess_(std::move(preprocessing_policy)) {
    detail::check(options_);
  }
  ~ChunkDataset() override { stop(); }

  /// Throws Error unless batch_size is the options' and reset() was called.
  BatchType get_batch(std::size_t batch_size) override {
    if (!buffer_) throw Error("ChunkDataset: Dataset needs to call reset() before calling get_batch().");
    if (batch_size != options_.batch_size()) detail::fail_batch_size(batch_size, options_.batch_size());
    return buffer_->pop();
  }
  BatchType get_batch() { return get_batch(options_.batch_size()); }

  /// Starts an epoch: at its beginning, or, after load(), where the saved one was.
  void reset() override {
    stop();
    reader_.reset();
    if (!std::exchange(resumes_, false)) chunk_sampler_.reset(reader_.chunk_count());
    buffer_ = std::make_unique<Buffer>(options_.batch_size(), options_.cache_size(), example_sampler_);
    running_ = options_.preloader_count();
    for (std::size_t i = 0; i < options_.preloader_count(); ++i)
      preloaders_.emplace_back([this] { preload(); });
  }
  std::optional<std::size_t> size() const override { return std::nullopt; }

  /// Preloaders use it while an epoch runs.
  ChunkSampler& chunk_sampler() { return chunk_sampler_; }

  /// The place among the chunks. Chunks that were read but not handed out yet count as done.
  void save(serialize::OutputArchive& archive) const override {
    std::lock_guard lock(chunk_mutex_);
    chunk_sampler_.save(archive);
  }
  void load(serialize::InputArchive& archive) override {
    std::lock_guard lock(chunk_mutex_);
    chunk_sampler_.reset(reader_.chunk_count()); // a place alone does not say how many there are
    chunk_sampler_.load(archive);
    resumes_ = true;
  }

private:
  using Buffer = detail::BatchBuffer<UnwrappedBatchType, ExampleSampler>;

  std::optional<std::vector<std::size_t>> next_chunks() {
    std::lock_guard lock(chunk_mutex_);
    return chunk_sampler_.next(options_.cross_chunk_shuffle_count());
  }
  void preload() {
    while (!stopping_) {
      try {
        const auto chunks = next_chunks();
        if (!chunks) break;
        UnwrappedBatchType samples;
        for (const std::size_t chunk : *chunks) {
          UnwrappedBatchType part = reader_.read_chunk(chunk);
          std::move(part.begin(), part.end(), std::back_inserter(samples));
        }
        if (preprocess_) preprocess_(samples);
        if (!samples.empty()) buffer_->push(std::move(samples));
      } catch (...) {
        buffer_->push(std::current_exception());
      }
    }
    if (--running_ == 0) buffer_->close(false);
  }
  void stop() {
    stopping_ = true;
    if (buffer_) buffer_->close(true);
    for (std::thread& preloader : preloaders_)
      preloader.join();
    preloaders_.clear();
    stopping_ = false;
  }

  ChunkReader reader_;
  ChunkSampler chunk_sampler_;
  ExampleSampler example_sampler_;
  const ChunkDatasetOptions options_;
  std::function<void(UnwrappedBatchType&)> preprocess_;
  mutable std::mutex chunk_mutex_; ///< of chunk_sampler_
  std::unique_ptr<Buffer> buffer_;
  std::vector<std::thread> preloaders_;
  std::atomic<std::size_t> running_{0};
  std::atomic<bool> stopping_{false};
  bool resumes_ = false; ///< the next epoch goes on where a saved one was
};

} // namespace kiln::data::datasets
