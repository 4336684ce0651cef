// index() and index_put_(): integers, slices, None and ellipsis make a view; tensors then read or write it at
// their positions. A boolean tensor stands for the places where it holds.
#include "core/apply.h"
#include "core/index_check.h"
#include "core/shapes.h"
#include "kiln/internal/capture.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"
#include "kiln/warning.h"
#include "ops/assign.h"

#include <algorithm>
#include <cstring>
#include <ostream>

namespace kiln {

using namespace internal;

TensorIndex::TensorIndex(const char* dots) : kind_(Kind::Ellipsis) {
  if (std::strcmp(dots, "...") != 0)
    fail(std::string("index: Expected \"...\" to represent an ellipsis index, but got \"") + dots + "\"");
}
Slice::Slice(std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
             std::optional<std::int64_t> step)
    : step_(step.value_or(1)), start_(start.value_or(step_ < 0 ? INDEX_MAX : 0)),
      stop_(stop.value_or(step_ < 0 ? INDEX_MIN : INDEX_MAX)) {}

std::ostream& operator<<(std::ostream& out, const Slice& slice) {
  return out << slice.start() << ":" << slice.stop() << ":" << slice.step();
}
std::ostream& operator<<(std::ostream& out, const TensorIndex& index) {
  switch (index.kind()) {
  case TensorIndex::Kind::None:
    return out << "None";
  case TensorIndex::Kind::Ellipsis:
    return out << "...";
  case TensorIndex::Kind::Integer:
    return out << index.integer();
  case TensorIndex::Kind::Boolean:
    return out << (index.boolean() ? "true" : "false");
  case TensorIndex::Kind::Slice:
    return out << index.slice();
  case TensorIndex::Kind::Tensor:
    return out << index.tensor();
  }
  return out;
}
std::ostream& operator<<(std::ostream& out, const std::vector<TensorIndex>& indices) {
  out << "(";
  for (std::size_t i = 0; i < indices.size(); ++i)
    out << (i ? ", " : "") << indices[i];
  return out << ")";
}

namespace {

using Tensors = std::vector<std::optional<Tensor>>; ///< by dimension of what is indexed; none: all of it

bool is_mask(const Tensor& x) {
  const DType dtype = checked(x, "index").type.dtype;
  return dtype == kBool || dtype == kUInt8;
}

std::size_t dims_of(const TensorIndex& index) {
  switch (index.kind()) {
  case TensorIndex::Kind::Integer:
  case TensorIndex::Kind::Slice:
    return 1;
  case TensorIndex::Kind::Tensor: // a mask stands for as many dimensions as it has
    return is_mask(index.tensor()) ? static_cast<std::size_t>(index.tensor().dim()) : 1;
  default:
    return 0;
  }
}

// The view that integers, slices, None and ellipsis make, and the tensors that index it.
std::pair<Tensor, Tensors> split_index(const Tensor& x, std::span<const TensorIndex> indices,
                                       const std::string& method) {
  if (indices.empty())
    fail(method + ": Passing an empty index list to Tensor::" + method + "() is not valid syntax");
  std::size_t consumed = 0;
  for (const TensorIndex& index : indices)
    consumed += dims_of(index);
  if (x.defined() && x.dim() == 0 && indices.front().is_integer())
    fail("index: invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
         "to convert "
         "a 0-dim tensor to a number");
  if (consumed > rank_of(x, "index"))
    fail("index: too many indices for tensor of dimension " + std::to_string(x.dim()));
  Tensor view = x;
  Tensors tensors;
  std::int64_t dim = 0, source = 0; // of the view, and of x
  auto pass = [&](std::int64_t dims) {
    dim += dims;
    tensors.resize(static_cast<std::size_t>(dim));
  };
  auto at_tensor = [&](const Tensor& tensor) {
    const bool mask = is_mask(tensor);
    if (mask && tensor.dim() == 0) view = view.unsqueeze(dim);
    tensors.push_back(mask && tensor.dim() == 0 ? tensor.reshape({1}) : tensor);
    dim += mask ? std::max<std::int64_t>(tensor.dim(), 1) : 1;
    tensors.resize(static_cast<std::size_t>(dim)); // of a mask: the dimensions behind its first
  };
  for (const TensorIndex& index : indices) {
    const auto own = index.is_ellipsis() ? x.dim() - static_cast<std::int64_t>(consumed)
                                         : static_cast<std::int64_t>(dims_of(index));
    switch (index.kind()) {
    case TensorIndex::Kind::None:
      view = view.unsqueeze(dim);
      pass(1);
      break;
    case TensorIndex::Kind::Ellipsis:
      pass(own);
      break;
    case TensorIndex::Kind::Integer:
      if (const std::int64_t size = view.size(dim); index.integer() < -size || index.integer() >= size)
        fail("index: index " + std::to_string(index.integer()) + " is out of bounds for dimension " +
             std::to_string(source) + " with size " + std::to_string(size));
      view = view.select(dim, index.integer());
      break;
    case TensorIndex::Kind::Boolean: // the one place, or none, of a new dimension
      view = view.unsqueeze(dim);
      at_tensor(zeros({index.boolean() ? 1 : 0}, kInt64));
      break;
    case TensorIndex::Kind::Slice: {
      const Slice& slice = index.slice();
      if (slice.start() != 0 || slice.stop() != INDEX_MAX || slice.step() != 1)
        view = view.slice(dim, slice.start(), slice.stop(), slice.step());
      pass(1);
      break;
    }
    case TensorIndex::Kind::Tensor:
      if (!is_mask(index.tensor()) && index.tensor().dim() == 0 && !is_floating(index.tensor().dtype()) &&
          !is_capturing()) // a number that happens to be in a tensor
        view = view.select(dim, index.tensor().item<std::int64_t>());
      else
        at_tensor(index.tensor());
      break;
    }
    source += own;
  }
  // A handle of its own even where all of x is meant.
  if (view.is_same(x)) view = x.view(x.sizes());
  return {view, std::move(tensors)};
}

bool indexes(const Tensors& tensors) {
  for (const auto& tensor : tensors)
    if (tensor && tensor->defined()) return true;
  return false;
}

// Masks become positions.
Tensors positions_of(const Tensor& x, const Tensors& given) {
  Tensors result;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto& tensor = given[i];
    if (!tensor || !tensor->defined()) {
      result.push_back(std::nullopt);
      continue;
    }
    if (tensor->dtype() != kBool && tensor->dtype() != kUInt8) {
      if (is_floating(tensor->dtype()))
        fail("index: tensors used as indices must be long, int, byte or bool tensors, got " +
             std::string(to_string(tensor->dtype())));
      result.push_back(tensor->to(kInt64));
      continue;
    }
    if (tensor->dtype() == kUInt8)
      warn("index: indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead");
    for (std::int64_t d = 0; d < tensor->dim(); ++d) {
      const auto at = static_cast<std::int64_t>(result.size()) + d;
      if (at >= x.dim() || tensor->size(d) != x.size(at))
        fail("index: The shape of the mask " + sizes_of(*tensor) + " at index " + std::to_string(d) +
             " does not match the shape of the indexed tensor " + sizes_of(x) + " at index " +
             std::to_string(at));
    }
    for (Tensor& column : nonzero_numpy(*tensor))
      result.push_back(std::move(column));
    i += static_cast<std::size_t>(std::max<std::int64_t>(tensor->dim(), 1)) - 1;
  }
  return result;
}

/// Positions into one dimension that stands for all that are indexed. `arranged` has them merged at `dim`.
struct Merged {
  std::vector<std::int64_t> permutation; ///< that brings the indexed dimensions together; empty: they are
  std::vector<std::int64_t> shape;       ///< then, with the indexed ones as one
  std::int64_t dim = 0;
  Tensor index; ///< i64, any shape
};

Merged merge(const Tensor& x, const Tensors& tensors) {
  Merged merged;
  std::vector<std::size_t> dims;
  TensorList list;
  for (std::size_t d = 0; d < tensors.size(); ++d)
    if (tensors[d]) dims.push_back(d), list.push_back(*tensors[d]);
  try {
    list = broadcast_tensors(list);
  } catch (const Error&) {
    std::string shapes;
    for (const Tensor& index : list)
      shapes += (shapes.empty() ? "" : ", ") + sizes_of(index);
    fail("index: shape mismatch: indexing tensors could not be broadcast together with shapes " + shapes);
  }
  std::int64_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    const std::int64_t size = x.size(static_cast<std::int64_t>(dims[i]));
    check_indices("index",
                  ("index is out of bounds for dimension " +
                   (size == 0 ? "" : std::to_string(dims[i]) + " ") + "with size " + std::to_string(size))
                      .c_str(),
                  list[i], {-size, size});
    Tensor places = where(lt(list[i], 0), add(list[i], size), list[i]);
    if (stride != 1) places = mul(places, stride);
    merged.index = merged.index.defined() ? add(merged.index, places) : places;
    stride *= size;
  }
  // Next to each other, the indexed dimensions stay where they are; else they come first.
  const bool adjacent = dims.back() - dims.front() + 1 == dims.size();
  merged.dim = adjacent ? static_cast<std::int64_t>(dims.front()) : 0;
  if (!adjacent) {
    for (std::size_t d : dims)
      merged.permutation.push_back(static_cast<std::int64_t>(d));
    for (std::int64_t d = 0; d < x.dim(); ++d)
      if (std::find(dims.begin(), dims.end(), static_cast<std::size_t>(d)) == dims.end())
        merged.permutation.push_back(d);
  }
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    const auto at = static_cast<std::size_t>(d);
    const std::int64_t size = x.size(adjacent ? d : merged.permutation[at]);
    if (d == merged.dim)
      merged.shape.push_back(stride);
    else if (d < merged.dim || d >= merged.dim + static_cast<std::int64_t>(dims.size()))
      merged.shape.push_back(size);
  }
  return merged;
}

