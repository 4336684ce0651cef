// Named choices of options: torch::kMean, torch::kFanIn, ….
#pragma once

#include "kiln/enum.h"
#include "torch/types.h"
