// Runs a module's fusions as CUDA kernels: emitted, emulated in every schedule (which must agree bit for
// bit).
#pragma once

#include "cuda/CudaBackend.h"
#include "emulation/EmulatedModule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::testing {

/// The bytes of one tensor.
struct Buffer {
  std::vector<std::byte> bytes;

  template <class T> static Buffer of(const std::vector<T>& values) {
    auto* data = reinterpret_cast<const std::byte*>(values.data());
    return {{data, data + values.size() * sizeof(T)}};
  }
  template <class T> std::vector<T> as() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(values.data()));
    return values;
  }
};

struct CudaRun {
  codegen::cuda::CudaProgram program;
  std::vector<Buffer> results; ///< of every fusion, in order
};

/// Emits kernels for a module given as text (a @main of fusions without a plan). Throws Error with the
/// diagnostics when that fails.
codegen::cuda::CudaProgram emitText(const std::string& text);

/// Emits and runs it. `inputs` are main's arguments. Throws Error when schedules differ, when a kernel writes
/// outside of its buffers, or for any of EmulatedModule's reasons.
CudaRun runText(const std::string& text, const std::vector<Buffer>& inputs);

/// Runs kernels already emitted, from this source text instead of the program's own (to plant mistakes).
std::vector<Buffer> runProgram(const std::string& text, const codegen::cuda::CudaProgram& program,
                               const std::string& source, const std::vector<Buffer>& inputs);

/// Compiles the program with NVRTC for sm_80 and sm_90a; a kernel with spills or a stack fails (the text says
/// which). Empty when all is well. Says on stderr that it is skipped, and why, when NVRTC is not there.
std::string nvrtcProblems(const codegen::cuda::CudaProgram& program);
std::string nvrtcProblems(const std::string& source, std::size_t kernels);

/// Runs an artifact's launches in its planned memory, in every schedule; returns the outputs.
std::vector<Buffer> runArtifact(const runtime::Artifact& artifact, const std::vector<Buffer>& inputs);

} // namespace kiln::testing
