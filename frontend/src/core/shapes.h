// What functions ask of a tensor's shape, and how they name it in an Error.
#pragma once

#include "core/tensor_impl.h"
#include "kiln/ir/infer.h"

namespace kiln::internal {

/// Throw Error("<op>: the tensor is undefined").
inline const Shape& shape_of(const Tensor& x, const char* op) {
  return checked(x, op).type.shape;
}
inline std::size_t rank_of(const Tensor& x, const char* op) {
  return shape_of(x, op).rank();
}

/// "[2, 3]"
inline std::string sizes_of(const Tensor& x) {
  return to_string(x.sizes().shape());
}

/// The result of an op. called: what the user knows it by. Throws Error when operands or attributes do not
/// fit, or when the result would be larger than any memory.
TensorType result_type(const ir::OpRecord& op, std::string_view called, std::span<const ir::NamedAttr> attrs,
                       std::span<const TensorType> operands);
/// Throws Error("<op>: …") unless the bytes of a tensor of that type can be counted in 63 bits. A dimension
/// of size 0 does not excuse the others.
void check_addressable(std::string_view op, const TensorType& type);

/// `dims` counted from the front. Throws Error for one that x does not have.
std::vector<std::int64_t> wrap_dims(const Tensor& x, IntArrayRef dims, const char* op);
/// Those of `rank` dimensions that are not in `dims`, which are counted from the front.
std::vector<std::int64_t> other_dims(std::size_t rank, const std::vector<std::int64_t>& dims);

} // namespace kiln::internal
