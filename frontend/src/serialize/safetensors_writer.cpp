// Writes safetensors.
#include "core/tensor_impl.h"
#include "serialize/contents.h"
#include "serialize/json.h"
#include "serialize/safetensors.h"

#include <algorithm>

namespace kiln::serialize::detail {

void write_safetensors(const IValue& root, const Sink& sink) {
  struct Part {
    std::string name;
    TensorType type;
    runtime::Buffer data;
    std::uint64_t begin = 0;
  };
  std::vector<Part> parts;
  std::string values;
  for (auto& [name, value] : flatten(root)) {
    if (value.isTensor()) {
      if (name == "__metadata__")
        throw Error("save: a tensor cannot be named __metadata__ in a safetensors file");
      const Tensor& x = value.toTensor();
      parts.push_back({name, internal::checked(x, "save").type, internal::host_value(x)});
    } else {
      values += (values.empty() ? "{" : ",") + json_string(name) + ":" + json_scalar(value);
    }
  }
  // Large elements first, so that each tensor is aligned to its own; otherwise as given.
  std::vector<Part*> ordered;
  for (Part& part : parts)
    ordered.push_back(&part);
  std::sort(ordered.begin(), ordered.end(), [](const Part* a, const Part* b) {
    const std::size_t size_a = itemsize(a->type.dtype), size_b = itemsize(b->type.dtype);
    return size_a != size_b ? size_a > size_b : a < b;
  });
  std::uint64_t at = 0;
  for (Part* part : ordered) {
    part->begin = at;
    at += static_cast<std::uint64_t>(part->type.bytes());
  }

  std::string header = R"({"__metadata__":{"format":"pt")";
  if (!values.empty()) header += ",\"kiln\":" + json_string(values + "}");
  header += "}";
  for (const Part& part : parts) {
    const auto* dtype = std::find_if(kSafetensorsDtypes.begin(), kSafetensorsDtypes.end(),
                                     [&](const auto& d) { return d.second == part.type.dtype; });
    header += "," + json_string(part.name) + ":{\"dtype\":" + json_string(dtype->first) + ",\"shape\":[";
    for (std::size_t i = 0; i < part.type.shape.rank(); ++i)
      header += (i ? "," : "") + std::to_string(part.type.shape[i]);
    header += "],\"data_offsets\":[" + std::to_string(part.begin) + "," +
              std::to_string(part.begin + static_cast<std::uint64_t>(part.type.bytes())) + "]}";
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  sink(&length, sizeof length);
  sink(header.data(), header.size());
  for (const Part* part : ordered)
    sink(part->data.data(), static_cast<std::size_t>(part->type.bytes()));
}

} // namespace kiln::serialize::detail
