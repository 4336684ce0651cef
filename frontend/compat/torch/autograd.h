// autograd::grad, hooks, custom functions and gradient modes.
#pragma once

#include "torch/types.h"
