// Optimizers and learning-rate schedulers.
#pragma once

#include "kiln/optim.h"
#include "torch/nn.h"
