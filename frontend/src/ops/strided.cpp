// What looks at memory: strides, addresses, as_strided, resize_, and tensors over the caller's memory.
#include "core/apply.h"
#include "core/shapes.h"
#include "core/strides.h"
#include "core/trace.h"
#include "kiln/internal/capture.h"
#include "kiln/ops.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace kiln {

using namespace internal;

std::vector<std::int64_t> Tensor::strides() const {
  const TensorImpl& impl = checked(*this, "strides");
  auto place = strided(impl);
  return place ? std::move(place->strides) : ir::row_major(impl.type.shape);
}
std::int64_t Tensor::stride(std::int64_t dim) const {
  return strides()[static_cast<std::size_t>(wrap_dim(dim, rank_of(*this, "stride"), "stride"))];
}
std::int64_t Tensor::storage_offset() const {
  const auto place = strided(checked(*this, "storage_offset"));
  return place ? place->offset : 0;
}
bool Tensor::is_contiguous() const {
  const TensorImpl& impl = checked(*this, "is_contiguous");
  const auto place = strided(impl);
  return place && is_row_major(impl.type.shape, place->strides);
}
Tensor Tensor::contiguous() const {
  return is_contiguous() ? *this : clone();
}

// An address that is handed out stays this storage's: nobody shares it, and writes keep it.
void* Tensor::data_ptr() const {
  checked(*this, "data_ptr");
  host_value(*this); // under capture this gives the storage its value
  const auto place = strided(*impl_);
  Tensor holder = place ? whole(impl_->storage) : read(*this);
  if (!place && !holder.is_same(impl_->cached)) { // the copy lives as long as this handle
    if (impl_->cached.defined() && impl_->cached.impl()->storage->pinned)
      std::memcpy(impl_->cached.impl()->storage->buffer.data(), holder.impl()->storage->buffer.data(),
                  nbytes());
    else
      impl_->cached = holder;
    holder = impl_->cached;
  }
  Storage& storage = *holder.impl()->storage;
  if (!storage.pinned) {
    if (place && !storage.needs_grad()) impl_->cached = {}; // it may share the memory
    if (!storage.buffer.unique()) unshare(holder);
    storage.pinned = true;
  }
  return storage.buffer.as<std::byte>() +
         (place ? place->offset : 0) * static_cast<std::int64_t>(kiln::itemsize(dtype()));
}

#define KILN_DATA_PTR(type, expected)                                                                        \
  template <> type* Tensor::data_ptr<type>() const {                                                         \
    if (dtype() != expected)                                                                                 \
      fail("data_ptr: expected scalar type " + std::string(name(expected)) + " but found " +                 \
           std::string(name(dtype())));                                                                      \
    return static_cast<type*>(data_ptr());                                                                   \
  }
KILN_DATA_PTR(float, kFloat32)
KILN_DATA_PTR(double, kFloat64)
KILN_DATA_PTR(std::int64_t, kInt64)
KILN_DATA_PTR(std::int32_t, kInt32)
KILN_DATA_PTR(std::uint8_t, kUInt8)
KILN_DATA_PTR(std::int8_t, kInt8)
KILN_DATA_PTR(bool, kBool)
#undef KILN_DATA_PTR

TensorStorage Tensor::storage() const {
  const StoragePtr& storage = checked(*this, "storage").storage;
  host_value(*this);
  TensorStorage result;
  result.owner_ = storage;
  result.bytes_ = static_cast<std::size_t>(storage->type.bytes());
  result.pointer_.data_ = storage->buffer.data();
  result.pointer_.context_ = storage->buffer.data() == storage->borrowed ? nullptr : storage.get();
  return result;
}

