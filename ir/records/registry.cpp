// The table of all ops, attribute look-up, and the checks that the families share.
#include "tables.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace kiln::ir {
namespace {

template <typename T>
const T& typed(const Attrs& attrs, std::string_view name, const Attr* attr, std::string_view kind) {
  if (!attr) fail(attrs, "attribute `" + std::string(name) + "` is missing");
  if (const T* value = std::get_if<T>(attr)) return *value;
  fail(attrs, "attribute `" + std::string(name) + "` is not " + std::string(kind));
}

struct Registry {
  std::vector<const OpRecord*> list;
  std::unordered_map<std::string_view, const OpRecord*> byName;

  Registry() {
    for (std::span<const OpRecord> family : {elementwise_ops(), shape_ops(), reduce_ops(), contract_ops(),
                                             index_ops(), random_ops(), control_ops()})
      for (const OpRecord& op : family) {
        list.push_back(&op);
        byName.emplace(op.name, &op);
      }
  }
};

const Registry& registry() {
  static const Registry instance;
  return instance;
}

} // namespace

const Attr* Attrs::find(std::string_view name) const {
  auto it = std::ranges::find(attrs_, name, &NamedAttr::name);
  return it == attrs_.end() ? nullptr : &it->value;
}
bool Attrs::flag(std::string_view name, bool fallback) const {
  const Attr* attr = find(name);
  return attr ? typed<bool>(*this, name, attr, "a flag") : fallback;
}
std::int64_t Attrs::integer(std::string_view name) const {
  return typed<std::int64_t>(*this, name, find(name), "an integer");
}
double Attrs::real(std::string_view name) const {
  return typed<double>(*this, name, find(name), "a number");
}
const std::string& Attrs::text(std::string_view name) const {
  return typed<std::string>(*this, name, find(name), "a text");
}
const std::vector<std::int64_t>& Attrs::integers(std::string_view name) const {
  return typed<std::vector<std::int64_t>>(*this, name, find(name), "a list of integers");
}

const OpRecord* find_op(std::string_view name) {
  auto it = registry().byName.find(name);
  return it == registry().byName.end() ? nullptr : it->second;
}

std::span<const OpRecord* const> all_ops() {
  return registry().list;
}

std::vector<TensorType> infer(std::string_view op, std::span<const NamedAttr> attrs, Operands operands) {
  const OpRecord* record = find_op(op);
  if (!record) throw Error("there is no op named \"" + std::string(op) + "\"");
  return record->infer(Attrs(op, attrs), operands);
}

std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  std::size_t skip = longer.rank() - shorter.rank();
  for (std::size_t i = 0; i < shorter.rank(); ++i) {
    std::int64_t& dim = result[skip + i];
    if (dim == 1)
      dim = shorter[i];
    else if (shorter[i] != 1 && shorter[i] != dim)
      return std::nullopt;
  }
  return result;
}

void fail(const Attrs& attrs, const std::string& message) {
  throw Error(std::string(attrs.op()) + ": " + message);
}

void expect_operands(const Attrs& attrs, Operands operands, std::size_t count) {
  if (operands.size() != count)
    fail(attrs, "takes " + std::to_string(count) + " operands, got " + std::to_string(operands.size()));
}

void expect_floating(const Attrs& attrs, const TensorType& type) {
  if (!is_floating(type.dtype)) fail(attrs, "needs a floating-point tensor, got " + to_string(type));
}

void expect_same_dtype(const Attrs& attrs, DType a, DType b) {
  if (a != b) fail(attrs, "element types differ: " + std::string(name(a)) + " and " + std::string(name(b)));
}

void expect_dtype(const Attrs& attrs, std::string_view what, const TensorType& type, DType dtype) {
  if (type.dtype != dtype)
    fail(attrs, std::string(what) + " must be " + std::string(name(dtype)) + ", got " + to_string(type));
}

std::size_t expect_dim(const Attrs& attrs, const Shape& shape, std::int64_t dim) {
  if (dim < 0 || dim >= static_cast<std::int64_t>(shape.rank()))
    fail(attrs, "dimension " + std::to_string(dim) + " is out of range for " + to_string(shape));
  return static_cast<std::size_t>(dim);
}

Shape shape_attr(const Attrs& attrs, std::string_view name) {
  const std::vector<std::int64_t>& dims = attrs.integers(name);
  if (dims.size() > Shape::kMaxRank)
    fail(attrs, "a tensor has at most " + std::to_string(Shape::kMaxRank) + " dimensions, got " +
                    std::to_string(dims.size()));
  Shape shape{std::span(dims)};
  if (std::ranges::any_of(dims, [](std::int64_t dim) { return dim < 0; }))
    fail(attrs, "negative dimension in " + to_string(shape));
  return shape;
}

DType dtype_attr(const Attrs& attrs, std::string_view name) {
  const std::string& text = attrs.text(name);
  try {
    return dtype_from_name(text);
  } catch (const Error& error) {
    fail(attrs, error.what());
  }
}

void expect_choice(const Attrs& attrs, std::string_view name,
                   std::initializer_list<std::string_view> choices) {
  const std::string& text = attrs.text(name);
  if (std::ranges::find(choices, text) != choices.end()) return;
  std::string wanted;
  for (std::string_view choice : choices)
    wanted += (wanted.empty() ? "\"" : ", \"") + std::string(choice) + "\"";
  fail(attrs, "`" + std::string(name) + "` is \"" + text + "\", expected one of " + wanted);
}

} // namespace kiln::ir
