// What the tracer and error messages know of a module: its path, its mode, and whether it still is where it
// was. Not for users. It outlives the module, so a compiled program's guards may hold on to it.
#pragma once

#include "kiln/internal/capture.h"

#include <cstdint>
#include <memory>
#include <string>

namespace kiln::nn {
class Module;
}

namespace kiln::internal {

struct ModuleHooks;

struct ModuleState {
  std::string path; ///< "encoder.block1.attn": registered names from the outermost owner down; "" for a root
  std::uint64_t version = 0; ///< counts changes of what the module owns, and its own removal or replacement
  bool training = true;
  nn::Module* module = nullptr;             ///< whose state this is, while it lives
  std::shared_ptr<const ModuleHooks> hooks; ///< null when there are none
  std::uint64_t next_hook = 1;              ///< number of the next one

  /// The module owns other things than before, has other hooks, or another owner.
  void changed() {
    ++version;
    bump_structure_epoch();
  }
};
using ModuleStatePtr = std::shared_ptr<ModuleState>;

/// Under capture: the program relies on the module's train/eval mode.
void guard_training(const ModuleStatePtr& state);
/// Under capture: the program relies on the module owning what it owns now, hooks included.
void guard_structure(const ModuleStatePtr& state);

/// Lives while a module's forward runs: locations and errors inside name the module.
class ModuleCall {
public:
  explicit ModuleCall(const ModuleStatePtr& state) : scope_(&state->path) {
    if (is_capturing()) guard_structure(state);
  }

private:
  ModuleScope scope_;
};

} // namespace kiln::internal
