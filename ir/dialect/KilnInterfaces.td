// Traits and interfaces through which passes ask ops what they need to know. Passes never list ops by name.
#ifndef KILN_INTERFACES
#define KILN_INTERFACES

include "mlir/IR/OpBase.td"

// Verifies the op's results against kiln::ir::infer (ir/records).
def Kiln_InferredByRecord : NativeOpTrait<"InferredByRecord"> { let cppNamespace = "::kiln::ir"; }
// Result element i depends on operand elements at i alone (after broadcasting).
def Kiln_ElementwiseTrait : NativeOpTrait<"ElementwiseTrait"> { let cppNamespace = "::kiln::ir"; }
// Explicitly without derivative: gradient zero (comparisons, casts to integers, detach, random bits).
def Kiln_NoGradient : NativeOpTrait<"NoGradient"> { let cppNamespace = "::kiln::ir"; }
// Cheap enough to compute again rather than keep (elementwise, broadcast, iota, random from a counter).
def Kiln_Recomputable : NativeOpTrait<"Recomputable"> { let cppNamespace = "::kiln::ir"; }
// Only moves elements: each result element is one operand element at an affine position (reshape, transpose, broadcast,
// slice).
def Kiln_DataMovement : NativeOpTrait<"DataMovement"> { let cppNamespace = "::kiln::ir"; }
// Reads the first operand at positions held in the second (take, gather).
def Kiln_IndirectRead : NativeOpTrait<"IndirectRead"> { let cppNamespace = "::kiln::ir"; }
// The result is filled in parts, so no single expression gives an element (concat, slice_update, index_add, scatter_add).
def Kiln_FilledInParts : NativeOpTrait<"FilledInParts"> { let cppNamespace = "::kiln::ir"; }
// The result starts as the first operand, of which parts are then replaced (slice_update, index_add): it may be made in
// the operand's buffer.
def Kiln_StartsAsFirst : NativeOpTrait<"StartsAsFirst"> { let cppNamespace = "::kiln::ir"; }
// Sums of products of the elements of two operands: the ops that a contraction kernel is built around (matmul).
def Kiln_ContractionTrait : NativeOpTrait<"ContractionTrait"> { let cppNamespace = "::kiln::ir"; }

def Kiln_Differentiable : OpInterface<"Differentiable"> {
  let cppNamespace = "::kiln::ir";
  let description = [{
    Reverse-mode derivative. `grads` holds the gradient of each result (null when nothing flows into it). Returns the
    gradient of each operand, null where it is zero. Rules are built of ordinary ops, so second order works.
  }];
  let methods = [
    InterfaceMethod<"gradients of the operands", "::llvm::SmallVector<::mlir::Value>", "vjp",
                    (ins "::mlir::OpBuilder&":$builder, "::mlir::ValueRange":$grads)>,
  ];
}

def Kiln_Composite : OpInterface<"Composite"> {
  let cppNamespace = "::kiln::ir";
  let description = "Opens into simpler ops (softmax, layer_norm, gelu …).";
  let methods = [
    InterfaceMethod<"the results, built of simpler ops", "::llvm::SmallVector<::mlir::Value>", "decompose",
                    (ins "::mlir::OpBuilder&":$builder)>,
  ];
}

def Kiln_ScalarExpandable : OpInterface<"ScalarExpandable"> {
  let cppNamespace = "::kiln::ir";
  let description = [{
    The op on one element, in arith and math. `operands` are scalars or vectors of the element types; the result has
    the same rank of vector as they have.
  }];
  let methods = [
    InterfaceMethod<"result element(s)", "::mlir::Value", "expandScalar",
                    (ins "::mlir::OpBuilder&":$builder, "::mlir::ValueRange":$operands)>,
    InterfaceMethod<"floating-point operations per element, for the cost model", "int64_t", "flopsPerElement",
                    (ins), [{}], [{ return 1; }]>,
  ];
}

def Kiln_IndexExpandable : OpInterface<"IndexExpandable"> {
  let cppNamespace = "::kiln::ir";
  let description = [{
    An op whose element is computed from its row-major index in the result, not read (iota, random bits).
    `index` is the i64 linear index: a scalar, or a vector of consecutive or equal indices. `scalars` are its
    operands' elements (i64 for a random state: seed, offset).
  }];
  let methods = [
    InterfaceMethod<"result element(s)", "::mlir::Value", "expandIndex",
                    (ins "::mlir::OpBuilder&":$builder, "::mlir::Value":$index, "::mlir::ValueRange":$scalars)>,
    InterfaceMethod<[{
      The 64 elements from `first` (i64, a multiple of 64) as vectors of `lanes`, in order, where that is cheaper than
      one by one; else empty.
    }], "::llvm::SmallVector<::mlir::Value>", "expandGroup",
                    (ins "::mlir::OpBuilder&":$builder, "::mlir::Value":$first, "int64_t":$lanes,
                         "::mlir::ValueRange":$scalars), [{}], [{ return {}; }]>,
  ];
}

def Kiln_IndexedUpdate : OpInterface<"IndexedUpdate"> {
  let cppNamespace = "::kiln::ir";
  let description = [{
    Writes or adds `update` into `x` at `indices` along a dimension, in index order. Operands: x, indices, update.
  }];
  let methods = [
    InterfaceMethod<"the dimension", "int64_t", "updatedDim">,
    InterfaceMethod<"whether indices have the update's shape; else an index moves a whole slice", "bool", "byElement">,
    InterfaceMethod<"whether elements are replaced; else added to", "bool", "replaces">,
  ];
}

def Kiln_Reduction : OpInterface<"Reduction"> {
  let cppNamespace = "::kiln::ir";
  let methods = [
    InterfaceMethod<"reduced dimensions", "::llvm::ArrayRef<int64_t>", "reducedDims">,
    InterfaceMethod<"neutral element", "::mlir::TypedAttr", "neutral">,
    InterfaceMethod<"combine two elements (scalars or vectors)", "::mlir::Value", "combine",
                    (ins "::mlir::OpBuilder&":$builder, "::mlir::Value":$a, "::mlir::Value":$b)>,
  ];
}

#endif // KILN_INTERFACES
