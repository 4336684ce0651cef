// See shapes.h.
#include "core/shapes.h"

#include "core/apply.h"

#include <algorithm>

namespace kiln::internal {

void check_addressable(std::string_view op, const TensorType& type) {
  auto bytes = static_cast<std::int64_t>(itemsize(type.dtype));
  for (std::int64_t dim : type.shape)
    if (dim > 0 && __builtin_mul_overflow(bytes, dim, &bytes))
      fail(std::string(op) + ": a tensor of " + to_string(type.shape) + " is larger than any memory");
}

TensorType result_type(const ir::OpRecord& op, std::string_view called, std::span<const ir::NamedAttr> attrs,
                       std::span<const TensorType> operands) {
  TensorType result;
  try {
    result = op.infer(ir::Attrs(called, attrs), operands).front();
  } catch (const Error& error) {
    fail(error.what());
  }
  check_addressable(called, result);
  return result;
}

std::vector<std::int64_t> wrap_dims(const Tensor& x, IntArrayRef dims, const char* op) {
  const std::size_t rank = rank_of(x, op);
  std::vector<std::int64_t> result;
  for (std::int64_t dim : dims)
    result.push_back(wrap_dim(dim, rank, op));
  return result;
}

std::vector<std::int64_t> other_dims(std::size_t rank, const std::vector<std::int64_t>& dims) {
  std::vector<std::int64_t> result;
  for (std::int64_t dim = 0; dim < static_cast<std::int64_t>(rank); ++dim)
    if (std::find(dims.begin(), dims.end(), dim) == dims.end()) result.push_back(dim);
  return result;
}

} // namespace kiln::internal
