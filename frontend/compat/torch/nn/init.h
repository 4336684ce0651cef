// For programs that include parts of torch/nn.h: all of it.
#pragma once

#include "torch/nn.h"
