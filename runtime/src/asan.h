// Tells AddressSanitizer which bytes of a block may be touched, so that it finds overruns and uses after
// free.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define KILN_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KILN_ASAN 1
#endif
#endif
#ifdef KILN_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace kiln::runtime::detail {

inline void asan_poison([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) {
#ifdef KILN_ASAN
  ASAN_POISON_MEMORY_REGION(data, bytes);
#endif
}
inline void asan_unpoison([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) {
#ifdef KILN_ASAN
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
#endif
}

} // namespace kiln::runtime::detail
