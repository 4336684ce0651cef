// What a dataset is, and datasets made of others. As torch::data::datasets.
//
// A dataset derives from Dataset (samples by index), BatchDataset (whole batches), StreamDataset (batches by
// size alone) or StatefulDataset (batches until it says that there are none), passing itself as the first
// argument.
#pragma once

#include "kiln/array_ref.h"
#include "kiln/data/example.h"

#include <memory>
#include <optional>
#include <vector>

namespace kiln::serialize {
class OutputArchive;
class InputArchive;
} // namespace kiln::serialize

namespace kiln::data {
namespace detail {

/// Where in the present batch this thread is, for an error to say which sample failed.
std::optional<std::size_t>& sample_position();

/// Keeps sample_position() while samples are gone through one by one; after an exception it stays.
class SampleCounter {
public:
  SampleCounter() { sample_position() = 0; }
  void next() { ++*sample_position(); }
  void finish() { sample_position().reset(); }
};

template <class T> struct is_optional : std::false_type {};
template <class T> struct is_optional<std::optional<T>> : std::true_type {};
template <bool C, class T> using optional_if_t = std::conditional_t<C, std::optional<T>, T>;

} // namespace detail

namespace datasets {

template <class Source, class Transform> class MapDataset;
template <class Source, class Transform>
MapDataset<Source, Transform> map(Source dataset, Transform transform);

template <class Self, class Batch = std::vector<Example<>>, class BatchRequest = ArrayRef<std::size_t>>
class BatchDataset {
public:
  using SelfType = Self;
  using BatchType = Batch;
  using BatchRequestType = BatchRequest;
  static constexpr bool is_stateful = detail::is_optional<BatchType>::value;

  virtual ~BatchDataset() = default;

  virtual Batch get_batch(BatchRequest request) = 0;
  virtual std::optional<std::size_t> size() const = 0; ///< number of samples, where there is one

  /// A dataset whose batches went through `transform`. Copies this one; moves it when it is a temporary.
  template <class Transform> MapDataset<Self, Transform> map(Transform transform) & {
    return datasets::map(static_cast<Self&>(*this), std::move(transform));
  }
  template <class Transform> MapDataset<Self, Transform> map(Transform transform) && {
    return datasets::map(std::move(static_cast<Self&>(*this)), std::move(transform));
  }
};

/// Samples by index: `get` is all that a dataset must say. It may throw: the training loop gets a
/// WorkerException that names the sample.
template <class Self, class SingleExample = Example<>>
class Dataset : public BatchDataset<Self, std::vector<SingleExample>> {
public:
  using ExampleType = SingleExample;

  virtual ExampleType get(std::size_t index) = 0;

