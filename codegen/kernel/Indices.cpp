// See Indices.h.
#include "kernel/Indices.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace kiln::codegen {

Shape shapeOf(Value value) {
  return Shape(cast<RankedTensorType>(value.getType()).getShape());
}

std::int64_t product(ArrayRef<std::int64_t> sizes) {
  std::int64_t result = 1;
  for (std::int64_t size : sizes)
    result *= size;
  return result;
}

Index zeroIndex(ArrayRef<Dim> domain) {
  return Index{0, llvm::SmallVector<std::int64_t, 4>(domain.size(), 0), {}};
}

void addScaled(Index& sum, const Index& index, std::int64_t scale) {
  sum.offset += index.offset * scale;
  for (auto [to, from] : llvm::zip_equal(sum.strides, index.strides))
    to += from * scale;
  for (const IndexTerm& term : index.terms)
    sum.terms.push_back({term.index, term.stride * scale, term.size});
}

Index linearIndex(ArrayRef<Dim> domain, ArrayRef<std::int64_t> shape, ArrayRef<Index> indices) {
  Index sum = zeroIndex(domain);
  std::int64_t stride = 1;
  for (auto [size, index] : llvm::reverse(llvm::zip_equal(shape, indices))) {
    addScaled(sum, index, stride);
    stride *= ShapedType::isDynamic(size) ? 1 : size;
  }
  return sum;
}

FailureOr<Indices> splitIndex(ArrayRef<Dim> domain, Index element, ArrayRef<std::int64_t> shape) {
  Indices result(shape.size(), zeroIndex(domain));
  if (llvm::is_contained(shape, 0)) return result; // no element is ever asked for
  for (std::size_t k = shape.size(); k-- > 0;) {
    std::int64_t size = shape[k];
    if (size == 1) continue;
    if (k == 0 || ShapedType::isDynamic(size) || product(shape.take_front(k)) == 1) {
      result[k] = element;
      return result;
    }
    // Parts that are multiples of `size` belong to the dimensions further left; the others must stay below
    // it.
    Index inner = zeroIndex(domain), outer = zeroIndex(domain);
    inner.offset = element.offset % size;
    outer.offset = element.offset / size;
    std::int64_t largest = inner.offset;
    for (auto [d, stride] : llvm::enumerate(element.strides)) {
      if (stride % size == 0) {
        outer.strides[d] = stride / size;
      } else {
        inner.strides[d] = stride;
        largest += stride * (domain[d].size - 1);
      }
    }
    for (const IndexTerm& term : element.terms) {
      if (term.stride % size == 0) {
        outer.terms.push_back({term.index, term.stride / size, term.size});
      } else {
        inner.terms.push_back(term);
        largest += term.stride * (term.size - 1);
      }
    }
    if (largest >= size) return failure();
    result[k] = inner;
    element = outer;
  }
  return result;
}

Index domainElement(ArrayRef<Dim> domain, bool kept, bool reduced) {
  Index sum = zeroIndex(domain);
  std::int64_t stride = 1;
  for (std::size_t d = domain.size(); d-- > 0;) {
    if (!(domain[d].reduced ? reduced : kept)) continue;
    sum.strides[d] = stride;
    stride *= domain[d].size;
  }
  return sum;
}

} // namespace kiln::codegen
