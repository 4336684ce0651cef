// Readable names of C++ types, for printing modules and for errors.
#pragma once

#include <string>
#include <typeinfo>

namespace kiln::nn {

std::string type_name(const std::type_info& type); ///< "Net", "kiln::Tensor"

} // namespace kiln::nn
