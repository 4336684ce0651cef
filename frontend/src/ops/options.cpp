// The small value types: their text forms, and the default dtype.
#include "kiln/options.h"
#include "kiln/expanding_array.h"

#include "core/apply.h"

#include <algorithm>
#include <atomic>
#include <ostream>

namespace kiln {

std::ostream& operator<<(std::ostream& out, DType dtype) {
  switch (dtype) {
  case DType::Float32:
    return out << "float";
  case DType::Float64:
    return out << "double";
  case DType::BFloat16:
    return out << "c10::BFloat16";
  case DType::Float16:
    return out << "c10::Half";
  case DType::Int64:
    return out << "long int";
  case DType::Int32:
    return out << "int";
  case DType::Int8:
    return out << "signed char";
  case DType::UInt8:
    return out << "unsigned char";
  case DType::Bool:
    return out << "bool";
  }
  return out;
}
std::string_view to_string(DType dtype) {
  constexpr std::string_view names[] = {"Float", "Double", "BFloat16", "Half", "Long",
                                        "Int",   "Char",   "Byte",     "Bool"};
  return names[static_cast<std::size_t>(dtype)];
}

namespace {
std::atomic<DType> default_dtype{DType::Float32};
}
void set_default_dtype(DType dtype) {
  if (!is_floating(dtype))
    internal::fail("set_default_dtype: only floating-point types are supported as the default type, got " +
                   std::string(to_string(dtype)));
  default_dtype.store(dtype, std::memory_order_relaxed);
}
DType get_default_dtype() {
  return default_dtype.load(std::memory_order_relaxed);
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

namespace detail {
void fail_expanding(std::size_t wanted, std::size_t got) {
  throw Error("ExpandingArray: Expected " + std::to_string(wanted) + " values, but instead got " +
              std::to_string(got));
}
void fail_index(std::size_t i, std::size_t size) {
  internal::fail("ArrayRef: invalid index Index = " + std::to_string(i) +
                 "; Length = " + std::to_string(size));
}
} // namespace detail
std::ostream& operator<<(std::ostream& out, IntArrayRef list) {
  out << "[";
  for (std::size_t i = 0; i < list.size(); ++i)
    out << (i ? ", " : "") << list[i];
  return out << "]";
}

} // namespace kiln
