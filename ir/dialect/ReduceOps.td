// Reductions, and the composites that are built around one.
include "KilnDialect.td"

class Kiln_Reduce<string m, list<Trait> t = []>
    : Kiln_Op<m, !listconcat(t, [DeclareOpInterfaceMethods<Kiln_Differentiable>])> {
  let arguments = (ins Kiln_Tensor:$x, DenseI64ArrayAttr:$dims, BoolAttr:$keepdim); // dims sorted, not negative
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
}
def Kiln_SumOp : Kiln_Reduce<"sum", [DeclareOpInterfaceMethods<Kiln_Reduction>]>;
def Kiln_ProdOp : Kiln_Reduce<"prod", [DeclareOpInterfaceMethods<Kiln_Reduction>]>;
def Kiln_MaxOp : Kiln_Reduce<"max", [DeclareOpInterfaceMethods<Kiln_Reduction>]> {
  let summary = "largest element (amax); its gradient is shared evenly between equal largest elements";
}
def Kiln_MinOp : Kiln_Reduce<"min", [DeclareOpInterfaceMethods<Kiln_Reduction>]>;
def Kiln_MeanOp : Kiln_Reduce<"mean", [DeclareOpInterfaceMethods<Kiln_Composite>]>;

def Kiln_CumsumOp : Kiln_Op<"cumsum", [DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                       DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let summary = "sums of the elements up to each along dim; with reverse, from each to the last";
  let arguments = (ins Kiln_Tensor:$x, I64Attr:$dim, BoolAttr:$reverse);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
}

class Kiln_ArgReduce<string m> : Kiln_Op<m, [Kiln_NoGradient, DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let arguments = (ins Kiln_Tensor:$x, I64Attr:$dim, BoolAttr:$keepdim);
  let results = (outs Kiln_Tensor:$result); // i64; the first of equal elements
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
}
def Kiln_ArgmaxOp : Kiln_ArgReduce<"argmax">;
def Kiln_ArgminOp : Kiln_ArgReduce<"argmin">;

class Kiln_RowComposite<string m> : Kiln_Op<m, [DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                                DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let arguments = (ins Kiln_Tensor:$x, I64Attr:$dim);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
}
def Kiln_SoftmaxOp : Kiln_RowComposite<"softmax">;
def Kiln_LogSoftmaxOp : Kiln_RowComposite<"log_softmax">;

def Kiln_LayerNormOp : Kiln_Op<"layer_norm", [DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                              DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let summary = "over the last `dims` dimensions; affine holds nothing, or weight and bias of those dimensions";
  let arguments = (ins Kiln_Tensor:$x, Variadic<Kiln_Tensor>:$affine, I64Attr:$dims, F64Attr:$eps);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_NllLossOp : Kiln_Op<"nll_loss", [DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                          DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let summary = "log-probabilities [N, C], targets i64 [N]; targets equal to ignore_index do not count";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$target, StrAttr:$reduction, I64Attr:$ignore_index);
  let results = (outs Kiln_Tensor:$result); // [] for "mean" and "sum", [N] for "none"
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_CrossEntropyOp : Kiln_Op<"cross_entropy", [DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                                    DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let summary = "nll_loss(log_softmax(x, 1), target)";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$target, StrAttr:$reduction, I64Attr:$ignore_index);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
