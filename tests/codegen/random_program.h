// Programs made at random of the ops that passes rearrange, with the values that the slow loops give them.
#pragma once

#include "../support/buffer.h"
#include "reference/reference.h"

#include "kiln/ir/program.h"

#include <functional>
#include <random>
#include <vector>

namespace kiln::test {

/// A few inputs and some ten to twenty steps, each an op or a few on values made before. The same for the
/// same seed.
class RandomProgram {
public:
  RandomProgram(unsigned seed, DType floating);

  std::vector<Buffer> inputs;
  ir::Program program;                  ///< without outputs
  std::vector<reference::Array> arrays; ///< what each value should be

  ir::ValueId anyFloating(); ///< recent ones more often
  /// Outputs, some of them more than once; most inputs are given up for one.
  void returnValues();
  /// Outputs: a value or two, and the gradients of their sum by all floating inputs.
  void returnGradients();
  std::vector<ir::ValueId> floatingInputs() const;

private:
  int below(std::size_t count) { return static_cast<int>(random() % count); }
  bool chance(int percent) { return below(100) < percent; }
  const Shape& shape(ir::ValueId x) const { return program.values[x].shape; }
  std::int64_t rank(ir::ValueId x) const { return static_cast<std::int64_t>(shape(x).rank()); }
  std::vector<std::int64_t> dims(ir::ValueId x) const { return {shape(x).begin(), shape(x).end()}; }

  ir::ValueId call(const char* op, std::vector<ir::ValueId> operands, std::vector<ir::NamedAttr> attrs = {});
  ir::ValueId constant(double value, DType dtype, std::vector<std::int64_t> shape = {});
  void input(const TensorType& type);
  ir::ValueId any(const std::function<bool(ir::ValueId)>& fits);
  ir::ValueId like(ir::ValueId x);
  ir::ValueId tamed(ir::ValueId x);

  ir::ValueId unary(ir::ValueId x);
  ir::ValueId binary(ir::ValueId x);
  ir::ValueId withNumber(ir::ValueId x);
  ir::ValueId choice(ir::ValueId x);
  ir::ValueId reshaped(ir::ValueId x);
  ir::ValueId transposed(ir::ValueId x);
  ir::ValueId repeated(ir::ValueId x);
  ir::ValueId cut(ir::ValueId x);
  ir::ValueId written(ir::ValueId x);
  ir::ValueId joined(ir::ValueId x);
  ir::ValueId reduced(ir::ValueId x);
  ir::ValueId alongDim(ir::ValueId x);
  ir::ValueId product(ir::ValueId x);
  ir::ValueId indexed(ir::ValueId x);

  std::vector<bool> isExact; ///< whether rounding plays no part in it, so that comparing it is safe
  std::mt19937 random;
  DType floating;
  ir::ValueId indices = 0;
};

} // namespace kiln::test
