// Tensors of others' elements in another order or number: joining, repeating, turning round, triangles.
// Copies, not views.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"

#include <algorithm>

namespace kiln {

using namespace internal;

namespace {

// Index of each element along a dimension, shaped to broadcast against a tensor of `rank` dimensions.
Tensor places(std::int64_t size, std::int64_t dim, std::int64_t rank) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(rank), 1);
  shape[static_cast<std::size_t>(dim)] = size;
  return apply("iota", std::span<const Tensor>{},
               {{"dim", dim}, {"dtype", std::string("i64")}, {"shape", shape}});
}

Tensor triangle(const Tensor& x, std::int64_t diagonal, bool lower, const char* op) {
  const std::int64_t rank = static_cast<std::int64_t>(rank_of(x, op));
  if (rank < 2) fail(std::string(op) + ": input tensor must have at least 2 dimensions");
  const Tensor row = places(x.size(-2), rank - 2, rank), column = places(x.size(-1), rank - 1, rank);
  const Tensor distance = sub(column, row);
  return where(lower ? le(distance, diagonal) : ge(distance, diagonal), x,
               Scalar(x.dtype() == kBool ? Scalar(false) : Scalar(0)));
}

} // namespace

// Tensors of shape [0] are left out, as ATen has it for historical reasons.
Tensor cat(const TensorList& tensors, std::int64_t dim) {
  if (tensors.empty()) fail("cat: expected a non-empty list of Tensors");
  DType dtype = checked(tensors[0], "cat").type.dtype;
  for (const Tensor& x : tensors)
    dtype = promote(dtype, checked(x, "cat").type.dtype);
  TensorList operands;
  for (const Tensor& x : tensors) {
    if (x.dim() == 0) fail("cat: zero-dimensional tensor cannot be concatenated");
    if (x.dim() != 1 || x.size(0) != 0) operands.push_back(x.to(dtype));
  }
  if (operands.empty()) return tensors[0].to(dtype).clone();
  return apply("concat", operands, {{"dim", wrap_dim(dim, rank_of(operands[0], "cat"), "cat")}}, "cat");
}
Tensor concat(const TensorList& tensors, std::int64_t dim) {
  return cat(tensors, dim);
}
Tensor stack(const TensorList& tensors, std::int64_t dim) {
  if (tensors.empty()) fail("stack: expects a non-empty TensorList");
  TensorList operands;
  for (const Tensor& x : tensors) {
    if (shape_of(x, "stack") != shape_of(tensors[0], "stack"))
      fail("stack: stack expects each tensor to be equal size, but got " +
           to_string(shape_of(tensors[0], "stack")) + " at entry 0 and " + to_string(shape_of(x, "stack")) +
           " at entry " + std::to_string(&x - tensors.data()));
    operands.push_back(x.unsqueeze(dim));
  }
  return cat(operands, wrap_dim(dim, rank_of(tensors[0], "stack") + 1, "stack"));
}
Tensor hstack(const TensorList& tensors) {
  TensorList operands;
  for (const Tensor& x : tensors)
    operands.push_back(rank_of(x, "hstack") == 0 ? x.reshape({1}) : x);
  return cat(operands, operands.empty() || operands[0].dim() == 1 ? 0 : 1);
}
Tensor vstack(const TensorList& tensors) {
  TensorList operands;
  for (const Tensor& x : tensors)
    operands.push_back(rank_of(x, "vstack") < 2 ? x.reshape({1, -1}) : x);
  return cat(operands, 0);
}
std::vector<Tensor> meshgrid(const TensorList& tensors, std::string_view indexing) {
  if (indexing != "ij" && indexing != "xy")
    fail("meshgrid: indexing must be one of \"xy\" or \"ij\", but received: " + std::string(indexing));
  const bool swaps = indexing == "xy" && tensors.size() >= 2;
  std::vector<std::int64_t> shape;
  for (const Tensor& x : tensors)
    shape.push_back(shape_of(x, "meshgrid").numel());
  if (swaps) std::swap(shape[0], shape[1]);
  std::vector<Tensor> grids;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    std::vector<std::int64_t> own(tensors.size(), 1);
    own[swaps && i < 2 ? 1 - i : i] = tensors[i].numel();
    grids.push_back(tensors[i].reshape(own).expand(shape));
  }
  return grids;
}
std::vector<Tensor> broadcast_tensors(const TensorList& tensors) {
  std::vector<Tensor> results;
  Shape shape;
  for (const Tensor& x : tensors) {
    const auto both = ir::broadcast_shapes(shape, shape_of(x, "broadcast_tensors"));
    if (!both) fail("broadcast_tensors: shapes do not broadcast");
    shape = *both;
  }
  for (const Tensor& x : tensors)
    results.push_back(x.expand(shape));
  return results;
}

