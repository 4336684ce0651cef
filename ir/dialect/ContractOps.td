// Contractions: sums of products.
include "KilnDialect.td"

def Kiln_MatmulOp : Kiln_Op<"matmul", [Kiln_ContractionTrait, DeclareOpInterfaceMethods<Kiln_Differentiable>]> {
  let summary = "batched matrix product; leading dimensions are equal";
  let description = [{
    lhs: [batch…, M, K], or [batch…, K, M] with transpose_lhs; rhs: [batch…, K, N], or [batch…, N, K] with
    transpose_rhs; result: [batch…, M, N]. Ranks are equal and at least 2. The pass `pack` adds
    `packing` = [rows, columns]: the part of the result that a kernel holds in registers, and so the width of the panels
    that it copies operands into.
  }];
  let arguments = (ins Kiln_Tensor:$lhs, Kiln_Tensor:$rhs, BoolAttr:$transpose_lhs, BoolAttr:$transpose_rhs,
                       OptionalAttr<DenseI64ArrayAttr>:$packing);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, $result)";
}
def Kiln_LinearOp : Kiln_Op<"linear", [DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                       DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let summary = "x: [..., in], weight: [out, in], bias: none or [out] -> [..., out]";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$weight, Variadic<Kiln_Tensor>:$bias);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
