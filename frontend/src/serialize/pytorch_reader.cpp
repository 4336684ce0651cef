// Reads PyTorch's .pt and .pth since 1.6: a zip archive of a pickle (data.pkl) and one record for each
// storage.
#include "serialize/contents.h"
#include "serialize/pickle.h"
#include "serialize/zip.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

namespace kiln::serialize::detail {

namespace {

// All views together may ask for this many times the file's size.
constexpr std::uint64_t kExpansion = 8;
constexpr std::size_t kDeepest = 32, kLargestPickle = std::size_t{256} << 20;

/// Walks over a pickle and lists its leaves.
class Lister {
public:
  Lister(const std::string& origin, const Bytes& bytes, const std::vector<ZipEntry>& records,
         std::string folder)
      : origin_(origin), bytes_(bytes), folder_(std::move(folder)), budget_(kExpansion * bytes.span.size()),
        text_budget_(kExpansion * bytes.span.size()) {
    for (const ZipEntry& record : records)
      records_.emplace(record.name, &record);
  }

  std::vector<Entry> list(const Pickled& root) {
    if (root.kind == Pickled::Kind::Dict || root.kind == Pickled::Kind::List ||
        root.kind == Pickled::Kind::Tuple)
      walk(root, {}, 0);
    else
      leaf(root, "0");
    return std::move(entries_);
  }

private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(origin_ + ": " + what); }

  void walk(const Pickled& node, const std::string& name, std::size_t depth) {
    if (depth > kDeepest)
      fail("damaged pickle: it is nested more than " + std::to_string(kDeepest) + " deep");
    const bool dict = node.kind == Pickled::Kind::Dict;
    if (!dict && node.kind != Pickled::Kind::List && node.kind != Pickled::Kind::Tuple)
      return leaf(node, name);
    const Pickled::Items& items = *node.items;
    for (std::size_t i = 0; i < items.size(); i += dict ? 2 : 1) {
      const std::string key = dict ? key_text(items[i]) : std::to_string(i);
      const std::string full = name.empty() ? key : name + "." + key;
      spend(text_budget_, full.size() + 1, "its names");
      walk(items[dict ? i + 1 : i], full, depth + 1);
    }
  }

  std::string key_text(const Pickled& key) const {
    if (key.kind == Pickled::Kind::Text) return std::string(key.text);
    if (key.kind == Pickled::Kind::Integer) return std::to_string(key.integer);
    fail("a dictionary has a key that is neither text nor an integer");
  }

  void leaf(const Pickled& node, const std::string& name) {
    switch (node.kind) {
    case Pickled::Kind::None:
      return entries_.push_back({name, IValue()});
    case Pickled::Kind::Bool:
      return entries_.push_back({name, IValue(node.boolean)});
    case Pickled::Kind::Integer:
      return entries_.push_back({name, IValue(node.integer)});
    case Pickled::Kind::Number:
      return entries_.push_back({name, IValue(node.number)});
    case Pickled::Kind::Text:
      spend(text_budget_, node.text.size() + 1, "its texts");
      return entries_.push_back({name, IValue(std::string(node.text))});
    case Pickled::Kind::Tensor:
      return entries_.push_back({name, stored(*node.tensor, name)});
    default:
      fail("damaged pickle: '" + name + "' is neither a tensor nor a value");
    }
  }

  void spend(std::uint64_t& budget, std::uint64_t bytes, const char* what) const {
    if (bytes > budget)
      fail(std::string("refused: ") + what + " ask for more than " + std::to_string(kExpansion) +
           " times the memory of the file");
    budget -= bytes;
  }

