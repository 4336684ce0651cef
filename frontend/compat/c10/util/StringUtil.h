// c10::str and c10::Join.
#pragma once

#include <sstream>
#include <string>

namespace c10 {

/// Everything printed one after another.
template <class... Parts> std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// The elements of a list with a delimiter between them.
template <class Container> std::string Join(const std::string& delimiter, const Container& list) {
  std::ostringstream out;
  bool first = true;
  for (const auto& element : list) {
    if (!first) out << delimiter;
    out << element;
    first = false;
  }
  return out.str();
}

template <class T> std::string to_string(const T& value) {
  return str(value);
}
namespace guts {
using c10::to_string;
}

} // namespace c10
