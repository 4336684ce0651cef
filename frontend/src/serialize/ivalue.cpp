// IValue.
#include "kiln/serialize/ivalue.h"

namespace kiln {

template <class T>
IValue::IValue(Kind kind, T object) : kind_(kind), object_(std::make_shared<const T>(std::move(object))) {}
template <class T> const T& IValue::object() const {
  return *static_cast<const T*>(object_.get());
}

IValue::IValue(const char* value) : IValue(std::string(value)) {}
IValue::IValue(std::string value) : IValue(Kind::String, std::move(value)) {}
IValue::IValue(kiln::Tensor value) : IValue(Kind::Tensor, std::move(value)) {}
IValue IValue::list(List items) {
  return IValue(Kind::List, std::move(items));
}
IValue IValue::tuple(List items) {
  return IValue(Kind::Tuple, std::move(items));
}
IValue IValue::dict(Dict items) {
  return IValue(Kind::Dict, std::move(items));
}

const char* IValue::kind() const {
  static constexpr const char* kNames[] = {"None",     "a bool", "an integer", "a number",    "text",
                                           "a tensor", "a list", "a list",     "a dictionary"};
  return kNames[static_cast<std::size_t>(kind_)];
}
void IValue::wrong(const char* wanted) const {
  throw Error(std::string("IValue: got ") + kind() + ", wanted " + wanted);
}

bool IValue::toBool() const {
  if (isBool()) return integer_ != 0;
  wrong("a bool");
}
std::int64_t IValue::toInt() const {
  if (isInt()) return integer_;
  wrong("an integer");
}
double IValue::toDouble() const {
  if (isDouble()) return real_;
  if (isInt()) return static_cast<double>(integer_);
  wrong("a number");
}
const std::string& IValue::toStringRef() const {
  if (isString()) return object<std::string>();
  wrong("text");
}
const Tensor& IValue::toTensor() const {
  if (isTensor()) return object<Tensor>();
  wrong("a tensor");
}
const IValue::List& IValue::items() const {
  if (isList() || isTuple()) return object<List>();
  wrong("a list");
}
const IValue::Dict& IValue::entries() const {
  if (isDict()) return object<Dict>();
  wrong("a dictionary");
}

} // namespace kiln
