// Datasets that come with the library: tensors in memory, MNIST and CIFAR-10 from their files.
#pragma once

#include "kiln/data/dataset.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::data {
namespace detail {

/// The rows of a tensor, ready to be gathered from any thread. A view is copied once, when this is made.
class Rows {
public:
  Rows() = default;
  explicit Rows(const Tensor& tensor);
  /// x[indices] as one new tensor; nothing when rows carry gradients or x was written to through its base
  /// since. Throws Error for an index that is out of range.
  std::optional<Tensor> gather(ArrayRef<std::size_t> indices) const;

private:
  Tensor tensor_; // as given
  Tensor whole_;  // the same, without a lens
  std::uint32_t version_ = 0;
};

/// Images as files hold them: a byte for each value, which stands for a 255th. Batches of float32 are made
/// from the bytes, so that they need not be read from memory at four times the size. Copies share them.
class PixelRows {
public:
  PixelRows(std::vector<std::uint8_t> pixels, const Shape& sizes); ///< sizes: [N, C, H, W]
  Tensor row(std::size_t index) const;                             ///< [C, H, W]
  Tensor gather(ArrayRef<std::size_t> indices) const;
  std::size_t size() const;
  /// All of them as one tensor, made when it is first asked for. From then on it is what rows are taken from,
  /// so that they follow what is written to it.
  const Tensor& tensor() const;

private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

} // namespace detail

namespace datasets {

/// The rows of one tensor. As torch::data::datasets::TensorDataset.
struct TensorDataset : Dataset<TensorDataset, TensorExample> {
  explicit TensorDataset(const std::vector<Tensor>& tensors); ///< stacked
  explicit TensorDataset(Tensor tensor);
  TensorExample get(std::size_t index) override;
  std::optional<TensorExample> get_stacked(ArrayRef<std::size_t> indices);
  std::optional<std::size_t> size() const override;

  Tensor tensor;

private:
  detail::Rows rows_;
};

/// Rows of two tensors of the same length: what Python's TensorDataset(x, y) gives. Throws Error when their
/// lengths differ.
class PairDataset : public Dataset<PairDataset> {
public:
  PairDataset(Tensor data, Tensor targets);
  Example<> get(std::size_t index) override;
  std::optional<Example<>> get_stacked(ArrayRef<std::size_t> indices);
  std::optional<std::size_t> size() const override;
  const Tensor& data() const { return data_; }
  const Tensor& targets() const { return targets_; }

private:
  Tensor data_, targets_;
  detail::Rows data_rows_, target_rows_;
};

/// Images in bytes with a label each: what MNIST and CIFAR10 are.
class LabelledPixels {
public:
  LabelledPixels(std::vector<std::uint8_t> pixels, const Shape& sizes,
                 const std::vector<std::uint8_t>& labels);
  Example<> get(std::size_t index);
  std::optional<Example<>> get_stacked(ArrayRef<std::size_t> indices);
  std::size_t size() const { return pixels_.size(); }
  const Tensor& images() const { return pixels_.tensor(); }
  const Tensor& targets() const { return targets_; }

private:
  detail::PixelRows pixels_;
  Tensor targets_;
  detail::Rows target_rows_;
};

/// MNIST from its IDX files in `root`, plain or gzip (idx.h says which names). Images [N, 1, 28, 28] of
/// float32 in 0..1; targets [N] of int64. Throws Error for files that are missing, damaged or of something
/// else. As torch::data::datasets::MNIST.
class MNIST : public Dataset<MNIST> {
public:
  enum class Mode { kTrain, kTest };
  explicit MNIST(const std::string& root, Mode mode = Mode::kTrain);
  Example<> get(std::size_t index) override { return rows_.get(index); }
  std::optional<Example<>> get_stacked(ArrayRef<std::size_t> indices) { return rows_.get_stacked(indices); }
  std::optional<std::size_t> size() const override { return rows_.size(); }
  bool is_train() const noexcept { return mode_ == Mode::kTrain; }
  const Tensor& images() const { return rows_.images(); }
  const Tensor& targets() const { return rows_.targets(); }

private:
  LabelledPixels rows_;
  Mode mode_;
};

/// CIFAR-10 from its binary version in `root`: data_batch_1.bin to data_batch_5.bin, or test_batch.bin.
/// Images [N, 3, 32, 32] of float32 in 0..1; targets [N] of int64. Throws Error for a file that is missing,
/// whose size is not a multiple of a record, or that holds a label beyond 9.
class CIFAR10 : public Dataset<CIFAR10> {
public:
  enum class Mode { kTrain, kTest };
  explicit CIFAR10(const std::string& root, Mode mode = Mode::kTrain);
  Example<> get(std::size_t index) override { return rows_.get(index); }
  std::optional<Example<>> get_stacked(ArrayRef<std::size_t> indices) { return rows_.get_stacked(indices); }
  std::optional<std::size_t> size() const override { return rows_.size(); }
  bool is_train() const noexcept { return mode_ == Mode::kTrain; }
  const Tensor& images() const { return rows_.images(); }
  const Tensor& targets() const { return rows_.targets(); }

private:
  LabelledPixels rows_;
  Mode mode_;
};

} // namespace datasets
} // namespace kiln::data
