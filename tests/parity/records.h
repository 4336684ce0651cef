// Named tensors in a file: how LibTorch's results reach our test without both libraries meeting in one
// process. C++17, standard library only. Layout: the magic, a count, then for each: name, kind,
// sizes, values.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace parity {

enum class Kind : std::uint64_t { Float32, Float64, Int64, Bool };

/// One tensor on the host. Numbers of floating point are held as doubles, which float32 fits in; others as
/// integers.
struct Record {
  std::vector<std::int64_t> sizes;
  Kind kind = Kind::Float32;
  std::vector<double> floats;
  std::vector<std::int64_t> integers;
  bool integral() const { return kind == Kind::Int64 || kind == Kind::Bool; }
};
using Records = std::map<std::string, Record>;

namespace detail {
inline constexpr std::uint64_t kMagic = 0x3259544952415049; // "IPARITY2"
template <class T> void put(std::ostream& out, const T* data, std::size_t count) {
  out.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(count * sizeof(T)));
}
inline void put(std::ostream& out, std::uint64_t value) {
  put(out, &value, 1);
}
template <class T> void get(std::istream& in, T* data, std::size_t count) {
  if (!in.read(reinterpret_cast<char*>(data), static_cast<std::streamsize>(count * sizeof(T))))
    throw std::runtime_error("parity: the file of reference results is cut");
}
inline std::uint64_t get(std::istream& in) {
  std::uint64_t value = 0;
  get(in, &value, 1);
  return value;
}
} // namespace detail

inline void write(const std::string& file, const Records& records) {
  std::ofstream out(file, std::ios::binary);
  detail::put(out, detail::kMagic);
  detail::put(out, records.size());
  for (const auto& entry : records) {
    const Record& record = entry.second;
    detail::put(out, entry.first.size());
    detail::put(out, entry.first.data(), entry.first.size());
    detail::put(out, static_cast<std::uint64_t>(record.kind));
    detail::put(out, record.sizes.size());
    detail::put(out, record.sizes.data(), record.sizes.size());
    if (record.integral())
      detail::put(out, record.integers.data(), record.integers.size());
    else
      detail::put(out, record.floats.data(), record.floats.size());
  }
  if (!out.flush()) throw std::runtime_error("parity: cannot write " + file);
}

inline Records read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("parity: no reference results in " + file);
  if (detail::get(in) != detail::kMagic)
    throw std::runtime_error("parity: not a file of reference results: " + file);
  Records records;
  for (std::uint64_t left = detail::get(in); left > 0; --left) {
    std::string name(detail::get(in), ' ');
    detail::get(in, name.data(), name.size());
    Record& record = records[name];
    record.kind = static_cast<Kind>(detail::get(in));
    record.sizes.resize(detail::get(in));
    detail::get(in, record.sizes.data(), record.sizes.size());
    std::size_t count = 1;
    for (auto size : record.sizes)
      count *= static_cast<std::size_t>(size);
    if (record.integral())
      record.integers.resize(count), detail::get(in, record.integers.data(), count);
    else
      record.floats.resize(count), detail::get(in, record.floats.data(), count);
  }
  return records;
}

} // namespace parity
