// Changes of modules that a captured program makes again at each run.
#pragma once

#include "kiln/internal/module_state.h"

namespace kiln::internal {

/// train() and eval() for one module.
void set_training(const ModuleStatePtr& state, bool on);

} // namespace kiln::internal
