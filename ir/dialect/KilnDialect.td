// The kiln dialect: base classes that every op family builds on.
#ifndef KILN_DIALECT
#define KILN_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "KilnInterfaces.td"

def Kiln_Dialect : Dialect {
  let name = "kiln";
  let cppNamespace = "::kiln::ir";
  let summary = "Tensor programs as users write them, and the fusions they become.";
  let description = [{
    Values are ranked tensors with static shapes (one-op elementwise programs may be `tensor<?xT>`).
    Every op is pure: writes, random state and optimizer state are values. Element types: f32 f64 bf16 f16 i64 i32 i8
    ui8 i1. Shape inference is the std-only code in ir/records, called by each op's verifier.
  }];
  let useDefaultAttributePrinterParser = 1;
}

def Kiln_Tensor : RankedTensorOf<[F32, F64, BF16, F16, I64, I32, I8, UI8, I1]>;

// Base of all ops. Each op's verifier compares its result types with kiln::ir::infer of its operand types.
class Kiln_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kiln_Dialect, mnemonic, !listconcat(traits, [Pure, Kiln_InferredByRecord])>;

// Elementwise with NumPy broadcasting. After `decompose` all operands have the result's shape.
class Kiln_Elementwise<string mnemonic, list<Trait> traits = []>
    : Kiln_Op<mnemonic, !listconcat(traits, [Kiln_ElementwiseTrait])> {
  let results = (outs Kiln_Tensor:$result);
}
class Kiln_Unary<string mnemonic, list<Trait> traits = []> : Kiln_Elementwise<mnemonic, traits> {
  let arguments = (ins Kiln_Tensor:$x);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
}
class Kiln_Binary<string mnemonic, list<Trait> traits = []> : Kiln_Elementwise<mnemonic, traits> {
  let arguments = (ins Kiln_Tensor:$lhs, Kiln_Tensor:$rhs);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, $result)";
}

#endif // KILN_DIALECT
