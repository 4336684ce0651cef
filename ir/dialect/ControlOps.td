// Ops about programs rather than elements: gradients, and the fusions that kernels are made of.
include "KilnDialect.td"

def Kiln_GradientOp : Kiln_Op<"gradient", []> {
  let summary = "derivative of the first `outputs` operands, weighted by the next `outputs`, by each of the others";
  let description = [{
    operands: outputs…, seeds… (same types as the outputs), wrt…; one result for each wrt, of its type; zeros where
    nothing flows. The autodiff pass expands it. Derivatives stop at each wrt value.
  }];
  let arguments = (ins Variadic<Kiln_Tensor>:$inputs, I64Attr:$outputs);
  let results = (outs Variadic<Kiln_Tensor>:$results);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $results)";
}

def Kiln_FusionKind : I32EnumAttr<"FusionKind", "what shape of kernel a fusion becomes", [
    I32EnumAttrCase<"Loop", 0, "loop">, I32EnumAttrCase<"RowReduce", 1, "row_reduce">,
    I32EnumAttrCase<"ColumnReduce", 2, "column_reduce">, I32EnumAttrCase<"Contraction", 3, "contraction">,
    I32EnumAttrCase<"Multi", 4, "multi">, I32EnumAttrCase<"Scatter", 5, "scatter">]> {
  let cppNamespace = "::kiln::ir";
  let genSpecializedAttr = 0;
}
def Kiln_FusionKindAttr : EnumAttr<Kiln_Dialect, Kiln_FusionKind, "kind">;

def Kiln_FusionOp : Op<Kiln_Dialect, "fusion", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "one kernel: the body computes the results from the inputs";
  let description = [{
    The body holds ops of the decomposed set and ends in kiln.yield. By kind:
    loop           elementwise, index and movement ops; every yielded value has the domain's shape (or is a free
                   reshape of it).
    row_reduce     as loop, with reductions whose last reduced dimension is the domain's last; yields have the domain's
                   shape or that of the reduced rows.
    column_reduce  reductions that keep the domain's last dimension.
    contraction    one matmul, then elementwise ops on its result's shape; its operands may be seen through movement ops,
                   and a transpose that ends in rows may stand between the result and a yield.
    multi          independent loops, each yield with its own domain (optimizer updates).
    scatter        one index_add or scatter_add, or slice_update or concat: an output filled in parts.
    `slots` is set by plan-memory: the slot of each input, then of each result.
  }];
  let arguments = (ins Variadic<Kiln_Tensor>:$inputs, Kiln_FusionKindAttr:$kind, StrAttr:$name,
                       OptionalAttr<DenseI64ArrayAttr>:$slots);
  let results = (outs Variadic<Kiln_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}
def Kiln_YieldOp : Op<Kiln_Dialect, "yield", [Pure, Terminator, HasParent<"FusionOp">]> {
  let arguments = (ins Variadic<Kiln_Tensor>:$values);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}