namespace {

// One dimension of as_strided.
struct Walk {
  std::size_t dim;
  std::int64_t size, stride;
};

// The elements from the first to the last that a walk along `walks` meets.
std::int64_t extent(std::span<const Walk> walks) {
  std::int64_t elements = 1;
  for (const Walk& walk : walks)
    elements += (walk.size - 1) * walk.stride;
  return elements;
}

// Cuts the last dimension of `view`, from `offset` on, along the walks, which come largest stride first:
// whole rows of the stride's length where the walk fits into such rows, else as many as begin at the offset.
// Nothing where walks cross.
std::optional<Tensor> cut(Tensor view, std::int64_t offset, std::span<const Walk> walks) {
  for (; walks.size() > 1; walks = walks.subspan(1)) {
    const auto [dim, size, stride] = walks.front();
    const std::int64_t length = view.size(-1), inner = extent(walks.subspan(1));
    const std::int64_t rows = length / stride, row = offset / stride;
    std::vector<std::int64_t> shape = view.sizes().vec();
    if (offset % stride + inner <= stride && row + size <= rows) {
      shape.back() = rows;
      shape.push_back(stride);
      view = view.narrow(-1, 0, rows * stride).view(shape).narrow(-2, row, size);
      offset %= stride;
    } else if (inner <= stride && offset + size * stride <= length) {
      shape.back() = size;
      shape.push_back(stride);
      view = view.narrow(-1, offset, size * stride).view(shape);
      offset = 0;
    } else {
      return std::nullopt;
    }
  }
  return walks.empty() ? view.narrow(-1, offset, 1)
                       : view.slice(-1, offset, offset + extent(walks), walks[0].stride);
}

Tensor positions(IntArrayRef sizes, IntArrayRef strides, std::int64_t offset) {
  Tensor index = full({}, offset, kInt64);
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    std::vector<std::int64_t> shape(sizes.size() - d, 1);
    shape[0] = sizes[d];
    index = index + (arange(sizes[d], kInt64) * strides[d]).view(shape);
  }
  return index;
}

} // namespace

Tensor Tensor::as_strided(IntArrayRef sizes, IntArrayRef strides,
                          std::optional<std::int64_t> storage_offset) const {
  const TensorImpl& impl = checked(*this, "as_strided");
  if (sizes.size() != strides.size())
    fail("as_strided: mismatch in length of strides and shape: got " + std::to_string(strides.size()) +
         " and " + std::to_string(sizes.size()));
  const auto own = strided(impl);
  const std::int64_t offset = storage_offset ? *storage_offset : own ? own->offset : 0;
  Tensor base = own ? whole(impl.storage) : clone();
  if (own && !requires_grad()) base = base.detach();
  base = base.view({-1});
  std::int64_t last = offset;
  bool empty = false;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] < 0 || strides[d] < 0)
      fail("as_strided: sizes and strides must be non-negative, got " + to_string(sizes.shape()) + " and " +
           to_string(strides.shape()));
    last += (sizes[d] - 1) * strides[d];
    empty |= sizes[d] == 0;
  }
  if (empty) return base.narrow(0, 0, 0).view(sizes);
  if (offset < 0 || last >= base.numel())
    fail("as_strided: sizes " + to_string(sizes.shape()) + ", strides " + to_string(strides.shape()) +
         " and storage offset " + std::to_string(offset) + " are out of bounds for storage of " +
         std::to_string(base.numel()) + " elements");

  std::vector<Walk> walks;
  for (std::size_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] != 1 && strides[d] != 0) walks.push_back({d, sizes[d], strides[d]});
  std::sort(walks.begin(), walks.end(), [](const Walk& a, const Walk& b) {
    return a.stride != b.stride ? a.stride > b.stride : a.dim < b.dim;
  });
  auto view = cut(base, offset, walks);
  if (!view) return base.take(positions(sizes, strides, offset));
  // Back into the order asked for; dimensions that do not move are repetitions.
  std::vector<std::int64_t> order(walks.size()), shape(sizes.size(), 1);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return walks[static_cast<std::size_t>(a)].dim < walks[static_cast<std::size_t>(b)].dim;
  });
  for (const Walk& walk : walks)
    shape[walk.dim] = walk.size;
  if (walks.size() > 1) view = view->permute(order);
  view = view->view(shape);
  return IntArrayRef(shape) == sizes ? *view : view->expand(sizes);
}
Tensor as_strided(const Tensor& x, IntArrayRef sizes, IntArrayRef strides,
                  std::optional<std::int64_t> storage_offset) {
  return x.as_strided(sizes, strides, storage_offset);
}

