// Any bytes as one of PyTorch's files, every tensor of it read. Checksums are not looked at in this build:
// they would turn away nearly all that the fuzzer makes.
#include "budget.h"
#include "kiln/runtime/error.h"
#include "serialize/contents.h"

using namespace kiln::serialize::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes{{reinterpret_cast<const std::byte*>(data), size}, nullptr};
  const fuzz::Budget budget((1 << 16) + 512 * size);
  try {
    for (const Entry& entry : read_pytorch("fuzz", bytes))
      if (const StoredTensor* tensor = entry.tensor()) tensor->read();
  } catch (const kiln::Error&) {
  }
  return 0;
}
