// Reads safetensors. Nothing in a header is believed before it is checked against the file.
#include "serialize/contents.h"
#include "serialize/json.h"
#include "serialize/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace kiln::serialize::detail {

namespace {

struct Place {
  std::string name;
  TensorType type;
  std::uint64_t begin = 0, end = 0; // in the data
};

// One entry's object. Everything is checked that does not need the other entries.
Place read_place(JsonReader& json, std::string name) {
  Place place;
  place.name = std::move(name);
  bool dtype = false, shape = false, offsets = false;
  auto bad = [&](const std::string& what) { json.fail("tensor '" + place.name + "': " + what); };
  json.list("{}", [&] {
    const std::string key = json.string();
    json.expect(':');
    if (key == "dtype" && !dtype) {
      dtype = true;
      const std::string text = json.string();
      const auto* found = std::find_if(kSafetensorsDtypes.begin(), kSafetensorsDtypes.end(),
                                       [&](const auto& d) { return d.first == text; });
      if (found == kSafetensorsDtypes.end()) bad("dtype " + text + " is not supported");
      place.type.dtype = found->second;
    } else if (key == "shape" && !shape) {
      shape = true;
      json.list("[]", [&] {
        if (place.type.shape.rank() == Shape::kMaxRank)
          bad("got more than " + std::to_string(Shape::kMaxRank) + " dimensions");
        const std::uint64_t size = json.integer();
        if (size > INT64_MAX) bad("got a dimension of " + std::to_string(size));
        place.type.shape.push_back(static_cast<std::int64_t>(size));
      });
    } else if (key == "data_offsets" && !offsets) {
      offsets = true;
      json.expect('[');
      place.begin = json.integer();
      json.expect(',');
      place.end = json.integer();
      json.expect(']');
    } else {
      bad("got '" + key + "', wanted dtype, shape and data_offsets once each");
    }
  });
  if (!dtype || !shape || !offsets) bad("wanted dtype, shape and data_offsets");
  return place;
}

std::optional<std::uint64_t> bytes_of(const TensorType& type) {
  std::uint64_t bytes = itemsize(type.dtype);
  for (const std::int64_t dim : type.shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(dim), &bytes)) return std::nullopt;
  return bytes;
}

// Places must cover the data from its beginning to its end, each byte once.
void check_places(const std::string& origin, const std::vector<Place>& places, std::uint64_t data) {
  std::vector<const Place*> ordered;
  for (const Place& place : places) {
    auto range = [&] { return "[" + std::to_string(place.begin) + ", " + std::to_string(place.end) + ")"; };
    if (place.begin > place.end || place.end > data)
      throw Error(origin + ": tensor '" + place.name + "' lies at " + range() + ", wanted a place in the " +
                  std::to_string(data) + " bytes of data");
    const auto wanted = bytes_of(place.type);
    if (!wanted || *wanted != place.end - place.begin)
      throw Error(origin + ": tensor '" + place.name + "' is " + to_string(place.type) + " and lies at " +
                  range() + ": its size and its place do not agree");
    ordered.push_back(&place);
  }
  std::sort(ordered.begin(), ordered.end(), [](const Place* a, const Place* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t at = 0;
  for (const Place* place : ordered) {
    if (place->begin < at) throw Error(origin + ": tensor '" + place->name + "' overlaps another");
    if (place->begin > at)
      throw Error(origin + ": nobody owns the data before tensor '" + place->name + "', from byte " +
                  std::to_string(at));
    at = place->end;
  }
  if (at != data)
    throw Error(origin + ": got " + std::to_string(data) + " bytes of data, wanted the " +
                std::to_string(at) + " that the header tells of");
}

void read_values(const std::string& origin, const std::string& text, std::vector<Entry>& entries) {
  JsonReader json(text, origin);
  json.list("{}", [&] {
    std::string name = json.string();
    json.expect(':');
    entries.push_back({std::move(name), json.scalar()});
  });
  json.expect_end();
}

} // namespace

std::vector<Entry> read_safetensors(const std::string& origin, const Bytes& bytes) {
  std::uint64_t length = 0;
  if (bytes.span.size() < sizeof length)
    throw Error(origin + ": cut: got " + std::to_string(bytes.span.size()) +
                " bytes, wanted a safetensors header");
  std::memcpy(&length, bytes.span.data(), sizeof length);
  const std::uint64_t rest = bytes.span.size() - sizeof length;
  if (length > rest)
    throw Error(origin + ": cut, or not safetensors: its header claims " + std::to_string(length) +
                " bytes, the file has " + std::to_string(rest) + " more");
  const std::span<const std::byte> data = bytes.span.subspan(sizeof length + length);

  JsonReader json({reinterpret_cast<const char*>(bytes.span.data()) + sizeof length, length}, origin);
  std::vector<Place> places;
  std::vector<Entry> values;
  bool metadata = false;
  json.list("{}", [&] {
    std::string name = json.string();
    json.expect(':');
    if (name != "__metadata__") {
      places.push_back(read_place(json, std::move(name)));
      return;
    }
    if (std::exchange(metadata, true)) json.fail("got __metadata__ twice");
    json.list("{}", [&] {
      const std::string key = json.string();
      json.expect(':');
      const std::string text = json.string();
      if (key == "kiln") read_values(origin, text, values);
    });
  });
  json.expect_end();
  check_places(origin, places, data.size());

  std::vector<Entry> entries;
  for (Place& place : places)
    entries.push_back({std::move(place.name),
                       StoredTensor{place.type, [owner = bytes.owner,
                                                 from = data.subspan(place.begin, place.end - place.begin)] {
                                      runtime::Buffer buffer = runtime::Buffer::allocate(from.size());
                                      if (!from.empty()) std::memcpy(buffer.data(), from.data(), from.size());
                                      return buffer;
                                    }}});
  std::move(values.begin(), values.end(), std::back_inserter(entries));
  return entries;
}

} // namespace kiln::serialize::detail
