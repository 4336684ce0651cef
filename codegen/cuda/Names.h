// Identifiers of printed CUDA C++: from a hint (a parameter's name, a location, an operation) to a name that
// is valid, short and unique in its function.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

#include <string>
#include <vector>

namespace kiln::codegen::cuda {

/// "encoder.fc1.weight" -> "encoder_fc1_weight"; never empty, never starts with a digit.
std::string identifier(llvm::StringRef hint);

class Names {
public:
  /// `hint` if it is free, else hint_2, hint_3 …
  std::string unique(llvm::StringRef hint);

  /// Names given after mark() are free again after release(mark): disjoint blocks may use the same ones.
  std::size_t mark() const { return order_.size(); }
  void release(std::size_t mark);

private:
  llvm::StringSet<> used_;
  std::vector<std::string> order_;
};

} // namespace kiln::codegen::cuda
