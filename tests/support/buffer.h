// Plain typed buffers for tests.
#pragma once

#include "kiln/runtime/types.h"

#include <cstddef>
#include <span>
#include <vector>

namespace kiln::test {

/// A buffer with its type. Bool is one byte an element.
struct Buffer {
  TensorType type;
  std::vector<std::byte> bytes;

  template <typename T> std::span<T> as() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T> std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

Buffer zeros(const TensorType& type);
/// Numbers spread over [low, high) (integers rounded down; bool: about half true), the same for the same
/// seed.
Buffer random(const TensorType& type, unsigned seed, double low = -1, double high = 1);
template <typename T> Buffer buffer(const TensorType& type, std::span<const T> values) {
  auto* data = reinterpret_cast<const std::byte*>(values.data());
  return {type, {data, data + values.size_bytes()}};
}

} // namespace kiln::test
