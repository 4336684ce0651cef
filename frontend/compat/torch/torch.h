// LibTorch's umbrella header, served by Kiln: with this folder on the include path (CMake: link kiln::torch
// instead of torch) a training program written for LibTorch compiles as it is.
// docs/migrating-from-libtorch.md says what differs.
#pragma once

#include "torch/all.h"
