// Shared by the families' tables: checks that every inference rule is written with.
#pragma once

#include "kiln/ir/infer.h"

#include <initializer_list>

namespace kiln::ir {

using Types = std::vector<TensorType>;
using Operands = std::span<const TensorType>;

std::span<const OpRecord> elementwise_ops();
std::span<const OpRecord> shape_ops();
std::span<const OpRecord> reduce_ops();
std::span<const OpRecord> contract_ops();
std::span<const OpRecord> index_ops();
std::span<const OpRecord> random_ops();
std::span<const OpRecord> control_ops();

/// Throws Error("<op>: <message>").
[[noreturn]] void fail(const Attrs& attrs, const std::string& message);

void expect_operands(const Attrs& attrs, Operands operands, std::size_t count);
void expect_floating(const Attrs& attrs, const TensorType& type);
void expect_same_dtype(const Attrs& attrs, DType a, DType b);
/// `what` names the operand in the message: "target".
void expect_dtype(const Attrs& attrs, std::string_view what, const TensorType& type, DType dtype);
/// `dim` must be one of the type's dimensions.
std::size_t expect_dim(const Attrs& attrs, const Shape& shape, std::int64_t dim);
/// An attribute that holds a shape: no negative dimension.
Shape shape_attr(const Attrs& attrs, std::string_view name);
DType dtype_attr(const Attrs& attrs, std::string_view name = "dtype");
/// The text attribute must be one of `choices`.
void expect_choice(const Attrs& attrs, std::string_view name,
                   std::initializer_list<std::string_view> choices);

} // namespace kiln::ir