Tensor& Tensor::resize_(IntArrayRef sizes) const {
  const TensorImpl& impl = checked(*this, "resize_");
  if (impl.type.shape == sizes.shape()) return const_cast<Tensor&>(*this);
  if (requires_grad()) fail("resize_: cannot resize variables that require grad");
  if (is_capturing()) fail("resize_: a tensor cannot change its shape while a function is captured");
  Storage& storage = *impl.storage;
  const auto holders = impl.storage.use_count() - 2 * static_cast<long>(storage.plans.load());
  if (!impl.lens.empty() || holders > 1) fail("resize_: a tensor with views, or a view, cannot be resized");
  const TensorType type{impl.type.dtype, sizes.shape()};
  const auto bytes = static_cast<std::size_t>(type.bytes()), had = storage.buffer.size();
  if (bytes > storage.buffer.size()) {
    runtime::Buffer larger = runtime::Buffer::allocate(bytes);
    if (had > 0) std::memcpy(larger.data(), storage.buffer.data(), had);
    storage.buffer = std::move(larger);
    storage.pinned = false;
  }
  storage.type = impl_->type = type;
  ++storage.version;
  bump_structure_epoch();
  return const_cast<Tensor&>(*this);
}

namespace {

Tensor over_memory(void* data, IntArrayRef sizes, IntArrayRef strides,
                   const std::function<void(void*)>& deleter, const TensorOptions& options) {
  if (sizes.size() != strides.size())
    fail("from_blob: got " + std::to_string(sizes.size()) + " sizes and " + std::to_string(strides.size()) +
         " strides");
  if (!options.device().is_cpu()) fail("from_blob: device " + options.device().str() + " is not available");
  std::int64_t count = 1;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] < 0 || strides[d] < 0)
      fail("from_blob: sizes and strides must be non-negative, got " + to_string(sizes.shape()) + " and " +
           to_string(strides.shape()));
    count += (sizes[d] - 1) * strides[d];
  }
  const Shape shape = sizes.shape();
  if (shape.numel() == 0) count = 0;
  const bool dense = is_row_major(shape, strides.vec());
  const TensorType type{options.dtype(), dense ? shape : Shape{count}};
  std::function<void()> release;
  if (deleter) release = [deleter, data] { deleter(data); };
  Tensor x = make_tensor(
      type, runtime::Buffer::wrap(data, static_cast<std::size_t>(type.bytes()), std::move(release)));
  Storage& storage = *x.impl()->storage;
  storage.pinned = true;
  if (!deleter) storage.borrowed = data;
  if (is_capturing()) unshare(x); // a program may keep what it reads
  if (!dense) x = x.as_strided(sizes, strides);
  if (options.requires_grad()) x.requires_grad_();
  return x;
}

} // namespace

Tensor from_blob(const void* data, IntArrayRef sizes, const TensorOptions& options) {
  return over_memory(const_cast<void*>(data), sizes, ir::row_major(sizes.shape()), {}, options);
}
Tensor from_blob(void* data, IntArrayRef sizes, const std::function<void(void*)>& deleter,
                 const TensorOptions& options) {
  return over_memory(data, sizes, ir::row_major(sizes.shape()), deleter, options);
}
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, const TensorOptions& options) {
  return over_memory(data, sizes, strides, {}, options);
}
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides,
                 const std::function<void(void*)>& deleter, const TensorOptions& options) {
  return over_memory(data, sizes, strides, deleter, options);
}

} // namespace kiln
