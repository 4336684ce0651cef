// Datasets, samplers, transforms and data loaders.
#pragma once

#include "kiln/data/chunk.h"
#include "kiln/data/datasets.h"
#include "kiln/data/loader.h"
#include "kiln/data/samplers.h"
#include "kiln/data/transforms.h"
