// nn: modules, their functional forms and initialisation.
#pragma once

#include "kiln/nn/activation.h"
#include "kiln/nn/clip_grad.h"
#include "kiln/nn/container.h"
#include "kiln/nn/convert_parameters.h"
#include "kiln/nn/functional.h"
#include "kiln/nn/init.h"
#include "kiln/nn/loss.h"
#include "kiln/nn/packed_sequence.h"
#include "kiln/nn/transformer.h"
