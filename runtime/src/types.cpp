// Element types and shapes: names, sizes, text.
#include "kiln/runtime/types.h"

#include "kiln/runtime/error.h"

#include <algorithm>

namespace kiln {
namespace {

struct DTypeInfo {
  std::string_view name;
  std::size_t size;
};

// In the order of DType.
constexpr std::array<DTypeInfo, 9> kDTypes = {{{"f32", 4},
                                               {"f64", 8},
                                               {"bf16", 2},
                                               {"f16", 2},
                                               {"i64", 8},
                                               {"i32", 4},
                                               {"i8", 1},
                                               {"u8", 1},
                                               {"bool", 1}}};

const DTypeInfo& info(DType dtype) {
  assert(static_cast<std::size_t>(dtype) < kDTypes.size());
  return kDTypes[static_cast<std::size_t>(dtype)];
}

} // namespace

std::size_t itemsize(DType dtype) {
  return info(dtype).size;
}

std::string_view name(DType dtype) {
  return info(dtype).name;
}

DType dtype_from_name(std::string_view text) {
  for (std::size_t i = 0; i < kDTypes.size(); ++i)
    if (kDTypes[i].name == text) return static_cast<DType>(i);
  throw Error("unknown element type \"" + std::string(text) + "\"");
}

Shape::Shape(std::span<const std::int64_t> dims) {
  for (std::int64_t dim : dims)
    push_back(dim);
}

std::int64_t Shape::numel() const {
  std::int64_t product = 1;
  for (std::int64_t dim : dims())
    product *= dim;
  return product;
}

void Shape::push_back(std::int64_t dim) {
  if (rank_ == kMaxRank) throw Error("a tensor has at most " + std::to_string(kMaxRank) + " dimensions");
  dims_[rank_++] = dim;
}

bool Shape::operator==(const Shape& other) const {
  return std::ranges::equal(dims(), other.dims());
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] == Shape::kDynamic ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

std::string to_string(const TensorType& type) {
  return std::string(name(type.dtype)) + to_string(type.shape);
}

} // namespace kiln
