// Composed functions that put elements elsewhere: joining, turning, diagonals, and lists of places.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/composed.h"
#include "ops/from_host.h"

#include <cstdlib>

namespace kiln {

using namespace internal;

namespace {

/// A table [rows, columns] from its rows one after another, as `options` say.
Tensor table(const std::vector<std::int64_t>& values, std::int64_t rows, std::int64_t columns,
             DType dtype = kInt64) {
  return table_from_host({rows, columns}, dtype,
                         [&](std::int64_t i) { return values[static_cast<std::size_t>(i)]; });
}

template <class Inside>
Tensor triangle_indices(const char* op, std::int64_t rows, std::int64_t columns, DType dtype, Inside inside) {
  if (rows < 0 || columns < 0)
    fail(std::string(op) + ": sizes must be non-negative, got " + std::to_string(rows) + " and " +
         std::to_string(columns));
  std::vector<std::int64_t> values, second;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      if (inside(j - i)) values.push_back(i), second.push_back(j);
  const auto count = static_cast<std::int64_t>(second.size());
  values.insert(values.end(), second.begin(), second.end());
  return table(values, 2, count, dtype);
}

} // namespace

Tensor moveaxis(const Tensor& x, IntArrayRef source, IntArrayRef destination) {
  return movedim(x, source, destination);
}
Tensor concatenate(const TensorList& tensors, std::int64_t dim) {
  return cat(tensors, dim);
}
Tensor row_stack(const TensorList& tensors) {
  return vstack(tensors);
}
Tensor argwhere(const Tensor& x) {
  return nonzero(x);
}

Tensor atleast_1d(const Tensor& x) {
  return rank_of(x, "atleast_1d") == 0 ? x.reshape({1}) : x;
}
Tensor atleast_2d(const Tensor& x) {
  return rank_of(x, "atleast_2d") < 2 ? x.reshape({1, -1}) : x;
}
Tensor atleast_3d(const Tensor& x) {
  return rank_of(x, "atleast_3d") < 3 ? atleast_2d(x).unsqueeze(-1) : x;
}
Tensor column_stack(const TensorList& tensors) {
  TensorList columns;
  for (const Tensor& x : tensors)
    columns.push_back(rank_of(x, "column_stack") < 2 ? x.reshape({-1, 1}) : x);
  return cat(columns, 1);
}
Tensor dstack(const TensorList& tensors) {
  TensorList deep;
  for (const Tensor& x : tensors)
    deep.push_back(atleast_3d(x));
  return cat(deep, 2);
}
Tensor fliplr(const Tensor& x) {
  if (rank_of(x, "fliplr") < 2) fail("fliplr: Input must be >= 2-d.");
  return x.flip(1);
}
Tensor flipud(const Tensor& x) {
  if (rank_of(x, "flipud") < 1) fail("flipud: Input must be >= 1-d.");
  return x.flip(0);
}
Tensor rot90(const Tensor& x, std::int64_t k, IntArrayRef dims) {
  if (dims.size() != 2)
    fail("rot90: expected total rotation dims == 2, but got " + std::to_string(dims.size()));
  const auto rank = static_cast<std::size_t>(rank_of(x, "rot90"));
  const std::int64_t from = wrap_dim(dims[0], rank, "rot90"), to = wrap_dim(dims[1], rank, "rot90");
  if (from == to)
    fail("rot90: expected rotation dims to be different, but got dim0 = " + std::to_string(dims[0]) +
         " and dim1 = " + std::to_string(dims[1]));
  switch ((k % 4 + 4) % 4) {
  case 1:
    return x.flip(to).transpose(from, to);
  case 2:
    return x.flip({from, to});
  case 3:
    return x.flip(from).transpose(from, to);
  default:
    return x.clone();
  }
}

Tensor diag_embed(const Tensor& x, std::int64_t offset, std::int64_t dim1, std::int64_t dim2) {
  const std::int64_t rank = rank_of(x, "diag_embed");
  if (rank == 0) fail("diag_embed: a tensor of no dimensions has no diagonal");
  const std::int64_t row = wrap_dim(dim1, static_cast<std::size_t>(rank + 1), "diag_embed"),
                     column = wrap_dim(dim2, static_cast<std::size_t>(rank + 1), "diag_embed");
  if (row == column)
    fail("diag_embed: diagonal dimensions cannot be identical " + std::to_string(dim1) + ", " +
         std::to_string(dim2));
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() += std::abs(offset);
  sizes.push_back(sizes.back());
  const Tensor matrices = zeros(sizes, x.dtype());
  matrices.diagonal(offset, -2, -1).copy_(x);
  return matrices.movedim({-2, -1}, {row, column});
}
Tensor diagflat(const Tensor& x, std::int64_t offset) {
  return diag_embed(x.flatten(), offset);
}
Tensor block_diag(const TensorList& tensors) {
  if (tensors.empty()) fail("block_diag: expected a non-empty list of Tensors");
  std::int64_t columns = 0;
  for (const Tensor& x : tensors) {
    if (rank_of(x, "block_diag") > 2)
      fail("block_diag: Input tensors must have 2 or fewer dimensions, got " + std::to_string(x.dim()));
    columns += atleast_2d(x).size(1);
  }
  TensorList rows;
  std::int64_t before = 0;
  for (const Tensor& x : tensors) {
    const Tensor block = atleast_2d(x);
    TensorList row;
    if (before > 0) row.push_back(zeros({block.size(0), before}, block.dtype()));
    row.push_back(block);
    before += block.size(1);
    if (before < columns) row.push_back(zeros({block.size(0), columns - before}, block.dtype()));
    rows.push_back(cat(row, 1));
  }
  return cat(rows, 0);
}
Tensor cartesian_prod(const TensorList& tensors) {
  for (const Tensor& x : tensors)
    if (rank_of(x, "cartesian_prod") != 1)
      fail("cartesian_prod: Expect a 1D vector, but got shape " + sizes_of(x));
  if (tensors.empty()) fail("cartesian_prod: expected a non-empty list of Tensors");
  if (tensors.size() == 1) return tensors[0];
  TensorList columns;
  for (const Tensor& grid : meshgrid(tensors))
    columns.push_back(grid.flatten());
  return stack(columns, 1);
}
Tensor combinations(const Tensor& x, std::int64_t r, bool with_replacement) {
  if (rank_of(x, "combinations") != 1) fail("combinations: Expect a 1D vector, but got shape " + sizes_of(x));
  if (r < 0) fail("combinations: Expect a non-negative number, but got " + std::to_string(r));
  if (r == 0) return empty({0}, x.dtype());
  const std::int64_t n = x.size(0), step = with_replacement ? 0 : 1;
  std::vector<std::int64_t> places, choice;
  std::int64_t rows = 0;
  for (std::int64_t next = 0;;) { // `choice` grows by `next`, which its last element gives way to in the end
    if (static_cast<std::int64_t>(choice.size()) == r) {
      places.insert(places.end(), choice.begin(), choice.end());
      ++rows;
      next = n;
    }
    if (next < n) {
      choice.push_back(next);
      next += step;
    } else if (choice.empty()) {
      break;
    } else {
      next = choice.back() + 1;
      choice.pop_back();
    }
  }
  return x.index_select(0, table(places, rows, r).flatten()).reshape({rows, r});
}
Tensor tril_indices(std::int64_t row, std::int64_t col, std::int64_t offset, const TensorOptions& options) {
  return triangle_indices("tril_indices", row, col, options.has_dtype() ? options.dtype() : kInt64,
                          [&](std::int64_t distance) { return distance <= offset; });
}
Tensor triu_indices(std::int64_t row, std::int64_t col, std::int64_t offset, const TensorOptions& options) {
  return triangle_indices("triu_indices", row, col, options.has_dtype() ? options.dtype() : kInt64,
                          [&](std::int64_t distance) { return distance >= offset; });
}
Tensor diff(const Tensor& x, std::int64_t n, std::int64_t dim, const std::optional<Tensor>& prepend,
            const std::optional<Tensor>& append) {
  if (rank_of(x, "diff") == 0) fail("diff: expects input to be at least one-dimensional");
  if (n < 0) fail("diff: order must be non-negative but got " + std::to_string(n));
  TensorList parts;
  if (prepend) parts.push_back(*prepend);
  parts.push_back(x);
  if (append) parts.push_back(*append);
  Tensor result = parts.size() == 1 ? x : cat(parts, dim);
  for (; n > 0 && result.size(dim) > 0; --n) {
    const std::int64_t size = result.size(dim) - 1;
    const Tensor after = result.narrow(dim, 1, size), before = result.narrow(dim, 0, size);
    result = result.dtype() == kBool ? logical_xor(after, before) : after - before;
  }
  return result;
}

} // namespace kiln
