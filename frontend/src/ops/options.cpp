// Text forms of the small value types.
#include "kiln/options.h"

#include "core/apply.h"

#include <algorithm>
#include <ostream>

namespace kiln {

std::ostream& operator<<(std::ostream& out, DType dtype) {
  return out << name(dtype);
}

Device::Device(const std::string& text) : type_(kCPU), index_(-1) {
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  if (kind == "cuda")
    type_ = kCUDA;
  else if (kind != "cpu")
    internal::fail("device: Expected one of cpu, cuda device type at start of device string: " + text);
  if (colon == std::string::npos) return;
  const std::string number = text.substr(colon + 1);
  if (number.empty() || number.size() > 4 ||
      !std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; }))
    internal::fail("device: Invalid device string: '" + text + "'");
  index_ = std::stoi(number);
}
std::string Device::str() const {
  return std::string(is_cuda() ? "cuda" : "cpu") + (index_ >= 0 ? ":" + std::to_string(index_) : "");
}
std::ostream& operator<<(std::ostream& out, const Device& device) {
  return out << device.str();
}

bool IntArrayRef::operator==(const IntArrayRef& other) const {
  return std::equal(begin(), end(), other.begin(), other.end());
}
std::ostream& operator<<(std::ostream& out, IntArrayRef list) {
  out << "[";
  for (std::size_t i = 0; i < list.size(); ++i)
    out << (i ? ", " : "") << list[i];
  return out << "]";
}

} // namespace kiln
