// KILN_ARG: a field of an options class with LibTorch's fluent accessors: `.bias(false)` sets, `.bias()`
// reads.
#pragma once

#include <utility>

#define KILN_ARG(T, name)                                                                                    \
public:                                                                                                      \
  auto name(T value) -> decltype(*this) {                                                                    \
    this->name##_ = std::move(value);                                                                        \
    return *this;                                                                                            \
  }                                                                                                          \
  KILN_ARG_FIELD(T, name)

/// KILN_ARG for types whose assignment is slow to compile (variants, functions, deques): programs see its
/// declaration. The library has it where KILN_ARG_SETTER(Options, T, name) stands.
#define KILN_DECLARED_ARG(T, name)                                                                           \
public:                                                                                                      \
  auto name(T value) -> decltype(*this);                                                                     \
  KILN_ARG_FIELD(T, name)
#define KILN_ARG_SETTER(Options, T, name)                                                                    \
  auto Options::name(T value) -> decltype(*this) {                                                           \
    this->name##_ = std::move(value);                                                                        \
    return *this;                                                                                            \
  }

/// The rest of both.
#define KILN_ARG_FIELD(T, name)                                                                              \
  const T& name() const noexcept {                                                                           \
    return this->name##_;                                                                                    \
  }                                                                                                          \
  T& name() noexcept {                                                                                       \
    return this->name##_;                                                                                    \
  }                                                                                                          \
                                                                                                             \
private:                                                                                                     \
  T name##_
