// Writes PyTorch's .pt as torch.save does: a pickle, and one record for each storage.
#include "core/tensor_impl.h"
#include "serialize/contents.h"
#include "serialize/pickle.h"
#include "serialize/zip.h"

#include <map>

namespace kiln::serialize::detail {

void write_pytorch(const IValue& value, const Sink& sink) {
  // Tensors that share their memory are one record, as they are one storage in Python. A view's value is made
  // for the occasion: it lives until the end, or the next one might have its address.
  std::map<internal::StoragePtr, std::string> keys;
  std::vector<runtime::Buffer> storages;
  const std::string pickle = write_pickle(value, [&](const Tensor& x) {
    const auto [found, fresh] =
        keys.emplace(internal::read(x).impl()->storage, std::to_string(storages.size()));
    if (fresh) storages.push_back(internal::host_value(x));
    return found->second;
  });
  ZipWriter zip(sink);
  zip.add("archive/data.pkl", pickle);
  zip.add("archive/byteorder", "little");
  for (std::size_t i = 0; i < storages.size(); ++i)
    zip.add("archive/data/" + std::to_string(i), {storages[i].as<const std::byte>(), storages[i].size()});
  zip.add("archive/version", "3\n");
  zip.finish();
}

} // namespace kiln::serialize::detail
