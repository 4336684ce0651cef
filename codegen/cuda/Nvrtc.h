// NVIDIA's run-time compiler, opened with dlopen when first asked for: everything builds and runs without it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kiln::codegen::cuda {

struct CubinResult {
  std::vector<std::byte> cubin; ///< empty when compilation failed
  std::string log;              ///< errors and warnings; with `verbose`, ptxas's report of each kernel
};

struct NvrtcStatus {
  bool available = false;
  int major = 0, minor = 0;
  std::string detail; ///< which file was opened, or why none was
};

/// Looks for the library in KILN_NVRTC_PATH, where the loader looks, CUDA_HOME and /usr/local/cuda. Once.
const NvrtcStatus& nvrtc();

/// Compiles for an architecture such as "sm_90a". Throws Error when NVRTC is not available. Safe to call from
/// many threads.
CubinResult compileCubin(const std::string& source, const std::string& architecture, bool verbose = false);
/// The same to PTX text, for looking at instructions.
std::string compilePtx(const std::string& source, const std::string& architecture);

} // namespace kiln::codegen::cuda
