// optim: SGD, Adam, AdamW, RMSprop, Adagrad, LBFGS, and learning-rate schedulers.
#pragma once

#include "kiln/optim/adagrad.h"
#include "kiln/optim/adam.h"
#include "kiln/optim/lbfgs.h"
#include "kiln/optim/rmsprop.h"
#include "kiln/optim/schedulers.h"
#include "kiln/optim/sgd.h"
