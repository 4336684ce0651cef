// Number: arithmetic on hyper-parameters that is exact to double either way.
// Eagerly it is a double. Under capture it is a 0-d float64 tensor computed from inputs that every replay reads anew, so
// the same expression serves both; only the final product with a tensor is in the tensor's own dtype.
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
  Number(const double* value, const std::shared_ptr<const void>& keepalive) : value_(*value) {
    if (internal::is_capturing()) tensor_ = internal::host_scalar(value, keepalive, kFloat64);
  }
  /// A 0-d float64 state tensor.
  explicit Number(const Tensor& state) {
    if (internal::is_capturing()) tensor_ = state;
    else value_ = state.item<double>();
  }

  friend Number operator+(const Number& a, const Number& b) {
    return combine(a, b, [](const auto& x, const auto& y) { return x + y; });
  }
  friend Number operator-(const Number& a, const Number& b) {
    return combine(a, b, [](const auto& x, const auto& y) { return x - y; });
  }
  friend Number operator*(const Number& a, const Number& b) {
    return combine(a, b, [](const auto& x, const auto& y) { return x * y; });
  }
  friend Number operator/(const Number& a, const Number& b) {
    return combine(a, b, [](const auto& x, const auto& y) { return x / y; });
  }
  friend Number sqrt(const Number& a) {
    return a.tensor_.defined() ? Number(kiln::sqrt(a.tensor_), true) : Number(std::sqrt(a.value_));
  }

  friend Tensor operator*(const Tensor& x, const Number& n) {
    return n.tensor_.defined() ? x * n.tensor_.to(x.dtype()) : x * Scalar(n.value_);
  }
  friend Tensor operator+(const Tensor& x, const Number& n) {
    return n.tensor_.defined() ? x + n.tensor_.to(x.dtype()) : x + Scalar(n.value_);
  }
  friend Tensor operator/(const Tensor& x, const Number& n) {
    return n.tensor_.defined() ? x / n.tensor_.to(x.dtype()) : x / Scalar(n.value_);
  }
  /// x *= n.
  void scale(Tensor& x) const {
    if (tensor_.defined()) x.mul_(tensor_.to(x.dtype()));
    else x.mul_(Scalar(value_));
  }

private:
  Number(Tensor tensor, bool) : tensor_(std::move(tensor)) {}
  template <class F> static Number combine(const Number& a, const Number& b, F&& f) {
    if (a.tensor_.defined() && b.tensor_.defined()) return Number(f(a.tensor_, b.tensor_), true);
    if (a.tensor_.defined()) return Number(f(a.tensor_, Scalar(b.value_)), true);
    if (b.tensor_.defined()) return Number(f(Scalar(a.value_), b.tensor_), true);
    return Number(f(a.value_, b.value_));
  }

  double value_ = 0;
  Tensor tensor_;
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
