// The fork: every op call goes through `apply`, to eager evaluation or to the trace, as one record.
#pragma once

#include "core/tensor_impl.h"

#include <initializer_list>
#include <span>

namespace kiln::internal {

using Attributes = std::vector<ir::NamedAttr>;

/// Applies an op of the kiln dialect. Infers the result type, evaluates or records, and extends the tape when
/// a gradient will be wanted. Throws Error naming the op, what it got, the module and the user's line.
/// called: what the user knows the op by in this place ("cat"), for the Error; the op's own name if empty.
Tensor apply(std::string_view op, std::span<const Tensor> operands, Attributes attrs = {},
             std::string_view called = {});
inline Tensor apply(std::string_view op, std::initializer_list<Tensor> operands, Attributes attrs = {},
                    std::string_view called = {}) {
  return apply(op, std::span(operands.begin(), operands.size()), std::move(attrs), called);
}

/// As `apply` for the elementwise ops of two operands, after promoting both to a common dtype (PyTorch's
/// rules).
Tensor apply_binary(std::string_view op, const Tensor& x, const Tensor& y);
Tensor apply_binary(std::string_view op, const Tensor& x, Scalar y);
Tensor apply_binary(std::string_view op, Scalar x, const Tensor& y);

/// A 0-d tensor of a number: an operand in eager mode (programs are not keyed by its value), a constant under
/// capture.
Tensor scalar_operand(Scalar value, DType dtype);
DType promote(DType a, DType b);
/// dtype of an operation between two tensors: one of 0 dimensions does not widen another of its kind of
/// number.
DType promote(const Tensor& x, const Tensor& y);
/// dtype of an operation between a tensor and a Scalar.
DType promote(DType tensor, const Scalar& scalar);

/// "…: text (in encoder.fc1, at train.cpp:41)": adds the module path and the user's line to an error's text.
[[noreturn]] void fail(const std::string& text);
/// The same of a call that was recorded there.
[[noreturn]] void fail_at(const ir::Location& where, const std::string& text);

} // namespace kiln::internal
