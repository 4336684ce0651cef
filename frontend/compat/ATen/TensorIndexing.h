// at::indexing: Slice, None, Ellipsis, TensorIndex.
#pragma once

#include "ATen/ATen.h"
