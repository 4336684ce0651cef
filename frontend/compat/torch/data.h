// Datasets, samplers, transforms and data loaders.
#pragma once

#if __has_include("kiln/data.h")
#include "kiln/data.h"
#endif
#include "torch/types.h"
