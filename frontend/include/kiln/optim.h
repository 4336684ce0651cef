// optim: SGD, Adam, AdamW, RMSprop and Adagrad.
#pragma once

#include "kiln/optim/adagrad.h"
#include "kiln/optim/adam.h"
#include "kiln/optim/rmsprop.h"
#include "kiln/optim/sgd.h"
