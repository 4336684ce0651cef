// ArrayRef: a borrowed list of any element type, from one element, braces, a vector or an array.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <vector>

namespace kiln {

/// Does not own what it points to: name it as a parameter, not as a member.
template <class T> class ArrayRef {
public:
  using value_type = T;

  ArrayRef() = default;
  ArrayRef(const T* data, std::size_t size) : data_(data), size_(size) {}
  ArrayRef(const T& one) : data_(&one), size_(1) {}
  ArrayRef(std::initializer_list<T> list) : data_(list.begin()), size_(list.size()) {}
  ArrayRef(const std::vector<T>& list) : data_(list.data()), size_(list.size()) {}
  template <std::size_t N> ArrayRef(const T (&list)[N]) : data_(list), size_(N) {}

  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  const T& front() const { return data_[0]; }
  const T& back() const { return data_[size_ - 1]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  std::vector<T> vec() const { return {begin(), end()}; }

private:
  const T* data_ = nullptr;
  std::size_t size_ = 0;
};

} // namespace kiln
