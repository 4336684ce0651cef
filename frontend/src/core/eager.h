// Eager evaluation: the one-op program for (op, attributes, types), compiled once and then launched.
#pragma once

#include "core/apply.h"
#include "kiln/ir/infer.h"

namespace kiln::internal {

/// The value of one op call on concrete operands. `types` are the operands' types as the op sees them.
runtime::Buffer evaluate(const ir::OpRecord& record, const Attributes& attrs,
                         std::span<const Tensor> operands, const TensorType& result);

} // namespace kiln::internal
