// Ops that only move bytes, in eager mode: no program is compiled for the place that a slice begins at, so a
// loop over the rows of a tensor costs copies alone. Under capture they are ops like any other.
#pragma once

#include "core/apply.h"
#include "core/tape.h"
#include "kiln/ir/infer.h"

namespace kiln::internal {

/// The value of a call of an op that moves (record.movement is not None).
runtime::Buffer move(const ir::OpRecord& record, const Attributes& attrs, std::span<const Tensor> operands,
                     const TensorType& result);

/// Overwrites the region of `into` (of type `type`) that the attributes of a slice name with `block`,
/// row-major.
void replace_region(std::byte* into, const TensorType& type, const Attributes& slice, const std::byte* block);

/// The tape's node of such a call: its gradients are movements too.
std::shared_ptr<TapeNode> movement_node(const ir::OpRecord& record, std::string name, Attributes attrs,
                                        std::span<const Tensor> operands);

} // namespace kiln::internal
