// What of this machine's CPU determines compiled code: part of every CPU cache key.
#pragma once

#include <string>
#include <string_view>

namespace kiln::runtime {

/// "x86_64 AuthenticAMD-26-17 sse4.2 avx avx2 fma avx512f …": vendor-family-model, and features by LLVM's
/// names that the CPU has and the system lets programs use; then KILN_CPU's value when it is set, since it
/// lowers what is generated.
std::string cpu_features();

/// Those of the words of `target` that name a feature (or an architecture) which this machine has not, each
/// after a space; empty when it can run such code. Words that name nothing known are passed over.
std::string missing_cpu_features(std::string_view target);

} // namespace kiln::runtime
