// For programs that include parts of torch/optim.h: all of it.
#pragma once

#include "torch/optim.h"
