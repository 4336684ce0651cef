// Protocol Buffers' wire format, as far as writing a few messages needs it. Google's library would bring a
// code generator into the build and a shared library into every program for what is 40 lines here: fields in
// order, no reading, no reflection. Fields of value 0 are written too: readers take them for the default that
// they are.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace kiln::watch {

class Message {
public:
  Message& integer(int field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& real(int field, double value) {
    key(field, 1);
    fixed(value);
    return *this;
  }
  Message& single(int field, float value) {
    key(field, 5);
    fixed(value);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_.append(value);
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  Message& packed(int field, std::span<const double> values) {
    key(field, 2);
    varint(values.size() * sizeof(double));
    for (double value : values)
      fixed(value);
    return *this;
  }
  Message& packed(int field, std::span<const std::int64_t> values) {
    Message list;
    for (std::int64_t value : values)
      list.varint(static_cast<std::uint64_t>(value));
    return message(field, list);
  }
  const std::string& bytes() const { return bytes_; }

private:
  void key(int field, int wire_type) {
    varint(static_cast<std::uint64_t>(field) << 3 | static_cast<unsigned>(wire_type));
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  template <class T> void fixed(T value) { // little endian, as every machine that we build for
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
  }
  std::string bytes_;
};

} // namespace kiln::watch
