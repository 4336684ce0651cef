// A captured program as the graph that TensorBoard shows.
#pragma once

#include "kiln/ir/program.h"
#include "watch/protobuf.h"

namespace kiln::watch {

/// tensorflow.GraphDef. Inputs named "fc1.weight" become nodes "fc1/weight"; an op in module "fc1" a node
/// "fc1/linear". TensorBoard folds what shares a path.
Message graph_of(const ir::Program& program);

} // namespace kiln::watch
