// TensorAccessor: a tensor's elements by their places, read and written in the tensor's own memory.
//
//   auto a = x.accessor<float, 2>();
//   for (int64_t i = 0; i < a.size(0); ++i) a[i][i] += 1;
#pragma once

#include "kiln/tensor.h"

namespace kiln {

/// As ATen's. The tensor must outlive it. Places are not checked.
template <class T, std::size_t N> class TensorAccessor {
public:
  TensorAccessor(T* data, const std::int64_t* sizes, const std::int64_t* strides) : data_(data) {
    for (std::size_t i = 0; i < N; ++i)
      sizes_[i] = sizes[i], strides_[i] = strides[i];
  }
  std::int64_t size(std::int64_t dim) const { return sizes_[dim]; }
  std::int64_t stride(std::int64_t dim) const { return strides_[dim]; } ///< in elements
  IntArrayRef sizes() const { return {sizes_, N}; }
  IntArrayRef strides() const { return {strides_, N}; }
  T* data() const { return data_; }
  /// Of N > 1 an accessor of what is behind the first dimension, of one an element.
  decltype(auto) operator[](std::int64_t i) const {
    if constexpr (N == 1)
      return (data_[i * strides_[0]]);
    else
      return TensorAccessor<T, N - 1>(data_ + i * strides_[0], sizes_ + 1, strides_ + 1);
  }

private:
  T* data_;
  std::int64_t sizes_[N], strides_[N];
};

namespace detail {
void check_accessor(const Tensor& x, std::size_t dims); ///< throws Error unless x has that many
}

template <class T, std::size_t N> TensorAccessor<T, N> Tensor::accessor() const {
  static_assert(N > 0, "accessor is used for indexing tensors; for scalars use data_ptr<T>()");
  detail::check_accessor(*this, N);
  T* data = data_ptr<T>();
  return {data, sizes().data(), strides().data()};
}

} // namespace kiln
