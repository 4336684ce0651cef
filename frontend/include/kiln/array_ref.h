// ArrayRef: a borrowed list of any element type, from one element, braces, a vector or an array.
#pragma once

#include "kiln/runtime/types.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <vector>

namespace kiln {

namespace detail {
[[noreturn]] void fail_index(std::size_t i, std::size_t size); ///< "ArrayRef: invalid index …"
}

/// Does not own what it points to: name it as a parameter, not as a member.
template <class T> class ArrayRef {
public:
  using value_type = T;
  using const_iterator = const T*;
  using iterator = const T*;

  ArrayRef() = default;
  ArrayRef(const T* data, std::size_t size) : data_(data), size_(size) {}
  ArrayRef(const T& one) : data_(&one), size_(1) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime" // a parameter's braces live as long as the call
#endif
  ArrayRef(std::initializer_list<T> list) : data_(list.begin()), size_(list.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  ArrayRef(const std::vector<T>& list) : data_(list.data()), size_(list.size()) {}
  template <std::size_t N> ArrayRef(const T (&list)[N]) : data_(list), size_(N) {}
  template <std::size_t N> ArrayRef(const std::array<T, N>& list) : data_(list.data()), size_(N) {}
  ArrayRef(const Shape& shape)
    requires std::is_same_v<T, std::int64_t>
      : data_(shape.begin()), size_(shape.rank()) {}

  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  const T& at(std::size_t i) const { ///< throws Error when there is no such element
    if (i >= size_) detail::fail_index(i, size_);
    return data_[i];
  }
  const T& front() const { return data_[0]; }
  const T& back() const { return data_[size_ - 1]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  ArrayRef slice(std::size_t start, std::size_t count) const { return {data_ + start, count}; }
  ArrayRef slice(std::size_t start) const { return slice(start, size_ - start); }
  std::vector<T> vec() const { return {begin(), end()}; }
  Shape shape() const
    requires std::is_same_v<T, std::int64_t>
  {
    return Shape(std::span<const std::int64_t>(data_, size_));
  }
  bool equals(const ArrayRef& other) const { return *this == other; }
  bool operator==(const ArrayRef& other) const {
    if (size_ != other.size_) return false;
    for (std::size_t i = 0; i < size_; ++i)
      if (!(data_[i] == other.data_[i])) return false;
    return true;
  }

private:
  const T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A list of sizes, strides or dimensions: from one integer, braces, a vector or a shape.
using IntArrayRef = ArrayRef<std::int64_t>;

} // namespace kiln