Tensor arranged(const Tensor& x, const Merged& merged) {
  const Tensor ordered = merged.permutation.empty() ? x : x.permute(merged.permutation);
  return ordered.reshape(merged.shape);
}

std::vector<std::int64_t> inverse(const std::vector<std::int64_t>& permutation) {
  std::vector<std::int64_t> result(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i)
    result[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  return result;
}

Tensor read_at(const Tensor& x, const Tensors& given) {
  const Tensors tensors = positions_of(x, given);
  if (!indexes(tensors)) return x;
  const Merged merged = merge(x, tensors);
  return apply("take", {arranged(x, merged), merged.index}, {{"dim", merged.dim}});
}

// x with the values written (or added) at the positions.
Tensor written_at(const Tensor& x, const Tensors& given, const Tensor& value, bool accumulate) {
  // A mask of x's leading dimensions and one value: no need to know how many places hold.
  if (!accumulate && given.size() >= 1 && given[0] && given[0]->dtype() == kBool && value.numel() == 1) {
    bool alone = true;
    for (std::size_t i = 1; i < given.size(); ++i)
      alone &= !given[i];
    std::vector<std::int64_t> shape = given[0]->sizes().vec();
    if (alone && given[0]->dim() <= x.dim() && IntArrayRef(shape) == x.sizes().slice(0, shape.size())) {
      shape.resize(static_cast<std::size_t>(x.dim()), 1);
      return where(given[0]->reshape(shape), value.reshape({}), x);
    }
  }
  const Tensors tensors = positions_of(x, given);
  const Merged merged = merge(x, tensors);
  const Tensor base = arranged(x, merged);
  std::vector<std::int64_t> sizes = base.sizes().vec();
  const auto at = sizes.begin() + merged.dim;
  const IntArrayRef own = merged.index.sizes();
  sizes.insert(sizes.erase(at), own.begin(), own.end());
  Tensor update = value;
  for (std::int64_t extra = value.dim() - static_cast<std::int64_t>(sizes.size()); extra > 0; --extra)
    if (update.size(0) == 1) update = update.squeeze(0);
  const auto both = ir::broadcast_shapes(update.sizes().shape(), IntArrayRef(sizes).shape());
  if (!both || *both != IntArrayRef(sizes).shape())
    fail("index_put_: shape mismatch: value tensor of shape " + sizes_of(value) +
         " cannot be broadcast to indexing result of shape " + to_string(IntArrayRef(sizes).shape()));
  if (merged.index.numel() == 0) return x;
  const Tensor result = apply(accumulate ? "index_add" : "index_copy",
                              {base, merged.index, update.expand(sizes)}, {{"dim", merged.dim}});
  if (merged.permutation.empty()) return result.reshape(x.sizes());
  std::vector<std::int64_t> permuted;
  for (std::int64_t d : merged.permutation)
    permuted.push_back(x.size(d));
  return result.reshape(permuted).permute(inverse(merged.permutation));
}

Tensor get(const Tensor& x, std::span<const TensorIndex> indices) {
  const auto [view, tensors] = split_index(x, indices, "index");
  return indexes(tensors) ? read_at(view, tensors) : view;
}

Tensor& put(const Tensor& x, std::span<const TensorIndex> indices, const Tensor& value,
            bool accumulate = false) {
  const auto [view, tensors] = split_index(x, indices, "index_put_");
  if (indexes(tensors)) {
    assign(view, written_at(view, tensors, value.to(x.dtype()), accumulate), "index_put_");
    return const_cast<Tensor&>(x);
  }
  Tensor update = value;
  while (update.dim() > view.dim() && update.size(0) == 1)
    update = update.squeeze(0);
  if (accumulate)
    view.add_(update.to(x.dtype()));
  else
    view.copy_(update);
  return const_cast<Tensor&>(x);
}

} // namespace

