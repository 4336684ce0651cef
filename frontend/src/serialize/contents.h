// What was found in a file: a flat list of dotted names. Tensors stay in the file until they are asked for.
#pragma once

#include "kiln/runtime/buffer.h"
#include "kiln/serialize/ivalue.h"
#include "serialize/file.h"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace kiln::serialize::detail {

/// A tensor in a file: `read` copies it out, contiguous. Checked already to lie within the file.
struct StoredTensor {
  TensorType type;
  std::function<runtime::Buffer()> read;
};

struct Entry {
  std::string name; ///< "encoder.fc1.weight"; a list's items are named by their position
  std::variant<IValue, StoredTensor> value; ///< an IValue that is neither a list nor a dictionary

  const StoredTensor* tensor() const { return std::get_if<StoredTensor>(&value); }
};

class Contents {
public:
  /// Throws Error when a name comes twice.
  Contents(std::string origin, std::vector<Entry> entries);
  const std::string& origin() const { return origin_; } ///< the file's name, for errors
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(const std::string& name) const;
  Tensor read(const Entry& entry) const; ///< the tensor of an entry that has one

private:
  std::string origin_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, const Entry*> index_;
};

/// Reads safetensors or PyTorch's zip, whichever it is. `origin` names the file in errors.
std::shared_ptr<const Contents> read_contents(const std::string& origin, Bytes bytes);

/// Names and values as `Contents` has them, for formats that are flat. Throws Error when two get one name.
std::vector<std::pair<std::string, IValue>> flatten(const IValue& value);

// safetensors.
std::vector<Entry> read_safetensors(const std::string& origin, const Bytes& bytes);
void write_safetensors(const IValue& value, const Sink& sink);

// PyTorch's zip with a pickle.
std::vector<Entry> read_pytorch(const std::string& origin, const Bytes& bytes);
void write_pytorch(const IValue& value, const Sink& sink);

} // namespace kiln::serialize::detail
