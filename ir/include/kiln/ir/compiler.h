// The door between libkiln and libkiln-compiler: a Program goes in, an Artifact comes out.
// libkiln opens the compiler library on the first cache miss and asks it for `kiln_compiler`.
#pragma once

#include "kiln/ir/program.h"
#include "kiln/runtime/artifact.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace kiln::ir {

/// Stages of the IR, in order. Each has a written spec that a verifier enforces (passes/README.md).
enum class Stage { Captured, Differentiated, Decomposed, Simplified, LaidOut, Fused, Planned };
inline constexpr std::array kStages = {Stage::Captured,   Stage::Differentiated, Stage::Decomposed,
                                       Stage::Simplified, Stage::LaidOut,        Stage::Fused,
                                       Stage::Planned};
std::string_view name(Stage stage); ///< "captured", "laid-out", …

struct CompileOptions {
  std::string target = "cpu"; ///< "cpu" (this machine's features) or "cuda:sm_90a"
  int threads = 1;            ///< threads the launches will run on: sets grains
  bool keepStages = false;    ///< fill CompileResult::stages and KernelInfo::source
};

struct CompileResult {
  runtime::Artifact artifact;                ///< the program; the forward half of a joint program
  std::optional<runtime::Artifact> backward; ///< inputs: residuals, then the joint program's further inputs
  /// Joint programs: where each residual is: a forward input (>= 0) or forward output -1-i beyond the user's.
  std::vector<std::int32_t> residuals;
  std::vector<std::string> stages; ///< text of each Stage, by its number; empty unless keepStages
};

class Compiler {
public:
  virtual ~Compiler() = default;
  /// Throws Error when the program is not valid or the target is not supported. Safe to call from many
  /// threads.
  virtual CompileResult compile(const Program& program, const CompileOptions& options) = 0;
  /// Part of every cache key: our version, LLVM's, and for CUDA NVRTC's.
  virtual std::string version() const = 0;
};

} // namespace kiln::ir

extern "C" kiln::ir::Compiler* kiln_compiler();
