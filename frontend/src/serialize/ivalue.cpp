// IValue.
#include "kiln/serialize/ivalue.h"

namespace kiln {

IValue IValue::list(List items) {
  IValue value;
  value.value_ = std::make_shared<const Sequence>(Sequence{std::move(items), false});
  return value;
}
IValue IValue::tuple(List items) {
  IValue value;
  value.value_ = std::make_shared<const Sequence>(Sequence{std::move(items), true});
  return value;
}
IValue IValue::dict(Dict items) {
  IValue value;
  value.value_ = std::make_shared<const Dict>(std::move(items));
  return value;
}

const IValue::List* IValue::sequence(bool is_tuple) const {
  const auto* found = std::get_if<std::shared_ptr<const Sequence>>(&value_);
  return found && (*found)->is_tuple == is_tuple ? &(*found)->items : nullptr;
}

const char* IValue::kind() const {
  static constexpr const char* kNames[] = {"None", "a bool",   "an integer", "a number",
                                           "text", "a tensor", "a list",     "a dictionary"};
  return kNames[value_.index()];
}
void IValue::wrong(const char* wanted) const {
  throw Error(std::string("IValue: got ") + kind() + ", wanted " + wanted);
}

bool IValue::toBool() const {
  if (isBool()) return std::get<bool>(value_);
  wrong("a bool");
}
std::int64_t IValue::toInt() const {
  if (isInt()) return std::get<std::int64_t>(value_);
  wrong("an integer");
}
double IValue::toDouble() const {
  if (isDouble()) return std::get<double>(value_);
  if (isInt()) return static_cast<double>(std::get<std::int64_t>(value_));
  wrong("a number");
}
const std::string& IValue::toStringRef() const {
  if (isString()) return std::get<std::string>(value_);
  wrong("text");
}
const Tensor& IValue::toTensor() const {
  if (isTensor()) return std::get<Tensor>(value_);
  wrong("a tensor");
}
const IValue::List& IValue::items() const {
  if (const auto* found = std::get_if<std::shared_ptr<const Sequence>>(&value_)) return (*found)->items;
  wrong("a list");
}
const IValue::Dict& IValue::entries() const {
  if (isDict()) return *std::get<std::shared_ptr<const Dict>>(value_);
  wrong("a dictionary");
}

} // namespace kiln
