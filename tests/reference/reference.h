// The judge outside our compiler: every op of the dialect as a slow loop over doubles, written from the op's
// documentation and sharing nothing with the library but its names, shapes and attributes.
#pragma once

#include "kiln/ir/infer.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace kiln::reference {

/// Elements in row-major order; integers and bools are exact in a double up to 2^53.
struct Array {
  TensorType type;
  std::vector<double> values;
  double& operator[](std::size_t i) { return values[i]; }
  double operator[](std::size_t i) const { return values[i]; }
};

/// The op's result; throws std::out_of_range for an op without a reference.
Array evaluate(std::string_view op, const std::vector<ir::NamedAttr>& attrs,
               const std::vector<Array>& operands);
bool has(std::string_view op);

} // namespace kiln::reference