  std::vector<ExampleType> get_batch(ArrayRef<std::size_t> indices) override {
    std::vector<ExampleType> batch;
    batch.reserve(indices.size());
    detail::SampleCounter counter;
    for (const std::size_t index : indices) {
      batch.push_back(get(index));
      counter.next();
    }
    counter.finish();
    return batch;
  }
};

template <class Self, class Batch = std::vector<Example<>>>
using StreamDataset = BatchDataset<Self, Batch, std::size_t>;

/// A dataset that keeps its own place and ends by itself: get_batch returns nothing at the end.
template <class Self, class Batch = std::vector<Example<>>, class BatchRequest = std::size_t>
class StatefulDataset : public BatchDataset<Self, std::optional<Batch>, BatchRequest> {
public:
  virtual void reset() = 0; ///< to the beginning of an epoch
  virtual void save(serialize::OutputArchive& archive) const = 0;
  virtual void load(serialize::InputArchive& archive) = 0;
};
template <class... Args>
serialize::OutputArchive& operator<<(serialize::OutputArchive& archive,
                                     const StatefulDataset<Args...>& dataset) {
  dataset.save(archive);
  return archive;
}
template <class... Args>
serialize::InputArchive& operator>>(serialize::InputArchive& archive, StatefulDataset<Args...>& dataset) {
  dataset.load(archive);
  return archive;
}

/// One dataset behind all copies, so that workers share it. It must then be safe to call from many threads.
template <class Underlying>
class SharedBatchDataset : public BatchDataset<SharedBatchDataset<Underlying>, typename Underlying::BatchType,
                                               typename Underlying::BatchRequestType> {
public:
  using BatchType = typename Underlying::BatchType;
  using BatchRequestType = typename Underlying::BatchRequestType;

  SharedBatchDataset(std::shared_ptr<Underlying> dataset) : dataset_(std::move(dataset)) {}
  BatchType get_batch(BatchRequestType request) override { return dataset_->get_batch(std::move(request)); }
  std::optional<std::size_t> size() const override { return dataset_->size(); }
  Underlying& operator*() { return *dataset_; }
  const Underlying& operator*() const { return *dataset_; }
  Underlying* operator->() { return dataset_.get(); }
  const Underlying* operator->() const { return dataset_.get(); }
  void reset() { dataset_->reset(); }

private:
  std::shared_ptr<Underlying> dataset_;
};
template <class Underlying, class... Args>
SharedBatchDataset<Underlying> make_shared_dataset(Args&&... args) {
  return std::make_shared<Underlying>(std::forward<Args>(args)...);
}

/// A dataset seen through a transform of its batches.
template <class Source, class Transform>
class MapDataset
    : public BatchDataset<MapDataset<Source, Transform>,
                          detail::optional_if_t<Source::is_stateful, typename Transform::OutputBatchType>,
                          typename Source::BatchRequestType> {
public:
  using DatasetType = Source;
  using TransformType = Transform;
  using BatchRequestType = typename Source::BatchRequestType;
  using OutputBatchType = detail::optional_if_t<Source::is_stateful, typename Transform::OutputBatchType>;

  MapDataset(Source dataset, Transform transform)
      : dataset_(std::move(dataset)), transform_(std::move(transform)) {}

  OutputBatchType get_batch(BatchRequestType request) override {
    if constexpr (Source::is_stateful) {
      if (auto batch = dataset_.get_batch(std::move(request)))
        return transform_.apply_batch(std::move(*batch));
      return std::nullopt;
    } else {
      // Stacking the rows of tensors is one gather.
      if constexpr (requires {
                      Transform::stacks_examples;
                      dataset_.get_stacked(request);
                    })
        if (auto stacked = dataset_.get_stacked(request)) return std::move(*stacked);
      return transform_.apply_batch(dataset_.get_batch(std::move(request)));
    }
  }
  /// What Stack would make of get_batch(indices), in one pass over the data; nothing when that cannot be had.
  auto get_stacked(BatchRequestType indices)
    requires requires(Source& source, Transform& transform) {
      transform.apply_stacked(*source.get_stacked(indices));
    }
  {
    auto stacked = dataset_.get_stacked(std::move(indices));
    return stacked ? transform_.apply_stacked(std::move(*stacked)) : std::nullopt;
  }

  std::optional<std::size_t> size() const noexcept override { return dataset_.size(); }
  void reset() { dataset_.reset(); }
  const Source& dataset() noexcept { return dataset_; }
  const Transform& transform() noexcept { return transform_; }

private:
  Source dataset_;
  Transform transform_;
};

template <class Source, class Transform>
MapDataset<Source, Transform> map(Source dataset, Transform transform) {
  using Batch = typename Source::BatchType;
  if constexpr (Source::is_stateful)
    static_assert(std::is_same_v<typename Batch::value_type, typename Transform::InputBatchType>,
                  "BatchType type of dataset does not match input type of transform");
  else
    static_assert(std::is_same_v<Batch, typename Transform::InputBatchType>,
                  "BatchType type of dataset does not match input type of transform");
  return {std::move(dataset), std::move(transform)};
}

} // namespace datasets
} // namespace kiln::data
