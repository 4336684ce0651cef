// For programs that include parts of torch/data.h: all of it.
#pragma once

#include "torch/data.h"
