// Shape ops move elements and compute nothing.
include "KilnDialect.td"

class Kiln_Rearrange<string m, list<Trait> t = []> : Kiln_Op<m, !listconcat(t, [
    DeclareOpInterfaceMethods<Kiln_Differentiable>])> {
  let results = (outs Kiln_Tensor:$result);
}
class Kiln_Move<string m, list<Trait> t = []> : Kiln_Rearrange<m, !listconcat(t, [Kiln_DataMovement])>;

def Kiln_ReshapeOp : Kiln_Move<"reshape"> {
  let summary = "same elements in row-major order, another shape";
  let arguments = (ins Kiln_Tensor:$x, DenseI64ArrayAttr:$shape);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
  let hasFolder = 1;
}
def Kiln_TransposeOp : Kiln_Move<"transpose"> {
  let summary = "result dimension i is operand dimension permutation[i]";
  let arguments = (ins Kiln_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
  let hasFolder = 1;
}
def Kiln_BroadcastOp : Kiln_Move<"broadcast", [Kiln_Recomputable]> {
  let summary = "to a larger shape, dimensions aligned at the right (as NumPy)";
  let arguments = (ins Kiln_Tensor:$x, DenseI64ArrayAttr:$shape);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
  let hasFolder = 1;
}
def Kiln_SliceOp : Kiln_Move<"slice"> {
  let summary = "elements starts, starts+steps, … below stops in each dimension; steps >= 1";
  let arguments = (ins Kiln_Tensor:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$stops, DenseI64ArrayAttr:$steps);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
  let hasFolder = 1;
}
def Kiln_SliceUpdateOp : Kiln_Rearrange<"slice_update", [Kiln_FilledInParts, Kiln_StartsAsFirst]> {
  let summary = "x with the elements that slice would read replaced by update";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$update, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$stops,
                       DenseI64ArrayAttr:$steps);
  let assemblyFormat = "$x `,` $update attr-dict `:` functional-type(operands, $result)";
}
def Kiln_ConcatOp : Kiln_Rearrange<"concat", [Kiln_FilledInParts]> {
  let arguments = (ins Variadic<Kiln_Tensor>:$inputs, I64Attr:$dim);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $result)";
}
def Kiln_ConstantOp : Kiln_Op<"constant", [Kiln_Recomputable, Kiln_NoGradient]> {
  let summary = "every element is value";
  let arguments = (ins F64Attr:$value, StrAttr:$dtype, DenseI64ArrayAttr:$shape);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}
def Kiln_IotaOp : Kiln_Op<"iota", [Kiln_Recomputable, Kiln_NoGradient,
                                   DeclareOpInterfaceMethods<Kiln_IndexExpandable>]> {
  let summary = "each element is its index along dim";
  let arguments = (ins StrAttr:$dtype, DenseI64ArrayAttr:$shape, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}
