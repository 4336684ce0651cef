// Tensors whose elements are computed one by one on the host.
#pragma once

#include "core/element_type.h"
#include "core/tensor_impl.h"

namespace kiln::internal {

/// value(i): the i-th element in row-major order, converted to `dtype`.
template <class F> Tensor from_host(IntArrayRef sizes, DType dtype, F value) {
  const TensorType type{dtype, sizes.shape()};
  runtime::Buffer buffer = runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()));
  const std::int64_t count = type.shape.numel();
  with_element_type("factory", dtype, [&]<class T> {
    T* out = buffer.as<T>();
    for (std::int64_t i = 0; i < count; ++i)
      out[i] = static_cast<T>(value(i));
  });
  return make_tensor(type, std::move(buffer));
}

/// The same for a table that sizes and options alone decide, which its maker neither writes nor hands out: a
/// captured program keeps it.
template <class F> Tensor table_from_host(IntArrayRef sizes, DType dtype, F value) {
  Tensor table = from_host(sizes, dtype, value);
  table.impl()->storage->constant = true;
  return table;
}

} // namespace kiln::internal
