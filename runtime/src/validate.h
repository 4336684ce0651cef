// What must hold of an artifact before its plan is trusted with pointers.
#pragma once

#include "kiln/runtime/artifact.h"

namespace kiln::runtime::detail {

/// Throws Error naming the slot or launch whose numbers are out of range.
void validate(const Artifact& artifact);

/// The slot whose memory `slot` shares at the end of its chain of aliases. For validated artifacts.
std::size_t root_of(const Artifact& artifact, std::size_t slot);

} // namespace kiln::runtime::detail