Tensor Tensor::repeat(IntArrayRef repeats) const {
  const Shape& shape = shape_of(*this, "repeat");
  if (repeats.size() < shape.rank())
    fail(
        "repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
  // [a, b] -> [1, a, 1, b] -> [n, a, m, b] -> [n a, m b]
  std::vector<std::int64_t> apart, spread, joined;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    const std::size_t missing = repeats.size() - shape.rank();
    const std::int64_t size = i < missing ? 1 : shape[i - missing];
    if (repeats[i] < 0) fail("repeat: Trying to create tensor with negative dimension");
    joined.push_back(size * repeats[i]);
    if (repeats[i] != 1) apart.push_back(1), spread.push_back(repeats[i]);
    if (size != 1) apart.push_back(size), spread.push_back(size);
  }
  return apply("reshape", {reshape(apart).expand(spread)}, {{"shape", joined}});
}
Tensor Tensor::tile(IntArrayRef repeats) const {
  std::vector<std::int64_t> all = repeats.vec();
  while (all.size() < rank_of(*this, "tile"))
    all.insert(all.begin(), 1);
  return repeat(all);
}
Tensor tile(const Tensor& x, IntArrayRef repeats) {
  return x.tile(repeats);
}
Tensor Tensor::repeat_interleave(std::int64_t repeats, std::optional<std::int64_t> dim) const {
  if (repeats < 0) fail("repeat_interleave: repeats must be non-negative");
  if (!dim) return flatten().repeat_interleave(repeats, 0);
  const std::size_t rank = rank_of(*this, "repeat_interleave");
  if (rank == 0)
    fail("repeat_interleave: Dimension specified as " + std::to_string(*dim) +
         " but tensor has no dimensions");
  const std::int64_t at = wrap_dim(*dim, rank, "repeat_interleave");
  std::vector<std::int64_t> spread = sizes().vec(), joined = spread;
  spread.insert(spread.begin() + at + 1, repeats);
  joined[static_cast<std::size_t>(at)] *= repeats;
  return apply("reshape", {unsqueeze(at + 1).expand(spread)}, {{"shape", joined}});
}
Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, std::optional<std::int64_t> dim) {
  return x.repeat_interleave(repeats, dim);
}

Tensor flip(const Tensor& x, IntArrayRef dims) {
  const std::size_t rank = rank_of(x, "flip");
  std::vector<std::int64_t> seen;
  Tensor result = x;
  for (std::int64_t d : dims) {
    const std::int64_t at = wrap_dim(d, rank, "flip");
    if (std::find(seen.begin(), seen.end(), at) != seen.end())
      fail("flip: dim " + std::to_string(at) + " appears multiple times in the list of dims");
    seen.push_back(at);
    if (rank == 0) continue;
    const Tensor backwards = apply_binary("sub", Scalar(x.size(at) - 1), places(x.size(at), 0, 1));
    if (x.size(at) > 1) result = apply("take", {result, backwards}, {{"dim", at}});
  }
  return result.is_same(x) ? x.clone() : result;
}
Tensor roll(const Tensor& x, IntArrayRef shifts, IntArrayRef dims) {
  if (dims.empty() && shifts.size() == 1) return roll(x.flatten(), shifts, 0).reshape(x.sizes());
  if (shifts.size() != dims.size() || shifts.empty())
    fail("roll: shifts and dimensions must align. shifts: " + std::to_string(shifts.size()) +
         ", dims:" + std::to_string(dims.size()));
  Tensor result = x;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::int64_t size = x.size(dims[i]);
    const std::int64_t by = size ? ((shifts[i] % size) + size) % size : 0;
    if (by) result = cat({result.slice(dims[i], size - by), result.slice(dims[i], 0, size - by)}, dims[i]);
  }
  return result.is_same(x) ? x.clone() : result;
}
Tensor tril(const Tensor& x, std::int64_t diagonal) {
  return triangle(x, diagonal, true, "tril");
}
Tensor triu(const Tensor& x, std::int64_t diagonal) {
  return triangle(x, diagonal, false, "triu");
}
Tensor Tensor::flip(IntArrayRef dims) const {
  return kiln::flip(*this, dims);
}
Tensor Tensor::roll(IntArrayRef shifts, IntArrayRef dims) const {
  return kiln::roll(*this, shifts, dims);
}
Tensor Tensor::tril(std::int64_t diagonal) const {
  return kiln::tril(*this, diagonal);
}
Tensor Tensor::triu(std::int64_t diagonal) const {
  return kiln::triu(*this, diagonal);
}

