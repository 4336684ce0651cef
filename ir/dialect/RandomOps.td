// Random ops: Philox 4x32-10 from a counter, so that every mode and device draws the same bits.
// `state` is i64 [2]: seed and offset, fed by the runtime. `offset` is added to the state's offset; the frontend
// advances it by the element count rounded up to 64. Element e of a draw at offset o uses g = o + e, counter
// (g / 64) * 16 + g % 16 and word (g / 16) % 4 of the four that a counter gives: 16 consecutive elements share a word
// number and have consecutive counters, which suits vectors. `normal` may have a state for each of its two draws, i64 [4].
include "KilnDialect.td"

def Kiln_UniformOp : Kiln_Op<"uniform", [Kiln_Recomputable, Kiln_NoGradient,
                                         DeclareOpInterfaceMethods<Kiln_IndexExpandable, ["expandGroup"]>]> {
  let summary = "in [0, 1): (bits >> 8) * 2^-24, in f32 or f64";
  let arguments = (ins Kiln_Tensor:$state, I64Attr:$offset, StrAttr:$dtype, DenseI64ArrayAttr:$shape);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_NormalOp : Kiln_Op<"normal", [Kiln_Recomputable, Kiln_NoGradient, DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let summary = "standard normal (Box-Muller of two uniforms; consumes twice the offset)";
  let arguments = (ins Kiln_Tensor:$state, I64Attr:$offset, StrAttr:$dtype, DenseI64ArrayAttr:$shape);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
def Kiln_DropoutOp : Kiln_Op<"dropout", [DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                         DeclareOpInterfaceMethods<Kiln_Composite>]> {
  let summary = "where(uniform >= p, x / (1 - p), 0)";
  let arguments = (ins Kiln_Tensor:$x, Kiln_Tensor:$state, F64Attr:$p, I64Attr:$offset);
  let results = (outs Kiln_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}
