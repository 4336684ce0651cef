// torch::save, torch::load and archives.
#pragma once

#include "kiln/serialize.h"
#include "torch/nn.h"
#include "torch/optim.h"
