// Memory straight from the system, for blocks too large to carve out of slabs.
#pragma once

#include <cstddef>

namespace kiln::runtime::detail {

/// Zeroed pages, or null when there are none. From 2 MiB on aligned to 2 MiB and backed by huge pages where
/// possible.
void* map_pages(std::size_t bytes);
void unmap_pages(void* pages, std::size_t bytes) noexcept;

} // namespace kiln::runtime::detail
