// Shape inference: the result types of an op from its operand types and attributes. Standard library only;
// the MLIR verifiers call it too, so each rule is written once.
#pragma once

#include "kiln/ir/program.h"

#include <cstdint>
#include <optional>
#include <span>

namespace kiln::ir {

/// Attributes of a call, looked up by name. The typed getters throw Error naming the op when one is absent or
/// of another kind.
class Attrs {
public:
  Attrs(std::string_view op, std::span<const NamedAttr> attrs) : op_(op), attrs_(attrs) {}
  const Attr* find(std::string_view name) const;
  bool flag(std::string_view name, bool fallback = false) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const std::vector<std::int64_t>& integers(std::string_view name) const;
  std::string_view op() const { return op_; }

private:
  std::string_view op_;
  std::span<const NamedAttr> attrs_;
};

using InferRule = std::vector<TensorType> (*)(const Attrs& attrs, std::span<const TensorType> operands);

/// What happens to the bytes of operand 0, for ops that compute nothing. Eager evaluation moves them itself:
/// a program for each place that a slice may begin at would be one for each row of a data set.
enum class Movement : std::uint8_t {
  None,   ///< the op computes
  Alias,  ///< the result is the operand's bytes
  Read,   ///< the result is the region of attributes starts, stops, steps
  Replace ///< the result is operand 0 with that region replaced by operand 1
};

/// The call that writes through a view: `op` with `attrs`.
struct ViewInverse {
  std::string_view op; ///< empty: the value as it is
  std::vector<NamedAttr> attrs = {};
  bool updates = false;
};

/// Where the elements of a value lie in the memory of another's, in elements of it.
struct Strided {
  std::vector<std::int64_t> strides;
  std::int64_t offset = 0;
};

/// What the std-only world knows of an op. Each family registers its table (ir/records/<Family>.cpp).
struct OpRecord {
  std::string_view name;
  InferRule infer;
  bool elementwise = false; ///< result i depends on operands at i alone, with broadcasting
  Movement movement = Movement::None;
  bool detaches = false; ///< no gradient flows through, though the value is the same
  std::string_view derivative =
      {}; ///< PyTorch's name of its backward where it differs from the op's ("MmBackward0")
  /// Of an op that makes views: the call that undoes it, on what is written through the view. Its operands
  /// are that value alone, or (with `updates`) the value below the view and that value.
  ViewInverse (*inverse)(const Attrs& attrs, const TensorType& below) = nullptr;
  /// Of an op that makes views: from where the elements of its operand lie to where its result's do. False
  /// when those are not at equal distances, so that only a copy can have this shape.
  bool (*restride)(const Attrs& attrs, const Shape& from, const Shape& to, Strided& place) = nullptr;
  /// Of an op that draws `shape`: how many numbers an element takes, each from a sequence of its own; 0:
  /// others. Where its operand holds a state for each sequence, elements from the 64th on, or any multiple,
  /// are a draw of their own, at states that are so much further.
  int sequences = 0;
};

const OpRecord* find_op(std::string_view name); ///< nullptr when there is no such op
std::span<const OpRecord* const> all_ops();

/// Throws Error("<op>: …") when the operands or attributes do not fit.
std::vector<TensorType> infer(std::string_view op, std::span<const NamedAttr> attrs,
                              std::span<const TensorType> operands);

/// Shape that both broadcast to (as NumPy); nullopt when they do not fit.
std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b);

/// Strides of elements that lie one after another, the last dimension innermost.
std::vector<std::int64_t> row_major(const Shape& shape);

} // namespace kiln::ir
