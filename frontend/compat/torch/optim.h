// Optimizers and learning-rate schedulers.
#pragma once

#include "kiln/optim.h"
#include "kiln/optim/lbfgs_state.h"
#include "torch/nn.h"
