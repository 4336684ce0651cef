// Threads, seeds and warnings, which our core headers hold; here for programs that ask for them by this name.
#pragma once

#include "kiln/warning.h"
#include "torch/types.h"
