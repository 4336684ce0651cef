// IValue: what an archive holds beside archives: a tensor, a number, text, or lists and dictionaries of
// these.
#pragma once

#include "kiln/tensor.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace kiln {

class IValue {
public:
  using List = std::vector<IValue>;
  /// In order of insertion; keys are text or integers, as in Python's optimizer states.
  using Dict = std::vector<std::pair<IValue, IValue>>;

  IValue() = default; ///< None
  IValue(std::nullopt_t) {}
  IValue(bool value) : value_(value) {}
  IValue(int value) : value_(std::int64_t{value}) {}
  IValue(std::int64_t value) : value_(value) {}
  IValue(double value) : value_(value) {}
  IValue(const char* value) : value_(std::string(value)) {}
  IValue(std::string value) : value_(std::move(value)) {}
  IValue(Tensor value) : value_(std::move(value)) {}
  static IValue list(List items);
  static IValue tuple(List items);
  static IValue dict(Dict items);

  bool isNone() const { return std::holds_alternative<std::monostate>(value_); }
  bool isBool() const { return std::holds_alternative<bool>(value_); }
  bool isInt() const { return std::holds_alternative<std::int64_t>(value_); }
  bool isDouble() const { return std::holds_alternative<double>(value_); }
  bool isString() const { return std::holds_alternative<std::string>(value_); }
  bool isTensor() const { return std::holds_alternative<Tensor>(value_); }
  bool isList() const { return sequence(false) != nullptr; }
  bool isTuple() const { return sequence(true) != nullptr; }
  bool isDict() const { return std::holds_alternative<std::shared_ptr<const Dict>>(value_); }

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
  struct Sequence {
    List items;
    bool is_tuple;
  };
  const List* sequence(bool is_tuple) const;
  [[noreturn]] void wrong(const char* wanted) const;

  std::variant<std::monostate, bool, std::int64_t, double, std::string, Tensor,
               std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>>
      value_;
};

} // namespace kiln