// The elements of a matrix at (i, i + offset) are those of its rows laid end to end, one every columns + 1.
Tensor diagonal(const Tensor& x, std::int64_t offset, std::int64_t dim1, std::int64_t dim2) {
  const std::size_t rank = rank_of(x, "diagonal");
  const std::int64_t first = wrap_dim(dim1, rank, "diagonal"), second = wrap_dim(dim2, rank, "diagonal");
  if (first == second) fail("diagonal: diagonal dimensions cannot be identical " + std::to_string(dim1));
  const Tensor moved = x.movedim({first, second}, {-2, -1});
  const std::int64_t rows = moved.size(-2), columns = moved.size(-1);
  const std::int64_t start = offset >= 0 ? offset : -offset * columns;
  const std::int64_t count = std::max<std::int64_t>(0, offset >= 0 ? std::min(rows, columns - offset)
                                                                   : std::min(rows + offset, columns));
  const Tensor flat = moved.flatten(-2, -1);
  if (count == 0) return flat.slice(-1, 0, 0);
  return flat.slice(-1, start, start + (count - 1) * (columns + 1) + 1, columns + 1);
}
Tensor diag(const Tensor& x, std::int64_t diagonal) {
  const std::size_t rank = rank_of(x, "diag");
  if (rank == 2) return kiln::diagonal(x, diagonal);
  if (rank != 1) fail("diag: Supports 1D or 2D tensors. Got " + std::to_string(rank) + "D");
  const std::int64_t n = x.size(0), away = diagonal < 0 ? -diagonal : diagonal;
  const Tensor matrix = zeros({n + away, n + away}, x.dtype());
  const std::int64_t start = diagonal >= 0 ? diagonal : away * (n + away);
  if (n > 0) matrix.flatten().slice(0, start, start + (n - 1) * (n + away + 1) + 1, n + away + 1).copy_(x);
  return matrix;
}
Tensor Tensor::diagonal(std::int64_t offset, std::int64_t dim1, std::int64_t dim2) const {
  return kiln::diagonal(*this, offset, dim1, dim2);
}
Tensor Tensor::diag(std::int64_t diagonal) const {
  return kiln::diag(*this, diagonal);
}
Tensor Tensor::unfold(std::int64_t dim, std::int64_t size, std::int64_t step) const {
  const std::int64_t at = wrap_dim(dim, rank_of(*this, "unfold"), "unfold"), length = this->size(at);
  if (size > length)
    fail("unfold: maximum size for tensor at dimension " + std::to_string(at) + " is " +
         std::to_string(length) + " but size is " + std::to_string(size));
  if (step <= 0) fail("unfold: step is " + std::to_string(step) + " but must be > 0");
  const std::int64_t count = (length - size) / step + 1;
  const Tensor index = places(count, 0, 2) * step + places(size, 1, 2); // [count, size]
  return apply("take", {*this, index}, {{"dim", at}}).movedim(at + 1, -1);
}

} // namespace kiln
