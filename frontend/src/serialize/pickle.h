// The pickles inside PyTorch's files: read by an interpreter of the few opcodes that tensors need, which can
// only build data and never calls anything; written in the same words as torch.save.
#pragma once

#include "kiln/runtime/types.h"
#include "kiln/serialize/ivalue.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::serialize::detail {

/// A tensor as a pickle describes it: a view of a storage that lies elsewhere in the archive. Nothing is
/// checked but that its numbers are not negative and that there are as many strides as sizes.
struct PickledTensor {
  std::string_view storage; ///< the key of the record that holds it
  std::int64_t storage_elements = 0;
  std::int64_t offset = 0; ///< in elements
  TensorType type;
  std::vector<std::int64_t> strides;
};

/// A node of what a pickle holds. Text points into the pickle.
struct Pickled {
  enum class Kind : std::uint8_t {
    None,
    Bool,
    Integer,
    Number,
    Text, ///< leaves
    List,
    Tuple,
    Dict, ///< a Dict's items alternate between keys and values
    Tensor,
    Global,
    Storage,
    Mark ///< met while reading only
  };
  using Items = std::vector<Pickled>;
  Kind kind = Kind::None;
  union {
    bool boolean;
    std::int64_t integer = 0;
    double number;
    Items* items;          ///< List, Tuple, Dict; owned by the Pickle
    PickledTensor* tensor; ///< Tensor, Storage; owned by the Pickle
  };
  std::string_view text; ///< Text; Global: "module.name"
};

/// A pickle that was read. Nodes may be shared, and hold each other: whoever walks over them must count.
struct Pickle {
  Pickled root;
  std::vector<std::unique_ptr<Pickled::Items>> containers;
  std::vector<std::unique_ptr<PickledTensor>> tensors;
  std::vector<std::unique_ptr<std::string>> names;
};

/// Throws Error for opcodes, globals and persistent ids that tensors do not need, naming what was asked for.
Pickle read_pickle(const std::string& origin, std::span<const std::byte> bytes);

/// Writes a pickle; `storage_key` is asked for the record that holds a tensor's elements.
std::string write_pickle(const IValue& value, const std::function<std::string(const Tensor&)>& storage_key);

} // namespace kiln::serialize::detail
