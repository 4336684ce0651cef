// For programs that include parts of ATen.h: all of it.
#pragma once

#include "ATen/ATen.h"
