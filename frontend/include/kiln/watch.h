// Watching a run: progress bars and charts. Not part of kiln.h, which stays quick to parse.
#pragma once

#include "kiln/watch/chart.h"
#include "kiln/watch/progress.h"
