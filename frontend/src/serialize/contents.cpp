// From bytes to a list of entries, whichever the format; and from nested values to flat names.
#include "serialize/contents.h"

#include "core/tensor_impl.h"
#include "kiln/runtime/error.h"

#include <cstring>
#include <unordered_set>

namespace kiln::serialize::detail {

Contents::Contents(std::string origin, std::vector<Entry> entries)
    : origin_(std::move(origin)), entries_(std::move(entries)) {
  for (const Entry& entry : entries_)
    if (!index_.emplace(entry.name, &entry).second)
      throw Error(origin_ + ": the name '" + entry.name + "' comes twice");
}

const Entry* Contents::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : found->second;
}

Tensor Contents::read(const Entry& entry) const {
  const StoredTensor& stored = *entry.tensor();
  return internal::make_tensor(stored.type, stored.read());
}

namespace {
// A header's length within the file, then the header, which is a JSON object. The first bytes of the length
// may be those that zip files and pickles begin with.
bool begins_as_safetensors(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  if (bytes.size() <= sizeof length) return false;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length <= bytes.size() - sizeof length && bytes[sizeof length] == std::byte{'{'};
}
} // namespace

std::shared_ptr<const Contents> read_contents(const std::string& origin, Bytes bytes) {
  auto starts_with = [&](std::string_view magic) {
    return bytes.span.size() >= magic.size() &&
           std::memcmp(bytes.span.data(), magic.data(), magic.size()) == 0;
  };
  if (bytes.span.empty()) throw Error(origin + ": it is empty, wanted safetensors or a PyTorch file");
  if (begins_as_safetensors(bytes.span))
    return std::make_shared<Contents>(origin, read_safetensors(origin, bytes));
  if (starts_with("PK")) return std::make_shared<Contents>(origin, read_pytorch(origin, bytes));
  // The number that torch.save began its files with.
  if (starts_with(std::string_view("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14)))
    throw Error(origin +
                ": written in PyTorch's form from before 1.6, which is not read: load it in Python and "
                "torch.save it again");
  if (starts_with("\x80"))
    throw Error(origin + ": a bare pickle, wanted safetensors or a PyTorch file (zip)");
  return std::make_shared<Contents>(origin, read_safetensors(origin, bytes));
}

namespace {

void flatten_into(std::vector<std::pair<std::string, IValue>>& out, const std::string& name,
                  const IValue& value) {
  auto below = [&](const std::string& key) { return name.empty() ? key : name + "." + key; };
  if (value.isDict()) {
    for (const auto& [key, item] : value.entries())
      flatten_into(out, below(key.isInt() ? std::to_string(key.toInt()) : key.toStringRef()), item);
  } else if (value.isList() || value.isTuple()) {
    for (std::size_t i = 0; i < value.items().size(); ++i)
      flatten_into(out, below(std::to_string(i)), value.items()[i]);
  } else {
    out.emplace_back(name.empty() ? "0" : name, value);
  }
}

} // namespace

std::vector<std::pair<std::string, IValue>> flatten(const IValue& value) {
  std::vector<std::pair<std::string, IValue>> out;
  flatten_into(out, {}, value);
  std::unordered_set<std::string> names;
  for (const auto& [name, item] : out)
    if (!names.insert(name).second) throw Error("save: two values are named '" + name + "'");
  return out;
}

} // namespace kiln::serialize::detail
