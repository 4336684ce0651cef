// Tensors whose elements are computed one by one on the host.
#pragma once

#include "core/apply.h"

namespace kiln::internal {

/// value(i): the i-th element in row-major order, converted to `dtype`.
template <class F> Tensor from_host(IntArrayRef sizes, DType dtype, F value) {
  const TensorType type{dtype, sizes.shape()};
  runtime::Buffer buffer = runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()));
  const std::int64_t count = type.shape.numel();
  auto fill = [&]<class T>(T* out) {
    for (std::int64_t i = 0; i < count; ++i)
      out[i] = static_cast<T>(value(i));
  };
  switch (dtype) {
  case DType::Float32:
    fill(buffer.as<float>());
    break;
  case DType::Float64:
    fill(buffer.as<double>());
    break;
  case DType::Int64:
    fill(buffer.as<std::int64_t>());
    break;
  case DType::Int32:
    fill(buffer.as<std::int32_t>());
    break;
  case DType::Int8:
    fill(buffer.as<std::int8_t>());
    break;
  case DType::UInt8:
    fill(buffer.as<std::uint8_t>());
    break;
  case DType::Bool:
    fill(buffer.as<bool>());
    break;
  default:
    fail("factory: dtype " + std::string(name(dtype)) + " is not supported yet");
  }
  return make_tensor(type, std::move(buffer));
}

} // namespace kiln::internal
