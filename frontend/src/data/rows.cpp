// Datasets of tensors in memory: batches are gathered with one copy for each row, whichever thread asks.
#include "core/apply.h"
#include "kiln/data/datasets.h"
#include "kiln/ops.h"

#include <cstring>

namespace kiln::data {

namespace detail {

Rows::Rows(const Tensor& tensor) : tensor_(tensor) {
  const internal::TensorImpl& impl = internal::checked(tensor, "dataset");
  if (impl.type.shape.rank() == 0) throw Error("dataset: got a tensor of no dimensions, wanted rows");
  // Reading a view fills a cache in it, which threads must not do at the same time.
  whole_ = tensor.requires_grad() ? Tensor() : internal::read(tensor);
  version_ = impl.storage->version;
}

std::optional<Tensor> Rows::gather(ArrayRef<std::size_t> indices) const {
  if (!whole_.defined() || tensor_.impl()->storage->needs_grad()) return std::nullopt;
  if (!whole_.is_same(tensor_) && tensor_.impl()->storage->version != version_) return std::nullopt;
  const TensorType& type = whole_.impl()->type;
  const runtime::Buffer from = whole_.impl()->storage->buffer;
  const auto count = static_cast<std::size_t>(type.shape[0]);
  const std::size_t row = count ? static_cast<std::size_t>(type.bytes()) / count : 0;

  TensorType batch = type;
  batch.shape[0] = static_cast<std::int64_t>(indices.size());
  runtime::Buffer to = runtime::Buffer::allocate(row * indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] >= count)
      throw Error("dataset: index " + std::to_string(indices[i]) + " is out of range for " +
                  std::to_string(count) + " samples");
    std::memcpy(to.as<std::byte>() + i * row, from.as<std::byte>() + indices[i] * row, row);
  }
  return internal::make_tensor(batch, std::move(to));
}

} // namespace detail

namespace datasets {

namespace {
std::optional<std::size_t> rows_of(const Tensor& x) {
  return static_cast<std::size_t>(x.size(0));
}
} // namespace

TensorDataset::TensorDataset(const std::vector<Tensor>& tensors) : TensorDataset(stack(tensors)) {}
TensorDataset::TensorDataset(Tensor x) : tensor(std::move(x)), rows_(tensor) {}
TensorExample TensorDataset::get(std::size_t index) {
  return tensor[static_cast<std::int64_t>(index)];
}
std::optional<TensorExample> TensorDataset::get_stacked(ArrayRef<std::size_t> indices) {
  if (auto rows = rows_.gather(indices)) return TensorExample(std::move(*rows));
  return std::nullopt;
}
std::optional<std::size_t> TensorDataset::size() const {
  return rows_of(tensor);
}

PairDataset::PairDataset(Tensor data, Tensor targets)
    : data_(std::move(data)), targets_(std::move(targets)), data_rows_(data_), target_rows_(targets_) {
  if (data_.size(0) != targets_.size(0))
    throw Error("PairDataset: got " + std::to_string(targets_.size(0)) + " targets, wanted " +
                std::to_string(data_.size(0)) + ", one for each sample");
}
Example<> PairDataset::get(std::size_t index) {
  const auto row = static_cast<std::int64_t>(index);
  return {data_[row], targets_[row]};
}
std::optional<Example<>> PairDataset::get_stacked(ArrayRef<std::size_t> indices) {
  auto data = data_rows_.gather(indices), targets = target_rows_.gather(indices);
  if (!data || !targets) return std::nullopt;
  return Example<>(std::move(*data), std::move(*targets));
}
std::optional<std::size_t> PairDataset::size() const {
  return rows_of(data_);
}

} // namespace datasets
} // namespace kiln::data
