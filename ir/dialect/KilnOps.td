// All op families, for the generators.
include "ElementwiseOps.td"
include "ShapeOps.td"
include "ReduceOps.td"
include "ContractOps.td"
include "IndexOps.td"
include "RandomOps.td"
include "ControlOps.td"