Tensor index(const Tensor& x, const std::vector<std::optional<Tensor>>& indices) {
  if (indices.size() > rank_of(x, "index"))
    fail("index: too many indices for tensor of dimension " + std::to_string(x.dim()));
  return read_at(x, indices);
}
Tensor index_put(const Tensor& x, const std::vector<std::optional<Tensor>>& indices, const Tensor& values,
                 bool accumulate) {
  return written_at(x, indices, values.to(x.dtype()), accumulate);
}
Tensor& index_put_(const Tensor& x, const std::vector<std::optional<Tensor>>& indices, const Tensor& values,
                   bool accumulate) {
  return assign(x, index_put(x, indices, values, accumulate), "index_put_");
}

Tensor Tensor::index(std::initializer_list<TensorIndex> indices) const {
  return get(*this, {indices.begin(), indices.size()});
}
Tensor Tensor::index(const std::vector<TensorIndex>& indices) const {
  return get(*this, indices);
}
Tensor Tensor::operator[](const Tensor& index) const {
  return this->index({index});
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value,
                           bool accumulate) const {
  return put(*this, {indices.begin(), indices.size()}, value, accumulate);
}
Tensor& Tensor::index_put_(const std::vector<TensorIndex>& indices, const Tensor& value,
                           bool accumulate) const {
  return put(*this, indices, value, accumulate);
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, Scalar value) const {
  return put(*this, {indices.begin(), indices.size()}, scalar_operand(value, dtype()));
}
Tensor& Tensor::index_put_(const std::vector<TensorIndex>& indices, Scalar value) const {
  return put(*this, indices, scalar_operand(value, dtype()));
}

} // namespace kiln
