// Number: arithmetic on hyper-parameters that is exact to double either way.
// Eagerly it is a double. Under capture it is a 0-d tensor computed from inputs that every replay reads anew,
// so the same expression serves both. Numbers are combined in float64; one that is only multiplied with a
// tensor is an input of the tensor's own dtype from the start.
#pragma once

#include "kiln/internal/capture.h"
#include "kiln/ops.h"

#include <cmath>
#include <memory>
#include <utility>

namespace kiln::optim {

class Number {
public:
  Number(double value) : value_(value) {}
  /// A host number that may change between steps.
  Number(const double* source, std::shared_ptr<const void> keepalive) : value_(*source) {
    if (internal::is_capturing()) source_ = source, keepalive_ = std::move(keepalive);
  }
  /// A 0-d float64 state tensor.
  explicit Number(const Tensor& state) {
    if (internal::is_capturing())
      tensor_ = state;
    else
      value_ = state.item<double>();
  }

  friend Number operator-(const Number& a, const Number& b) {
    return combine(a, b, [](const auto& x, const auto& y) { return x - y; });
  }
  friend Number operator+(const Number& a, const Number& b) {
    return combine(a, b, [](const auto& x, const auto& y) { return x + y; });
  }
  friend Number operator*(const Number& a, const Number& b) {
    return combine(a, b, [](const auto& x, const auto& y) { return x * y; });
  }
  friend Number operator/(const Number& a, const Number& b) {
    return combine(a, b, [](const auto& x, const auto& y) { return x / y; });
  }
  friend Number sqrt(const Number& a) {
    return a.captured() ? Number(kiln::sqrt(a.as(kFloat64)), true) : Number(std::sqrt(a.value_));
  }

  friend Tensor operator*(const Tensor& x, const Number& n) {
    return n.captured() ? x * n.as(x.dtype()) : x * Scalar(n.value_);
  }
  friend Tensor operator+(const Tensor& x, const Number& n) {
    return n.captured() ? x + n.as(x.dtype()) : x + Scalar(n.value_);
  }
  friend Tensor operator/(const Tensor& x, const Number& n) {
    return n.captured() ? x / n.as(x.dtype()) : x / Scalar(n.value_);
  }
  /// x *= n.
  void scale(Tensor& x) const {
    if (captured())
      x.mul_(as(x.dtype()));
    else
      x.mul_(Scalar(value_));
  }

private:
  Number(Tensor tensor, bool) : tensor_(std::move(tensor)) {}
  bool captured() const { return source_ || tensor_.defined(); }
  Tensor as(DType dtype) const {
    if (source_) return internal::host_scalar(source_, keepalive_, dtype);
    if (tensor_.dtype() == dtype) return tensor_;
    if (!converted_.defined() || converted_.dtype() != dtype) converted_ = tensor_.to(dtype);
    return converted_;
  }
  template <class F> static Number combine(const Number& a, const Number& b, F&& f) {
    if (a.captured() && b.captured()) return Number(f(a.as(kFloat64), b.as(kFloat64)), true);
    if (a.captured()) return Number(f(a.as(kFloat64), Scalar(b.value_)), true);
    if (b.captured()) return Number(f(Scalar(a.value_), b.as(kFloat64)), true);
    return Number(f(a.value_, b.value_));
  }

  double value_ = 0;
  const double* source_ = nullptr; // captured: an input
  std::shared_ptr<const void> keepalive_;
  Tensor tensor_;            // captured: computed
  mutable Tensor converted_; // tensor_ in the dtype that was last asked for
};

/// Reads the options of one group: numbers as inputs, and facts that decide what is computed as guards.
class Hyper {
public:
  explicit Hyper(std::shared_ptr<const void> keepalive) : keepalive_(std::move(keepalive)) {}
  Number number(const double& value) const { return Number(&value, keepalive_); }
  /// Whether a term takes part in the step.
  bool is_set(const double& value, const char* name) const;
  bool is_set(const bool& value, const char* name) const;

private:
  std::shared_ptr<const void> keepalive_;
};

/// Throws Error("SGD: Invalid <what>: <value>") unless `valid`.
void check_option(bool valid, const char* optimizer, const char* what, double value);

} // namespace kiln::optim
