// XXH64 (Yann Collet's specification): 64-bit hash of bytes, for checksums and keys. Not for adversaries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace kiln::runtime {

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0);
inline std::uint64_t hash64(std::string_view text, std::uint64_t seed = 0) {
  return hash64(std::as_bytes(std::span(text.data(), text.size())), seed);
}

} // namespace kiln::runtime
