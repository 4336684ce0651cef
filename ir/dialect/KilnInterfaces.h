// Traits and interfaces of kiln ops: what passes and code generation ask instead of listing ops by name.
// The traits' meaning is told in KilnInterfaces.td.
#pragma once

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace kiln::ir {

/// Fails with an op error unless the op's result types are those of `infer` (ir/include/kiln/ir/infer.h).
mlir::LogicalResult verifyInferredTypes(mlir::Operation* op);

template <typename ConcreteOp>
struct InferredByRecord : mlir::OpTrait::TraitBase<ConcreteOp, InferredByRecord> {
  static mlir::LogicalResult verifyTrait(mlir::Operation* op) { return verifyInferredTypes(op); }
};
template <typename ConcreteOp>
struct ElementwiseTrait : mlir::OpTrait::TraitBase<ConcreteOp, ElementwiseTrait> {};
template <typename ConcreteOp> struct NoGradient : mlir::OpTrait::TraitBase<ConcreteOp, NoGradient> {};
template <typename ConcreteOp> struct Recomputable : mlir::OpTrait::TraitBase<ConcreteOp, Recomputable> {};
template <typename ConcreteOp> struct DataMovement : mlir::OpTrait::TraitBase<ConcreteOp, DataMovement> {};
template <typename ConcreteOp> struct IndirectRead : mlir::OpTrait::TraitBase<ConcreteOp, IndirectRead> {};
template <typename ConcreteOp> struct FilledInParts : mlir::OpTrait::TraitBase<ConcreteOp, FilledInParts> {};
template <typename ConcreteOp> struct StartsAsFirst : mlir::OpTrait::TraitBase<ConcreteOp, StartsAsFirst> {};
template <typename ConcreteOp>
struct ContractionTrait : mlir::OpTrait::TraitBase<ConcreteOp, ContractionTrait> {};

} // namespace kiln::ir

#include "kiln/dialect/KilnInterfaces.h.inc"
