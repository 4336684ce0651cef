// Ops that read or write at positions held in a tensor. Indices are i64, checked by the frontend where it can.
include "KilnDialect.td"

def Kiln_TakeOp : Kiln_Op<"take", [Kiln_IndirectRead, DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "slices of x along dim at indices: x.shape[:dim] + indices.shape + x.shape[dim+1:]";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$indices, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_IndexAddOp : Kiln_Op<"index_add", [Kiln_FilledInParts, Kiln_StartsAsFirst,
    DeclareOpInterfaceMethods<Kiln_IndexedUpdate>,
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
def Kiln_ScatterAddOp : Kiln_Op<"scatter_add", [Kiln_FilledInParts, Kiln_StartsAsFirst,
    DeclareOpInterfaceMethods<Kiln_IndexedUpdate>,
                                              DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "as torch.scatter_add";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$indices, Kiln_Tensor:$update, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_ArgsortOp : Kiln_Op<"argsort", [Kiln_FilledInParts, Kiln_NoGradient]> {
  let summary = [{places of the elements along dim in order, equal ones as they stand; NaN counts as the largest. Of all
    places those number first to first + count - 1}];
  let arguments = (ins Kiln_Tensor:$x, I64Attr:$dim, BoolAttr:$descending, I64Attr:$first, I64Attr:$count);
  let results = (outs Kiln_Tensor:$result); // i64
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
}
def Kiln_IndexCopyOp : Kiln_Op<"index_copy", [Kiln_FilledInParts, Kiln_StartsAsFirst,
    DeclareOpInterfaceMethods<Kiln_IndexedUpdate>,
                                            DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "x with its slices at indices along dim replaced by update's, in index order (the last one stays)";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$indices, Kiln_Tensor:$update, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_ScatterOp : Kiln_Op<"scatter", [Kiln_FilledInParts, Kiln_StartsAsFirst,
    DeclareOpInterfaceMethods<Kiln_IndexedUpdate>,
                                       DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "as torch.scatter; of several updates of one element the last stays";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$indices, Kiln_Tensor:$update, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
