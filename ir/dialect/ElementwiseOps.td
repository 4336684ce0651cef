// Elementwise ops: one result element from the operand elements at the same place.
include "KilnDialect.td"

class Kiln_Math1<string m> : Kiln_Unary<m, [Kiln_Recomputable, DeclareOpInterfaceMethods<Kiln_Differentiable>,
    DeclareOpInterfaceMethods<Kiln_ScalarExpandable, ["flopsPerElement"]>]>;
class Kiln_Math2<string m, list<Trait> t = []> : Kiln_Binary<m, !listconcat(t, [Kiln_Recomputable,
    DeclareOpInterfaceMethods<Kiln_Differentiable>, DeclareOpInterfaceMethods<Kiln_ScalarExpandable>])>;
class Kiln_Flat1<string m> : Kiln_Unary<m, [Kiln_Recomputable, Kiln_NoGradient,
    DeclareOpInterfaceMethods<Kiln_ScalarExpandable>]>;
class Kiln_Flat2<string m, list<Trait> t = []> : Kiln_Binary<m, !listconcat(t, [Kiln_Recomputable, Kiln_NoGradient,
    DeclareOpInterfaceMethods<Kiln_ScalarExpandable>])>;
class Kiln_Activation<string m> : Kiln_Unary<m, [Kiln_Recomputable, DeclareOpInterfaceMethods<Kiln_Differentiable>,
    DeclareOpInterfaceMethods<Kiln_Composite>]>;

def Kiln_NegOp : Kiln_Math1<"neg">;
def Kiln_AbsOp : Kiln_Math1<"abs">;
def Kiln_ExpOp : Kiln_Math1<"exp">;
def Kiln_Expm1Op : Kiln_Math1<"expm1">;
def Kiln_LogOp : Kiln_Math1<"log">;
def Kiln_Log1pOp : Kiln_Math1<"log1p">;
def Kiln_SqrtOp : Kiln_Math1<"sqrt">;
def Kiln_RsqrtOp : Kiln_Math1<"rsqrt">;
def Kiln_SinOp : Kiln_Math1<"sin">;
def Kiln_CosOp : Kiln_Math1<"cos">;
def Kiln_TanhOp : Kiln_Math1<"tanh">;
def Kiln_ErfOp : Kiln_Math1<"erf">;
def Kiln_AtanOp : Kiln_Math1<"atan">;
def Kiln_SigmoidOp : Kiln_Math1<"sigmoid">;
def Kiln_ReluOp : Kiln_Math1<"relu">;
def Kiln_SignOp : Kiln_Flat1<"sign">;
def Kiln_FloorOp : Kiln_Flat1<"floor">;
def Kiln_CeilOp : Kiln_Flat1<"ceil">;
def Kiln_RoundOp : Kiln_Flat1<"round"> { let summary = "to nearest, halves to even"; }
def Kiln_TruncOp : Kiln_Flat1<"trunc">;
def Kiln_NotOp : Kiln_Flat1<"not">;

def Kiln_AddOp : Kiln_Math2<"add", [Commutative]>;
def Kiln_SubOp : Kiln_Math2<"sub">;
def Kiln_MulOp : Kiln_Math2<"mul", [Commutative]>;
def Kiln_DivOp : Kiln_Math2<"div">;
def Kiln_PowOp : Kiln_Math2<"pow">;
def Kiln_FmodOp : Kiln_Math2<"fmod"> {
  let summary = "remainder with the dividend's sign, as C's fmod; exact while the quotient fits the mantissa";
}
def Kiln_Atan2Op : Kiln_Math2<"atan2">;
def Kiln_MaximumOp : Kiln_Math2<"maximum", [Commutative]>;
def Kiln_MinimumOp : Kiln_Math2<"minimum", [Commutative]>;
def Kiln_EqOp : Kiln_Flat2<"eq", [Commutative]>;
def Kiln_NeOp : Kiln_Flat2<"ne", [Commutative]>;
def Kiln_LtOp : Kiln_Flat2<"lt">;
def Kiln_LeOp : Kiln_Flat2<"le">;
def Kiln_GtOp : Kiln_Flat2<"gt">;
def Kiln_GeOp : Kiln_Flat2<"ge">;
def Kiln_AndOp : Kiln_Flat2<"and", [Commutative]>;
def Kiln_OrOp : Kiln_Flat2<"or", [Commutative]>;
def Kiln_XorOp : Kiln_Flat2<"xor", [Commutative]>;

def Kiln_WhereOp : Kiln_Elementwise<"where", [Kiln_Recomputable, DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                              DeclareOpInterfaceMethods<Kiln_ScalarExpandable>]> {
  let summary = "condition ? lhs : rhs";
  let arguments = (ins Kiln_Tensor:$condition, Kiln_Tensor:$lhs, Kiln_Tensor:$rhs);
  let assemblyFormat = "$condition `,` $lhs `,` $rhs attr-dict `:` functional-type(operands, $result)";
}
def Kiln_CastOp : Kiln_Unary<"cast", [Kiln_Recomputable, DeclareOpInterfaceMethods<Kiln_Differentiable>,
                                      DeclareOpInterfaceMethods<Kiln_ScalarExpandable>]> {
  let summary = "to another element type, as C converts; to bool: not zero";
  let arguments = (ins Kiln_Tensor:$x, StrAttr:$dtype);
}
def Kiln_DetachOp : Kiln_Unary<"detach", [Kiln_Recomputable, Kiln_NoGradient,
                                          DeclareOpInterfaceMethods<Kiln_ScalarExpandable>]> {
  let summary = "the same value; no gradient flows through";
}

// Composites with a name in the user's head.
def Kiln_GeluOp : Kiln_Activation<"gelu"> {
  let arguments = (ins Kiln_Tensor:$x, StrAttr:$approximate); // "none" (erf) or "tanh"
}
def Kiln_SiluOp : Kiln_Activation<"silu">;
def Kiln_SoftplusOp : Kiln_Activation<"softplus"> { let summary = "log(1 + exp(x)), stable"; }
