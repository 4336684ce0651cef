// From a dtype to the C++ type of its elements.
#pragma once

#include "core/apply.h"

#include <utility>

namespace kiln::internal {

/// visit.operator()<T>() for the type T of elements of `dtype`. Throws Error, naming `op`, for those that C++
/// has no type for (f16, bf16).
template <class Visit> decltype(auto) with_element_type(const char* op, DType dtype, Visit&& visit) {
  switch (dtype) {
  case DType::Float32:
    return visit.template operator()<float>();
  case DType::Float64:
    return visit.template operator()<double>();
  case DType::Int64:
    return visit.template operator()<std::int64_t>();
  case DType::Int32:
    return visit.template operator()<std::int32_t>();
  case DType::Int8:
    return visit.template operator()<std::int8_t>();
  case DType::UInt8:
    return visit.template operator()<std::uint8_t>();
  case DType::Bool:
    return visit.template operator()<bool>();
  default:
    fail(std::string(op) + ": dtype " + std::string(name(dtype)) + " is not supported yet");
  }
}

} // namespace kiln::internal
