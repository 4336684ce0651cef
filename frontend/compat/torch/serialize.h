// torch::save, torch::load and archives.
#pragma once

#if __has_include("kiln/serialize.h")
#include "kiln/serialize.h"
#endif
#include "torch/nn.h"
#include "torch/optim.h"
