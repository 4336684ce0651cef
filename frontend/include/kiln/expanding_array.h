// ExpandingArray: D numbers, or one that stands for all D: kernel sizes and paddings.
#pragma once

#include "kiln/array_ref.h"

#include <iosfwd>

namespace kiln {

namespace detail {
[[noreturn]] void fail_expanding(std::size_t wanted, std::size_t got); ///< "Expected 4 values, …"
}

/// Throws Error when it is made from a list of another length than D.
template <std::size_t D, class T = std::int64_t> class ExpandingArray {
public:
  ExpandingArray(std::initializer_list<T> list) : ExpandingArray(ArrayRef<T>(list)) {}
  ExpandingArray(const std::vector<T>& list) : ExpandingArray(ArrayRef<T>(list)) {}
  ExpandingArray(ArrayRef<T> list) {
    if (list.size() != D) detail::fail_expanding(D, list.size());
    std::copy(list.begin(), list.end(), values_.begin());
  }
  ExpandingArray(T all) { values_.fill(all); }
  ExpandingArray(const std::array<T, D>& values) : values_(values) {}

  std::array<T, D>& operator*() { return values_; }
  const std::array<T, D>& operator*() const { return values_; }
  std::array<T, D>* operator->() { return &values_; }
  const std::array<T, D>* operator->() const { return &values_; }
  operator ArrayRef<T>() const { return values_; }
  std::size_t size() const noexcept { return D; }

private:
  std::array<T, D> values_;
};

/// "[1, 2]", or the number itself when D is 1.
template <std::size_t D, class T>
std::ostream& operator<<(std::ostream& stream, const ExpandingArray<D, T>& array) {
  if constexpr (D == 1)
    return stream << array->front();
  else
    return stream << ArrayRef<T>(array);
}

} // namespace kiln
