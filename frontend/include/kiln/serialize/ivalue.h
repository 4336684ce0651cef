// IValue: what an archive holds beside archives: a tensor, a number, text, or lists and dictionaries of
// these.
#pragma once

#include "kiln/tensor.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kiln {

class IValue {
public:
  using List = std::vector<IValue>;
  /// In order of insertion; keys are text or integers, as in Python's optimizer states.
  using Dict = std::vector<std::pair<IValue, IValue>>;

  IValue() = default; ///< None
  IValue(std::nullopt_t) {}
  IValue(bool value) : kind_(Kind::Bool), integer_(value) {}
  IValue(int value) : kind_(Kind::Int), integer_(value) {}
  IValue(std::int64_t value) : kind_(Kind::Int), integer_(value) {}
  IValue(double value) : kind_(Kind::Double), real_(value) {}
  IValue(const char* value);
  IValue(std::string value);
  IValue(Tensor value);
  static IValue list(List items);
  static IValue tuple(List items);
  static IValue dict(Dict items);

  bool isNone() const { return kind_ == Kind::None; }
  bool isBool() const { return kind_ == Kind::Bool; }
  bool isInt() const { return kind_ == Kind::Int; }
  bool isDouble() const { return kind_ == Kind::Double; }
  bool isString() const { return kind_ == Kind::String; }
  bool isTensor() const { return kind_ == Kind::Tensor; }
  bool isList() const { return kind_ == Kind::List; }
  bool isTuple() const { return kind_ == Kind::Tuple; }
  bool isDict() const { return kind_ == Kind::Dict; }

  /// Throw Error when it is something else.
  bool toBool() const;
  std::int64_t toInt() const;
  double toDouble() const; ///< of an integer too
  const std::string& toStringRef() const;
  const Tensor& toTensor() const;
  const List& items() const; ///< of a list or a tuple
  const Dict& entries() const;

  const char* kind() const; ///< "an integer", for errors

private:
  enum class Kind : std::uint8_t { None, Bool, Int, Double, String, Tensor, List, Tuple, Dict };
  template <class T> IValue(Kind kind, T object);
  template <class T> const T& object() const;
  [[noreturn]] void wrong(const char* wanted) const;

  // Not a variant, which every program that includes this would compile anew.
  Kind kind_ = Kind::None;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::shared_ptr<const void> object_; ///< a text, a tensor, items or entries: never changed, copies share it
};

} // namespace kiln
