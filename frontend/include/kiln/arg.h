// KILN_ARG: a field of an options class with LibTorch's fluent accessors: `.bias(false)` sets, `.bias()`
// reads.
#pragma once

#include <utility>

#define KILN_ARG(T, name)                                                                                    \
public:                                                                                                      \
  auto name(const T& value) -> decltype(*this) {                                                             \
    this->name##_ = value;                                                                                   \
    return *this;                                                                                            \
  }                                                                                                          \
  auto name(T&& value) -> decltype(*this) {                                                                  \
    this->name##_ = std::move(value);                                                                        \
    return *this;                                                                                            \
  }                                                                                                          \
  const T& name() const noexcept {                                                                           \
    return this->name##_;                                                                                    \
  }                                                                                                          \
  T& name() noexcept {                                                                                       \
    return this->name##_;                                                                                    \
  }                                                                                                          \
                                                                                                             \
private:                                                                                                     \
  T name##_
