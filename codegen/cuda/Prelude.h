// Constant device code that every translation unit starts with.
#pragma once

#include <string_view>

namespace kiln::codegen::cuda {

std::string_view prelude();

} // namespace kiln::codegen::cuda
