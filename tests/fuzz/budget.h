// How much memory a reader may take for a file: every allocation inside is counted, and too much is a crash
// that libFuzzer reports.
#pragma once

#include <sanitizer/allocator_interface.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace fuzz {

class Budget {
public:
  explicit Budget(std::size_t bytes) {
    static const int installed = __sanitizer_install_malloc_and_free_hooks(taken, given_back);
    if (!installed) std::abort();
    limit = bytes;
    live = 0;
    counting = true;
  }
  ~Budget() { counting = false; }
  Budget(const Budget&) = delete;

private:
  static void taken(const volatile void*, std::size_t bytes) {
    if (!counting) return;
    live += static_cast<std::ptrdiff_t>(bytes);
    if (live <= static_cast<std::ptrdiff_t>(limit)) return;
    counting = false;
    std::fprintf(stderr, "%td bytes are in use, %zu may be\n", live, limit);
    std::abort();
  }
  static void given_back(const volatile void* place) {
    if (counting && place)
      live -= static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(const_cast<const void*>(place)));
  }
  static inline thread_local bool counting = false;
  static inline thread_local std::ptrdiff_t live = 0;
  static inline thread_local std::size_t limit = 0;
};

} // namespace fuzz
