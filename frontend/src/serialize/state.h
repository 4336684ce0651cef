// Loading in two halves: `prepare_…` reads and checks everything and changes nothing; what it returns makes
// the change and cannot fail.
#pragma once

#include "kiln/module.h"
#include "kiln/serialize/archive.h"

#include <functional>

namespace kiln::serialize::detail {

/// A tensor on offer under a name.
struct Offer {
  std::string name;
  TensorType type;
  std::function<Tensor()> read;
};

/// Throws Error that lists missing and unexpected names (when strict) and shapes that differ, all at once.
std::function<void()> prepare_module(nn::Module& module, const std::vector<Offer>& offers, bool strict,
                                     const std::string& origin, nn::IncompatibleKeys* keys = nullptr);
std::function<void()> prepare_module(nn::Module& module, const InputArchive& archive);

IValue state_dict_value(const nn::Module& module);

} // namespace kiln::serialize::detail
