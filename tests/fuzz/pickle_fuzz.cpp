// Any bytes as the pickle of a file whose zip archive is sound and holds one storage of 64 bytes, "0".
#include "budget.h"
#include "kiln/runtime/error.h"
#include "serialize/contents.h"
#include "serialize/zip.h"

using namespace kiln::serialize::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string file;
  const Sink sink = [&](const void* piece, std::size_t bytes) {
    file.append(static_cast<const char*>(piece), bytes);
  };
  ZipWriter zip(sink);
  zip.add("archive/data.pkl", std::string_view(reinterpret_cast<const char*>(data), size));
  zip.add("archive/data/0", std::string(64, '\1'));
  zip.finish();
  file.shrink_to_fit();

  const Bytes bytes{std::as_bytes(std::span(file)), nullptr};
  const fuzz::Budget budget((1 << 16) + 512 * file.size());
  try {
    for (const Entry& entry : read_pytorch("fuzz", bytes))
      if (const StoredTensor* tensor = entry.tensor()) tensor->read();
  } catch (const kiln::Error&) {
  }
  return 0;
}
