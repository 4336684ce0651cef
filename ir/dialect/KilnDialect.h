// The kiln dialect, and the conversions between its types and attributes and the std-only records'.
#pragma once

#include "kiln/ir/program.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include <optional>

#include "kiln/dialect/KilnDialect.h.inc"

namespace kiln::ir {

/// i1 for Bool, ui8 for UInt8.
mlir::Type elementType(mlir::MLIRContext* context, DType dtype);
/// nullopt for a type that no kiln tensor holds.
std::optional<DType> dtypeOf(mlir::Type elementType);

/// Shape::kDynamic becomes `?` and back.
mlir::RankedTensorType toMLIR(mlir::MLIRContext* context, const TensorType& type);
/// `type` must be a ranked tensor of a kiln element type.
TensorType toRecord(mlir::Type type);

mlir::Attribute toMLIR(mlir::MLIRContext* context, const Attr& attr);
/// nullopt for attributes that records do not have (such as the dictionary that a layout pass adds).
std::optional<Attr> toRecord(mlir::Attribute attr);
/// All attributes of the op that records have, sorted by name.
std::vector<NamedAttr> recordAttrs(mlir::Operation* op);

} // namespace kiln::ir
