// Indices as affine functions of a domain's indices: what shape ops are to a kernel.
#pragma once

#include "kernel/KernelBody.h"

namespace kiln::codegen {

using Shape = llvm::SmallVector<std::int64_t, 4>;
/// An index is written as an Access too: offset + coefficients of the domain's dims + values read from
/// memory.
using Index = Access;
using Indices = llvm::SmallVector<Index, 4>;

Shape shapeOf(mlir::Value value);
std::int64_t product(llvm::ArrayRef<std::int64_t> sizes);

Index zeroIndex(llvm::ArrayRef<Dim> domain);
void addScaled(Index& sum, const Index& index, std::int64_t scale);
/// Row-major element number at `indices` of a value of this shape.
Index linearIndex(llvm::ArrayRef<Dim> domain, llvm::ArrayRef<std::int64_t> shape,
                  llvm::ArrayRef<Index> indices);
/// Indices of `shape` at row-major element `element`; fails when that is not affine.
mlir::FailureOr<Indices> splitIndex(llvm::ArrayRef<Dim> domain, Index element,
                                    llvm::ArrayRef<std::int64_t> shape);
/// Row-major number of the domain's point among the dimensions asked for.
Index domainElement(llvm::ArrayRef<Dim> domain, bool kept, bool reduced);

} // namespace kiln::codegen
