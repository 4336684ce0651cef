// Ops that read or write at positions held in a tensor. Indices are i64, checked by the frontend where it can.
include "KilnDialect.td"

def Kiln_TakeOp : Kiln_Op<"take", [Kiln_IndirectRead, DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "slices of x along dim at indices: x.shape[:dim] + indices.shape + x.shape[dim+1:]";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$indices, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_IndexAddOp : Kiln_Op<"index_add", [Kiln_FilledInParts,
                                          DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "x with update's slices added at indices along dim, in index order (deterministic)";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$indices, Kiln_Tensor:$update, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_GatherOp : Kiln_Op<"gather", [Kiln_IndirectRead, DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "as torch.gather: result[i][j] = x[index[i][j]][j] for dim 0";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$indices, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_ScatterAddOp : Kiln_Op<"scatter_add", [Kiln_FilledInParts,
                                              DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "as torch.scatter_add";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$indices, Kiln_Tensor:$update, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
