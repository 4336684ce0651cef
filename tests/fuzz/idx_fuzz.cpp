// Any bytes as an IDX file, plain or gzip, of one and of three dimensions. zlib reads files, so the bytes go
// into one in memory.
#include "budget.h"
#include "kiln/data/idx.h"
#include "kiln/runtime/error.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = memfd_create("idx", MFD_CLOEXEC);
  static const std::string name = "/proc/self/fd/" + std::to_string(file);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  // Deflate packs at most 1032 times, and zlib has buffers of its own.
  const bool packed = size > 1 && data[0] == 0x1f && data[1] == 0x8b;
  const fuzz::Budget budget((1 << 20) + (packed ? 4 * 1032 : 4) * size);
  for (const std::size_t rank : {1, 3}) {
    try {
      kiln::data::read_idx(name, rank);
    } catch (const kiln::Error&) {
    }
  }
  return 0;
}
