// Samplers: the order in which a loader asks for samples. As torch::data::samplers.
// Random ones draw from the library's generator, when they are made and when they are reset: manual_seed
// fixes their order.
#pragma once

#include "kiln/tensor.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace kiln::serialize {
class OutputArchive;
class InputArchive;
} // namespace kiln::serialize

namespace kiln::data::samplers {

template <class BatchRequest = std::vector<std::size_t>> class Sampler {
public:
  using BatchRequestType = BatchRequest;
  virtual ~Sampler() = default;
  /// Starts an epoch, of `new_size` samples if given.
  virtual void reset(std::optional<std::size_t> new_size) = 0;
  /// The next batch, shorter than `batch_size` at the end; nothing after the end.
  virtual std::optional<BatchRequest> next(std::size_t batch_size) = 0;
  /// What is needed to go on in the middle of an epoch.
  virtual void save(serialize::OutputArchive& archive) const = 0;
  virtual void load(serialize::InputArchive& archive) = 0;
};
template <class BatchRequest>
serialize::OutputArchive& operator<<(serialize::OutputArchive& archive,
                                     const Sampler<BatchRequest>& sampler) {
  sampler.save(archive);
  return archive;
}
template <class BatchRequest>
serialize::InputArchive& operator>>(serialize::InputArchive& archive, Sampler<BatchRequest>& sampler) {
  sampler.load(archive);
  return archive;
}

/// 0, 1, 2, …
class SequentialSampler : public Sampler<> {
public:
  explicit SequentialSampler(std::size_t size);
  void reset(std::optional<std::size_t> new_size = std::nullopt) override;
  std::optional<std::vector<std::size_t>> next(std::size_t batch_size) override;
  void save(serialize::OutputArchive& archive) const override;
  void load(serialize::InputArchive& archive) override;
  std::size_t index() const noexcept { return index_; } ///< samples handed out in this epoch

private:
  std::size_t size_, index_ = 0;
};

/// A new permutation each epoch.
class RandomSampler : public Sampler<> {
public:
  /// `index_dtype`: how the permutation is kept; it need only hold the largest index.
  explicit RandomSampler(std::int64_t size, DType index_dtype = kInt64);
  void reset(std::optional<std::size_t> new_size = std::nullopt) override;
  std::optional<std::vector<std::size_t>> next(std::size_t batch_size) override;
  void save(serialize::OutputArchive& archive) const override;
  void load(serialize::InputArchive& archive) override;
  std::size_t index() const noexcept { return index_; }

private:
  Tensor indices_;
  std::size_t index_ = 0;
};

/// A request for a number of samples, whichever they are.
struct CustomBatchRequest {
  virtual ~CustomBatchRequest() = default;
  virtual std::size_t size() const = 0;
};
struct BatchSize : CustomBatchRequest {
  explicit BatchSize(std::size_t size) : size_(size) {}
  std::size_t size() const noexcept override { return size_; }
  operator std::size_t() const noexcept { return size_; }
  std::size_t size_;
};

/// Batch sizes that add up to an epoch, for StreamDataset.
class StreamSampler : public Sampler<BatchSize> {
public:
  explicit StreamSampler(std::size_t epoch_size) : epoch_size_(epoch_size) {}
  void reset(std::optional<std::size_t> new_size = std::nullopt) override;
  std::optional<BatchSize> next(std::size_t batch_size) override;
  void save(serialize::OutputArchive& archive) const override;
  void load(serialize::InputArchive& archive) override;

private:
  std::size_t examples_retrieved_so_far_ = 0, epoch_size_;
};

/// What the distributed samplers share: each of `num_replicas` processes takes its own part of the samples.
/// With allow_duplicates all parts are of one length and some samples come twice; without, some are left out.
/// Throw Error when rank is not below num_replicas.
class DistributedSampler : public Sampler<> {
public:
  DistributedSampler(std::size_t size, std::size_t num_replicas = 1, std::size_t rank = 0,
                     bool allow_duplicates = true);
  /// The random order depends on the epoch alone, so that all processes agree on it.
  void set_epoch(std::size_t epoch) { epoch_ = epoch; }
  std::size_t epoch() const { return epoch_; }
  std::size_t index() const noexcept { return sample_index_; }

  void reset(std::optional<std::size_t> new_size = std::nullopt) override;
  std::optional<std::vector<std::size_t>> next(std::size_t batch_size) override;
  void save(serialize::OutputArchive& archive) const override;
  void load(serialize::InputArchive& archive) override;

protected:
  virtual void populate_indices() = 0; ///< fills all_indices_ and the bounds
  std::size_t local_sample_count() const;

  std::size_t size_, num_replicas_, rank_, epoch_ = 0;
  bool allow_duplicates_;
  std::size_t begin_index_ = 0, end_index_ = 0, sample_index_ = 0;
  std::vector<std::size_t> all_indices_;
};

class DistributedRandomSampler : public DistributedSampler {
public:
  explicit DistributedRandomSampler(std::size_t size, std::size_t num_replicas = 1, std::size_t rank = 0,
                                    bool allow_duplicates = true);

private:
  void populate_indices() override;
};

class DistributedSequentialSampler : public DistributedSampler {
public:
  explicit DistributedSequentialSampler(std::size_t size, std::size_t num_replicas = 1, std::size_t rank = 0,
                                        bool allow_duplicates = true);

private:
  void populate_indices() override;
};

} // namespace kiln::data::samplers
