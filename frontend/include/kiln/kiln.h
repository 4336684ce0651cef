// Everything a program needs.
#pragma once

#include "kiln/accessor.h"
#include "kiln/autograd.h"
#include "kiln/composed.h"
#include "kiln/function.h"
#include "kiln/jit.h"
#include "kiln/module.h"
#include "kiln/nn.h"
#include "kiln/ops.h"
#include "kiln/optim.h"
#include "kiln/tensor.h"
#include "kiln/warning.h"
