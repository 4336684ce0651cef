// Transforms of batches and samples, for Dataset::map. As torch::data::transforms.
#pragma once

#include "kiln/array_ref.h"
#include "kiln/data/dataset.h"
#include "kiln/data/example.h"

#include <functional>
#include <optional>
#include <vector>

namespace kiln::data::transforms {

template <class InputBatch, class OutputBatch> class BatchTransform {
public:
  using InputBatchType = InputBatch;
  using OutputBatchType = OutputBatch;
  virtual ~BatchTransform() = default;
  virtual OutputBatch apply_batch(InputBatch input_batch) = 0;
};

/// Sample by sample. Random draws in `apply` depend on the loader's seed and the sample's batch alone.
template <class Input, class Output>
class Transform : public BatchTransform<std::vector<Input>, std::vector<Output>> {
public:
  using InputType = Input;
  using OutputType = Output;
  virtual OutputType apply(InputType input) = 0;

  std::vector<Output> apply_batch(std::vector<Input> input_batch) override {
    std::vector<Output> output_batch;
    output_batch.reserve(input_batch.size());
    data::detail::SampleCounter counter;
    for (auto&& input : input_batch) {
      output_batch.push_back(apply(std::move(input)));
      counter.next();
    }
    counter.finish();
    return output_batch;
  }
};

/// A function of whole batches.
template <class Input, class Output = Input> class BatchLambda : public BatchTransform<Input, Output> {
public:
  using FunctionType = std::function<Output(Input)>;
  explicit BatchLambda(FunctionType function) : function_(std::move(function)) {}
  Output apply_batch(Input input_batch) override { return function_(std::move(input_batch)); }

private:
  FunctionType function_;
};

/// A function of single samples.
template <class Input, class Output = Input> class Lambda : public Transform<Input, Output> {
public:
  using FunctionType = std::function<Output(Input)>;
  explicit Lambda(FunctionType function) : function_(std::move(function)) {}
  Output apply(Input input) override { return function_(std::move(input)); }

private:
  FunctionType function_;
};

/// From a batch of T to one T.
template <class T, class BatchType = std::vector<T>> using Collation = BatchTransform<BatchType, T>;
template <class T, class BatchType = std::vector<T>> using Collate = BatchLambda<BatchType, T>;

/// Joins samples along a new first dimension. Samples of TensorDataset, MNIST and the like never exist one by
/// one: their rows are gathered.
template <class T = Example<>> struct Stack;
template <> struct Stack<Example<>> : Collation<Example<>> {
  static constexpr bool stacks_examples = true;
  Example<> apply_batch(std::vector<Example<>> examples) override;
};
template <> struct Stack<TensorExample> : Collation<TensorExample> {
  static constexpr bool stacks_examples = true;
  TensorExample apply_batch(std::vector<TensorExample> examples) override;
};

/// A function of a sample's data that leaves its target alone.
template <class Target = Tensor>
class TensorTransform : public Transform<Example<Tensor, Target>, Example<Tensor, Target>> {
public:
  using E = Example<Tensor, Target>;
  virtual Tensor operator()(Tensor input) = 0;
  E apply(E input) override {
    input.data = (*this)(std::move(input.data));
    return input;
  }
};

template <class Target = Tensor> class TensorLambda : public TensorTransform<Target> {
public:
  using FunctionType = std::function<Tensor(Tensor)>;
  explicit TensorLambda(FunctionType function) : function_(std::move(function)) {}
  Tensor operator()(Tensor input) override { return function_(std::move(input)); }

private:
  FunctionType function_;
};

namespace detail {
/// [C] numbers as a float32 tensor [C, 1, 1].
Tensor per_channel(ArrayRef<double> values);
/// (x - mean) / stddev in one pass, the same bits as the two ops.
Tensor normalize(const Tensor& x, const Tensor& mean, const Tensor& stddev);
} // namespace detail

/// (x - mean) / stddev for each channel of images [C, H, W]; one number serves all channels.
template <class Target = Tensor> struct Normalize : TensorTransform<Target> {
  Normalize(ArrayRef<double> mean, ArrayRef<double> stddev)
      : mean(detail::per_channel(mean)), stddev(detail::per_channel(stddev)) {}
  Tensor operator()(Tensor input) override { return detail::normalize(input, mean, stddev); }
  /// The same of images [N, C, H, W]; nothing for samples of fewer dimensions, which broadcasting would shape
  /// otherwise.
  std::optional<Example<Tensor, Target>> apply_stacked(Example<Tensor, Target> batch) {
    if (batch.data.dim() < 4) return std::nullopt;
    batch.data = (*this)(std::move(batch.data));
    return batch;
  }

  Tensor mean, stddev;
};

} // namespace kiln::data::transforms
