// What the losses share: reduction of elements, and checks of arguments.
#pragma once

#include "core/index_check.h"
#include "kiln/nn/ops.h"
#include "nn/checks.h"

#include <string>

namespace kiln::internal {

/// Elements as `reduction` (Reduction::None, Mean or Sum) wants them. Throws Error for any other number.
Tensor reduce_loss(const Tensor& loss, std::int64_t reduction);
const char* reduction_name(std::int64_t reduction); ///< "mean"

/// As kiln::binary_cross_entropy, for shapes that are the same to the last dimension.
Tensor strict_binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                                   std::int64_t reduction);

/// Throw Error("op: input is undefined").
void check_defined(const char* op, const Tensor& input, const Tensor& target);
void check_defined(const char* op, std::initializer_list<std::pair<const char*, const Tensor*>> arguments);

} // namespace kiln::internal
