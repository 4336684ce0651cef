// What indexes a tensor: `x.index({Slice(1, None), 0, "..."})`, as Python's x[1:, 0, ...].
#pragma once

#include "kiln/tensor.h"

#include <cstdint>
#include <vector>

namespace kiln {

inline constexpr std::int64_t INDEX_MAX = INT64_MAX;
inline constexpr std::int64_t INDEX_MIN = INT64_MIN;
inline constexpr std::nullopt_t None = std::nullopt;
struct EllipsisIndexType {};
inline constexpr EllipsisIndexType Ellipsis{};

/// start:stop:step. What is left out is everything; negative places count from the end.
class Slice {
public:
  Slice(std::optional<std::int64_t> start = {}, std::optional<std::int64_t> stop = {},
        std::optional<std::int64_t> step = {});
  std::int64_t start() const { return start_; }
  std::int64_t stop() const { return stop_; }
  std::int64_t step() const { return step_; }

private:
  std::int64_t step_, start_, stop_;
};
std::ostream& operator<<(std::ostream& out, const Slice& slice); ///< "1:2:3"

/// One entry of an index list: None (a new dimension), an ellipsis ("..."), a number, a truth value, a slice
/// or a tensor.
class TensorIndex {
public:
  enum class Kind : std::uint8_t { None, Ellipsis, Integer, Boolean, Slice, Tensor };
  TensorIndex(std::nullopt_t) : kind_(Kind::None) {}
  TensorIndex(EllipsisIndexType) : kind_(Kind::Ellipsis) {}
  TensorIndex(const char* dots); ///< throws Error for anything but "..."
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  TensorIndex(T integer) : kind_(Kind::Integer), integer_(static_cast<std::int64_t>(integer)) {}
  template <class T>
    requires std::is_same_v<T, bool>
  TensorIndex(T boolean) : kind_(Kind::Boolean), integer_(boolean) {}
  TensorIndex(kiln::Slice slice) : kind_(Kind::Slice), slice_(slice) {}
  TensorIndex(kiln::Tensor tensor) : kind_(Kind::Tensor), tensor_(std::move(tensor)) {}

  Kind kind() const { return kind_; }
  bool is_none() const { return kind_ == Kind::None; }
  bool is_ellipsis() const { return kind_ == Kind::Ellipsis; }
  bool is_integer() const { return kind_ == Kind::Integer; }
  bool is_boolean() const { return kind_ == Kind::Boolean; }
  bool is_slice() const { return kind_ == Kind::Slice; }
  bool is_tensor() const { return kind_ == Kind::Tensor; }
  std::int64_t integer() const { return integer_; }
  bool boolean() const { return integer_ != 0; }
  const kiln::Slice& slice() const { return slice_; }
  const kiln::Tensor& tensor() const { return tensor_; }

private:
  Kind kind_;
  std::int64_t integer_ = 0;
  kiln::Slice slice_;
  kiln::Tensor tensor_;
};
std::ostream& operator<<(std::ostream& out, const TensorIndex& index); ///< "None", "...", "0", "1:2:3"
std::ostream& operator<<(std::ostream& out, const std::vector<TensorIndex>& indices); ///< "(None, ..., 0)"

namespace indexing {
using kiln::Ellipsis;
using kiln::INDEX_MAX;
using kiln::INDEX_MIN;
using kiln::None;
using kiln::Slice;
using kiln::TensorIndex;
using EllipsisIndexType = kiln::EllipsisIndexType;
} // namespace indexing

} // namespace kiln
