// safetensors: eight bytes with the length of a header, the header (JSON: name to dtype, shape and where the
// data lies), the data. Values that are no tensors stand as one JSON text in the header's metadata, under
// "kiln".
#pragma once

#include "kiln/runtime/types.h"

#include <array>
#include <bit>
#include <string_view>
#include <utility>

namespace kiln::serialize::detail {

static_assert(std::endian::native == std::endian::little,
              "safetensors and PyTorch's files are little-endian");

inline constexpr std::array<std::pair<std::string_view, DType>, 9> kSafetensorsDtypes = {
    {{"F32", DType::Float32},
     {"F64", DType::Float64},
     {"BF16", DType::BFloat16},
     {"F16", DType::Float16},
     {"I64", DType::Int64},
     {"I32", DType::Int32},
     {"I8", DType::Int8},
     {"U8", DType::UInt8},
     {"BOOL", DType::Bool}}};

} // namespace kiln::serialize::detail
