// The types every layer shares: element types, shapes and tensor types. Standard library only.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace kiln {

/// Element type of a tensor. `name` gives MLIR's spelling ("f32", "i64", "i1" is spelt "bool").
enum class DType : std::uint8_t { Float32, Float64, BFloat16, Float16, Int64, Int32, Int8, UInt8, Bool };

std::size_t itemsize(DType dtype);            ///< bytes of one element; Bool takes one byte
std::string_view name(DType dtype);           ///< "f32" "f64" "bf16" "f16" "i64" "i32" "i8" "u8" "bool"
DType dtype_from_name(std::string_view text); ///< inverse of `name`; throws Error for anything else
constexpr bool is_floating(DType d) {
  return d <= DType::Float16;
}

/// Dimensions of a tensor, at most `kMaxRank`, stored inline so that copying a shape never allocates.
class Shape {
public:
  static constexpr std::size_t kMaxRank = 8;
  /// Size of a dimension known only when the program runs: one-op elementwise programs alone use it (1-D).
  static constexpr std::int64_t kDynamic = INT64_MIN;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims); ///< throws Error beyond kMaxRank dimensions

  std::size_t rank() const { return rank_; }
  std::int64_t operator[](std::size_t i) const { return assert(i < rank_), dims_[i]; }
  std::int64_t& operator[](std::size_t i) { return assert(i < rank_), dims_[i]; }
  std::int64_t numel() const; ///< product of the dimensions; 1 for a scalar
  void push_back(std::int64_t dim);
  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }
  std::span<const std::int64_t> dims() const { return {dims_.data(), rank_}; }
  bool operator==(const Shape& other) const;

private:
  std::array<std::int64_t, kMaxRank> dims_{};
  std::uint8_t rank_ = 0;
};

std::string to_string(const Shape& shape); ///< "[2, 3]"

/// What is known of a tensor before it has a value.
struct TensorType {
  DType dtype = DType::Float32;
  Shape shape;
  std::int64_t bytes() const { return shape.numel() * static_cast<std::int64_t>(itemsize(dtype)); }
  bool operator==(const TensorType&) const = default;
};

std::string to_string(const TensorType& type); ///< "f32[2, 3]"

} // namespace kiln
