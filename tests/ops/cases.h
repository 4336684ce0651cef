// One or more small examples of every op: operand types, where their values lie, and attributes.
#pragma once

#include "kiln/kiln.h"
#include "reference/reference.h"

#include <string>
#include <vector>

namespace kiln::tests {

/// Where an operand's values lie. Fixed: as listed (indices, targets, states).
enum class Values { Normal, Positive, AwayFromZero, Whole, Bools, Distinct, Fixed };

struct Operand {
  DType dtype;
  Shape shape;
  Values values = Values::Normal;
  std::vector<double> fixed = {};
};

struct Case {
  std::string op;
  std::vector<Operand> operands;
  std::vector<ir::NamedAttr> attrs = {};
  double tolerance = 2e-6; ///< of float32 values, relative to the largest
};

std::vector<Case> cases();

/// The case's operands with floating ones in `dtype`.
std::vector<reference::Array> make_operands(const Case& example, DType dtype, unsigned seed);
Tensor to_tensor(const reference::Array& array);
reference::Array to_array(const Tensor& tensor);
std::string describe(const Case& example);

} // namespace kiln::tests
