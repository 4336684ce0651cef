// Archives: named tensors and values on their way to a file and back. As torch::serialize.
//
// A file's name decides how it is written: .pt, .pth and .bin as Python's torch.save writes them, anything
// else (and every stream) as safetensors. When read, what the file holds decides. Files are written under a
// temporary name and renamed, so that a crash at any moment leaves the old or the new file whole.
#pragma once

#include "kiln/serialize/ivalue.h"

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::serialize {

namespace detail {
class Contents; // of a file that was read
}

class OutputArchive {
public:
  OutputArchive();
  OutputArchive(OutputArchive&&) noexcept;
  OutputArchive& operator=(OutputArchive&&) noexcept;
  ~OutputArchive();

  /// Throw Error for an empty key and for one that was written before.
  void write(const std::string& key, const Tensor& tensor, bool is_buffer = false);
  void write(const std::string& key, const IValue& value);
  /// What `nested` holds is named "key.…".
  void write(const std::string& key, OutputArchive& nested);
  template <class... Ts> void operator()(Ts&&... arguments) { write(std::forward<Ts>(arguments)...); }

  /// Throw Error when the place cannot be written; an older file is then still there.
  void save_to(const std::string& filename) const;
  void save_to(std::ostream& stream) const;
  void save_to(const std::function<std::size_t(const void*, std::size_t)>& write) const;

  /// Makes the whole archive one value: a tensor or a list instead of a dictionary.
  void write_root(const IValue& value);
  /// All that was written, nested archives as dotted names.
  IValue value() const;

private:
  struct Entries;
  std::shared_ptr<Entries> entries_;
};

class InputArchive {
public:
  InputArchive();
  InputArchive(InputArchive&&) noexcept;
  InputArchive& operator=(InputArchive&&) noexcept;
  ~InputArchive();

  /// Throw Error for a file that cannot be read or is damaged, of another kind or hostile: nothing in a file
  /// is ever run, and no more memory is taken than a small multiple of the file's size. Tensors of a file
  /// stay in it until they are read; do not change it meanwhile. Only the CPU can be a device so far.
  void load_from(const std::string& filename, std::optional<Device> device = std::nullopt);
  void load_from(std::istream& stream, std::optional<Device> device = std::nullopt);
  void load_from(const char* data, std::size_t size, std::optional<Device> device = std::nullopt);
  void
  load_from(const std::function<std::size_t(std::uint64_t position, void* buffer, std::size_t bytes)>& read,
            const std::function<std::size_t()>& size, std::optional<Device> device = std::nullopt);

  /// A tensor of the same type gets its new value in place, another one becomes what was read. `read` throws
  /// Error when there is no such entry, `try_read` returns false.
  void read(const std::string& key, Tensor& tensor, bool is_buffer = false);
  bool try_read(const std::string& key, Tensor& tensor, bool is_buffer = false);
  void read(const std::string& key, IValue& value);
  bool try_read(const std::string& key, IValue& value);
  void read(const std::string& key, InputArchive& nested);
  bool try_read(const std::string& key, InputArchive& nested);
  template <class... Ts> void operator()(Ts&&... arguments) { read(std::forward<Ts>(arguments)...); }

  /// Names at this level, in the file's order.
  std::vector<std::string> keys() const;

  // For the library's own use.
  const detail::Contents& contents() const;
  const std::string& prefix() const { return prefix_; }
  InputArchive share() const; ///< another look at the same place

private:
  std::string full(const std::string& key) const;
  [[noreturn]] void missing(const char* what, const std::string& key) const;
  std::shared_ptr<const detail::Contents> contents_;
  std::string prefix_; ///< "" or "encoder."
};

} // namespace kiln::serialize
