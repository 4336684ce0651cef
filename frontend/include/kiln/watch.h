// Watching a run: progress bars, charts, TensorBoard. Not part of kiln.h, which stays quick to parse.
#pragma once

#include "kiln/watch/chart.h"
#include "kiln/watch/progress.h"
#include "kiln/watch/summary_writer.h"