  StoredTensor stored(const PickledTensor& tensor, const std::string& name) {
    auto bad = [&](const std::string& what) { fail("damaged: tensor '" + name + "' " + what); };
    const auto found = records_.find(folder_ + "data/" + std::string(tensor.storage));
    if (found == records_.end()) bad("has no record " + folder_ + "data/" + std::string(tensor.storage));
    const ZipEntry& record = *found->second;
    check_stored(origin_, record);
    const std::uint64_t width = itemsize(tensor.type.dtype), elements = record.data.size() / width;
    if (static_cast<std::uint64_t>(tensor.storage_elements) > elements)
      bad("claims a storage of " + std::to_string(tensor.storage_elements) + " elements, its record has " +
          std::to_string(elements));
    // The farthest element, and the number of all.
    std::uint64_t last = static_cast<std::uint64_t>(tensor.offset), count = 1;
    bool overflow = false, empty = false;
    for (std::size_t d = 0; d < tensor.strides.size(); ++d)
      empty |= tensor.type.shape[d] == 0;
    for (std::size_t d = 0; d < tensor.strides.size() && !empty; ++d) {
      const auto size = static_cast<std::uint64_t>(tensor.type.shape[d]);
      std::uint64_t reach = 0;
      overflow |= __builtin_mul_overflow(size - 1, static_cast<std::uint64_t>(tensor.strides[d]), &reach);
      overflow |= __builtin_add_overflow(last, reach, &last);
      overflow |= __builtin_mul_overflow(count, size, &count);
    }
    if (empty) count = 0;
    if (overflow || (!empty && last >= static_cast<std::uint64_t>(tensor.storage_elements)))
      bad("is " + to_string(tensor.type) + " and reaches beyond its storage of " +
          std::to_string(tensor.storage_elements) + " elements");
    // The same view under several names (tied weights) counts once; views that repeat elements may not blow
    // up.
    const auto dims = tensor.type.shape.dims();
    if (count > bytes_.span.size() * kExpansion ||
        !seen_.insert({tensor.storage, tensor.offset, {dims.begin(), dims.end()}, tensor.strides}).second)
      spend(budget_, count > bytes_.span.size() * kExpansion ? UINT64_MAX : 0, "its tensors");
    else
      spend(budget_, count * width, "its tensors");
    return {tensor.type, [origin = origin_, owner = bytes_.owner, record, tensor] {
              return copy(origin, record, tensor);
            }};
  }

  static runtime::Buffer copy(const std::string& origin, const ZipEntry& record,
                              const PickledTensor& tensor) {
    check_crc(origin, record);
    const Shape& shape = tensor.type.shape;
    const std::size_t width = itemsize(tensor.type.dtype), rank = shape.rank();
    runtime::Buffer buffer = runtime::Buffer::allocate(static_cast<std::size_t>(tensor.type.bytes()));
    // Inner dimensions whose elements follow one another are one piece.
    std::size_t outer = rank;
    std::int64_t piece = 1;
    while (outer > 0 && (shape[outer - 1] == 1 || tensor.strides[outer - 1] == piece))
      piece *= shape[--outer];
    const std::size_t bytes = static_cast<std::size_t>(piece) * width;
    std::vector<std::int64_t> index(outer);
    std::byte* to = buffer.as<std::byte>();
    const std::int64_t pieces = piece ? shape.numel() / piece : 0;
    for (std::int64_t i = 0; i < pieces; ++i, to += bytes) {
      std::int64_t at = tensor.offset;
      for (std::size_t d = 0; d < outer; ++d)
        at += index[d] * tensor.strides[d];
      std::memcpy(to, record.data.data() + static_cast<std::size_t>(at) * width, bytes);
      for (std::size_t d = outer; d-- > 0;) {
        if (++index[d] < shape[d]) break;
        index[d] = 0;
      }
    }
    return buffer;
  }

  const std::string& origin_;
  const Bytes& bytes_;
  std::string folder_;
  std::map<std::string_view, const ZipEntry*> records_;
  std::set<std::tuple<std::string_view, std::int64_t, std::vector<std::int64_t>, std::vector<std::int64_t>>>
      seen_;
  std::uint64_t budget_, text_budget_;
  std::vector<Entry> entries_;
};

std::string text_of(const ZipEntry& record) {
  std::string text(reinterpret_cast<const char*>(record.data.data()),
                   std::min<std::size_t>(record.data.size(), 16));
  return text.substr(0, text.find('\n'));
}

} // namespace

std::vector<Entry> read_pytorch(const std::string& origin, const Bytes& bytes) {
  const std::vector<ZipEntry> records = read_zip(origin, bytes.span);
  const ZipEntry* pickle = nullptr;
  std::string folder;
  for (const ZipEntry& record : records) {
    const std::size_t slash = record.name.find('/');
    if (slash != std::string::npos && record.name.substr(slash) == "/data.pkl" && !pickle) {
      pickle = &record;
      folder = record.name.substr(0, slash + 1);
    }
  }
  if (!pickle) throw Error(origin + ": a zip archive, but not one of PyTorch's: it has no data.pkl");
  for (const ZipEntry& record : records)
    if (record.name == folder + "byteorder" && text_of(record) != "little")
      throw Error(origin + ": its byte order is '" + text_of(record) + "', wanted little");
  if (pickle->data.size() > kLargestPickle)
    throw Error(origin + ": refused: a pickle of " + std::to_string(pickle->data.size()) +
                " bytes; at most " + std::to_string(kLargestPickle) + " are read, tensors not counted");
  check_stored(origin, *pickle);
  check_crc(origin, *pickle);
  return Lister(origin, bytes, records, folder).list(read_pickle(origin, pickle->data).root);
}

} // namespace kiln::serialize::detail
