// Samplers.
#include "kiln/data/samplers.h"

#include "core/tensor_impl.h"
#include "kiln/ops.h"
#include "kiln/runtime/philox.h"
#include "kiln/serialize/archive.h"

#include <algorithm>
#include <numeric>

namespace kiln::data::samplers {

namespace {
// How many samples the next batch has; nothing at the end.
std::optional<std::size_t> length_of_next(std::size_t wanted, std::size_t index, std::size_t end) {
  if (index >= end) return std::nullopt;
  return std::min(wanted, end - index);
}
} // namespace

SequentialSampler::SequentialSampler(std::size_t size) : size_(size) {}
void SequentialSampler::reset(std::optional<std::size_t> new_size) {
  if (new_size) size_ = *new_size;
  index_ = 0;
}
std::optional<std::vector<std::size_t>> SequentialSampler::next(std::size_t batch_size) {
  const auto length = length_of_next(batch_size, index_, size_);
  if (!length) return std::nullopt;
  std::vector<std::size_t> indices(*length);
  std::iota(indices.begin(), indices.end(), index_);
  index_ += *length;
  return indices;
}

RandomSampler::RandomSampler(std::int64_t size, DType index_dtype) : indices_(randperm(size, index_dtype)) {}
void RandomSampler::reset(std::optional<std::size_t> new_size) {
  const std::int64_t size = new_size ? static_cast<std::int64_t>(*new_size) : indices_.numel();
  indices_ = randperm(size, indices_.dtype());
  index_ = 0;
}
std::optional<std::vector<std::size_t>> RandomSampler::next(std::size_t batch_size) {
  const auto length = length_of_next(batch_size, index_, static_cast<std::size_t>(indices_.numel()));
  if (!length) return std::nullopt;
  std::vector<std::size_t> indices(*length);
  if (indices_.dtype() == kInt64) {
    const auto* from = indices_.data_ptr<std::int64_t>() + index_;
    std::copy(from, from + *length, indices.begin());
  } else {
    const Tensor part =
        indices_.narrow(0, static_cast<std::int64_t>(index_), static_cast<std::int64_t>(*length)).to(kInt64);
    const auto* from = part.data_ptr<std::int64_t>();
    std::copy(from, from + *length, indices.begin());
  }
  index_ += *length;
  return indices;
}

void StreamSampler::reset(std::optional<std::size_t> new_size) {
  if (new_size) epoch_size_ = *new_size;
  examples_retrieved_so_far_ = 0;
}
std::optional<BatchSize> StreamSampler::next(std::size_t batch_size) {
  const auto length = length_of_next(batch_size, examples_retrieved_so_far_, epoch_size_);
  if (!length) return std::nullopt;
  examples_retrieved_so_far_ += *length;
  return BatchSize(*length);
}

DistributedSampler::DistributedSampler(std::size_t size, std::size_t num_replicas, std::size_t rank,
                                       bool allow_duplicates)
    : size_(size), num_replicas_(num_replicas), rank_(rank), allow_duplicates_(allow_duplicates) {
  if (rank >= num_replicas)
    throw Error("DistributedSampler: got rank " + std::to_string(rank) + ", wanted one below num_replicas " +
                std::to_string(num_replicas));
}
std::size_t DistributedSampler::local_sample_count() const {
  return allow_duplicates_ ? (size_ + num_replicas_ - 1) / num_replicas_ : size_ / num_replicas_;
}
void DistributedSampler::reset(std::optional<std::size_t> new_size) {
  if (new_size) size_ = *new_size;
  populate_indices();
  begin_index_ = rank_ * local_sample_count();
  end_index_ = begin_index_ + local_sample_count();
  sample_index_ = begin_index_;
}
std::optional<std::vector<std::size_t>> DistributedSampler::next(std::size_t batch_size) {
  const auto length = length_of_next(batch_size, sample_index_, end_index_);
  if (!length) return std::nullopt;
  const auto from = all_indices_.begin() + static_cast<std::ptrdiff_t>(sample_index_);
  sample_index_ += *length;
  return std::vector<std::size_t>(from, from + static_cast<std::ptrdiff_t>(*length));
}

DistributedRandomSampler::DistributedRandomSampler(std::size_t size, std::size_t num_replicas,
                                                   std::size_t rank, bool allow_duplicates)
    : DistributedSampler(size, num_replicas, rank, allow_duplicates) {
  reset();
}
// Every process shuffles all samples alike; those that come twice are the first of the shuffled order.
void DistributedRandomSampler::populate_indices() {
  const std::size_t wanted = num_replicas_ * local_sample_count();
  all_indices_.resize(size_);
  std::iota(all_indices_.begin(), all_indices_.end(), std::size_t{0});
  for (std::size_t i = size_; i > 1; --i)
    std::swap(all_indices_[i - 1],
              all_indices_[(runtime::random_bits(epoch_, 0, i) * static_cast<std::uint64_t>(i)) >> 32]);
  for (std::size_t i = size_; i < wanted; ++i)
    all_indices_.push_back(all_indices_[i - size_]);
}

DistributedSequentialSampler::DistributedSequentialSampler(std::size_t size, std::size_t num_replicas,
                                                           std::size_t rank, bool allow_duplicates)
    : DistributedSampler(size, num_replicas, rank, allow_duplicates) {
  reset();
}
void DistributedSequentialSampler::populate_indices() {
  const std::size_t wanted = num_replicas_ * local_sample_count();
  all_indices_.clear();
  for (std::size_t i = 0; size_ > 0 && i < std::max(wanted, size_); ++i)
    all_indices_.push_back(i % size_);
}

// In the middle of an epoch.

namespace {
std::size_t read_count(serialize::InputArchive& archive, const char* name) {
  IValue value;
  archive.read(name, value);
  if (value.toInt() < 0)
    throw Error(std::string("sampler: got ") + name + " " + std::to_string(value.toInt()));
  return static_cast<std::size_t>(value.toInt());
}
IValue count(std::size_t value) {
  return static_cast<std::int64_t>(value);
}
} // namespace

void SequentialSampler::save(serialize::OutputArchive& archive) const {
  archive.write("index", count(index_));
}
void SequentialSampler::load(serialize::InputArchive& archive) {
  index_ = read_count(archive, "index");
}

void RandomSampler::save(serialize::OutputArchive& archive) const {
  archive.write("index", count(index_));
  archive.write("indices", indices_);
}
void RandomSampler::load(serialize::InputArchive& archive) {
  const std::size_t index = read_count(archive, "index");
  Tensor indices;
  archive.read("indices", indices);
  if (indices.dim() != 1 || indices.is_floating_point())
    throw Error("RandomSampler: got indices of " + to_string(indices.impl()->type) +
                ", wanted a list of integers");
  indices_ = std::move(indices);
  index_ = index;
}

void StreamSampler::save(serialize::OutputArchive& archive) const {
  archive.write("examples_retrieved_so_far", count(examples_retrieved_so_far_));
}
void StreamSampler::load(serialize::InputArchive& archive) {
  examples_retrieved_so_far_ = read_count(archive, "examples_retrieved_so_far");
}

void DistributedSampler::save(serialize::OutputArchive& archive) const {
  archive.write("sample_index", count(sample_index_));
  archive.write("epoch", count(epoch_));
}
void DistributedSampler::load(serialize::InputArchive& archive) {
  const std::size_t index = read_count(archive, "sample_index");
  epoch_ = read_count(archive, "epoch");
  reset();
  sample_index_ = index;
}

} // namespace kiln::data::samplers
