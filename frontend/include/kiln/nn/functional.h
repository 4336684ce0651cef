// nn::functional: layers and losses as functions with options, in LibTorch's names.
#pragma once

#include "kiln/nn/functional/activation.h"
#include "kiln/nn/functional/image.h"
#include "kiln/nn/functional/layer.h"
#include "kiln/nn/functional/loss.h"
