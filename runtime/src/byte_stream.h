// Little-endian bytes in and out. The reader checks every length against what is left before it touches or
// reserves anything.
#pragma once

#include "kiln/runtime/error.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace kiln::runtime::detail {

static_assert(std::endian::native == std::endian::little, "stored files are little-endian");

class ByteWriter {
public:
  template <class T>
    requires std::is_integral_v<T>
  void number(T value) {
    raw(std::as_bytes(std::span(&value, 1)));
  }
  void text(const std::string& value) { block(std::as_bytes(std::span(value.data(), value.size()))); }
  void block(std::span<const std::byte> value) { number<std::uint64_t>(value.size()), raw(value); }
  void raw(std::span<const std::byte> value) { bytes_.insert(bytes_.end(), value.begin(), value.end()); }
  std::vector<std::byte> take() { return std::move(bytes_); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

private:
  std::vector<std::byte> bytes_;
};

class ByteReader {
public:
  /// `what` begins every message.
  ByteReader(std::string what, std::span<const std::byte> bytes) : what_(std::move(what)), bytes_(bytes) {}

  template <class T> T number() {
    T value;
    std::memcpy(&value, raw(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() {
    const auto bytes = block();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::span<const std::byte> block() { return raw(number<std::uint64_t>()); }
  std::span<const std::byte> raw(std::uint64_t count) {
    if (count > left())
      fail("cut short: " + std::to_string(count) + " bytes wanted at byte " + std::to_string(at_) + ", " +
           std::to_string(left()) + " are there");
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  /// Length of a list whose elements take at least `least` bytes each.
  std::size_t count(std::size_t least) {
    const auto value = number<std::uint64_t>();
    if (value > left() / least)
      fail("cut short: a list of " + std::to_string(value) + " elements does not fit");
    return value;
  }
  std::size_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void fail(const std::string& why) const { throw Error(what_ + ": " + why); }

private:
  std::string what_;
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

} // namespace kiln::runtime::detail
