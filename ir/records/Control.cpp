// Types of the ops about programs: gradient.
#include "tables.h"

namespace kiln::ir {
namespace {

Types gradient(const Attrs& attrs, Operands operands) {
  std::int64_t count = attrs.integer("outputs");
  if (count < 1 || 2 * count > static_cast<std::int64_t>(operands.size()))
    fail(attrs, std::to_string(count) + " outputs and their seeds do not fit in " +
                    std::to_string(operands.size()) + " operands");
  auto n = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < n; ++i) {
    expect_floating(attrs, operands[i]);
    if (operands[n + i] != operands[i])
      fail(attrs, "seed " + std::to_string(i) + " must be " + to_string(operands[i]) + ", got " +
                      to_string(operands[n + i]));
  }
  return {operands.begin() + 2 * count, operands.end()};
}

constexpr OpRecord kOps[] = {{"gradient", gradient}};

} // namespace

std::span<const OpRecord> control_ops() {
  return kOps;
}

} // namespace kiln::ir
