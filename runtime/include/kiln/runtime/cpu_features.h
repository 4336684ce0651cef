// What of this machine's CPU determines compiled code: part of every CPU cache key.
#pragma once

#include <string>

namespace kiln::runtime {

/// "x86_64 AuthenticAMD 26.17.0 sse4.2 avx avx2 fma avx512f …": vendor, family.model.stepping and usable
/// features.
const std::string& cpu_features();

} // namespace kiln::runtime
