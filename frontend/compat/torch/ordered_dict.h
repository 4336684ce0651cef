// OrderedDict.
#pragma once

#include "kiln/ordered_dict.h"
#include "torch/types.h"
