// mmap with alignment to huge pages: without them a 64 MiB buffer costs 16 thousand page faults and TLB
// misses after.
#include "pages.h"

#include <cstdint>
#include <sys/mman.h>

namespace kiln::runtime::detail {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

void* map(std::size_t bytes) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

} // namespace

void* map_pages(std::size_t bytes) {
  if (bytes < kHugePage) return map(bytes);
  auto* wide = static_cast<std::byte*>(map(bytes + kHugePage));
  if (!wide) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(wide);
  const std::size_t before = (kHugePage - address % kHugePage) % kHugePage, after = kHugePage - before;
  if (before > 0) munmap(wide, before);
  if (after > 0) munmap(wide + before + bytes, after);
  madvise(wide + before, bytes, MADV_HUGEPAGE); // advice: without huge pages all works, slower
  return wide + before;
}

void unmap_pages(void* pages, std::size_t bytes) noexcept {
  munmap(pages, bytes);
}

} // namespace kiln::runtime::detail
