// at:: and c10::'s names of tensors. at::tensor differs from torch::tensor: it keeps the C++ type of the
// numbers (at::tensor(1.5) is a double, at::tensor({1, 2}) are ints) and always makes a list.
#pragma once

#include "c10/util/ArrayRef.h"
#include "c10/util/Exception.h"
#include "c10/util/Optional.h"
#include "kiln/autograd.h"
#include "kiln/nn/ops.h"
#include "kiln/ops.h"
#include "kiln/tensor.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <vector>

namespace c10 {
using kiln::Device;
using kiln::DeviceType;
using kiln::Scalar;
using kiln::ScalarType;
using kiln::TensorOptions;
using namespace kiln; // NOLINT(google-build-using-namespace): the dtypes and devices by their k-names
} // namespace c10

namespace at {

using namespace kiln; // NOLINT(google-build-using-namespace): every op, by ADL and by name
using namespace c10;  // NOLINT(google-build-using-namespace)
namespace indexing = kiln::indexing;

namespace native {
inline bool is_nonzero(const kiln::Tensor& x) {
  return x.is_nonzero();
}
} // namespace native

namespace detail {
template <class T> constexpr kiln::DType dtype_of() {
  if constexpr (std::is_same_v<T, bool>)
    return kiln::kBool;
  else if constexpr (std::is_same_v<T, float>)
    return kiln::kFloat32;
  else if constexpr (std::is_floating_point_v<T>)
    return kiln::kFloat64;
  else if constexpr (sizeof(T) == 1)
    return std::is_signed_v<T> ? kiln::kInt8 : kiln::kUInt8;
  else
    return sizeof(T) == 8 ? kiln::kInt64 : kiln::kInt32; // there is no 16-bit dtype
}
} // namespace detail

/// A 1-dimensional tensor of the list's own type, or of the options' dtype.
template <class T>
  requires std::is_arithmetic_v<T>
kiln::Tensor tensor(const T* data, std::size_t size, const kiln::TensorOptions& options) {
  constexpr kiln::DType dtype = detail::dtype_of<T>();
  using Stored =
      std::conditional_t<dtype == kiln::kInt64, std::int64_t,
                         std::conditional_t<dtype == kiln::kInt32, std::int32_t,
                                            std::conditional_t<dtype == kiln::kFloat64, double, T>>>;
  const auto elements = std::make_unique<Stored[]>(size);
  for (std::size_t i = 0; i < size; ++i)
    elements[i] = static_cast<Stored>(data[i]);
  kiln::NoGradGuard no_grad;
  kiln::Tensor made = kiln::from_blob(elements.get(), {static_cast<std::int64_t>(size)}, dtype)
                          .clone()
                          .to(options.has_dtype() ? options.dtype() : dtype)
                          .to(options.device());
  made.requires_grad_(options.requires_grad());
  return made;
}
template <class T>
  requires std::is_arithmetic_v<T>
kiln::Tensor tensor(std::initializer_list<T> list, const kiln::TensorOptions& options = {}) {
  return tensor(list.begin(), list.size(), options);
}
template <class List>
  requires requires(const List& list) {
    list.data();
    list.size();
  }
kiln::Tensor tensor(const List& list, const kiln::TensorOptions& options = {}) {
  return tensor(list.data(), list.size(), options);
}
template <class T>
  requires std::is_arithmetic_v<T>
kiln::Tensor tensor(T value, const kiln::TensorOptions& options = {}) {
  return tensor(&value, 1, options);
}

} // namespace at
