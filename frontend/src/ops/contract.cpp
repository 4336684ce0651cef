// Matrix products, and reading at positions held in a tensor.
#include "core/apply.h"
#include "core/index_check.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"

namespace kiln {

using namespace internal;

namespace {

std::string both(const Tensor& x, const Tensor& y) {
  return to_string(x.sizes().shape()) + " x " + to_string(y.sizes().shape());
}

Tensor product(const Tensor& x, const Tensor& y) {
  return apply("matmul", {x, y}, {{"transpose_lhs", false}, {"transpose_rhs", false}});
}

Shape batch_of(const Tensor& x) {
  return Shape(x.sizes().shape().dims().first(static_cast<std::size_t>(x.dim() - 2)));
}

Tensor with_batch(const Tensor& x, const Shape& batch) {
  std::vector<std::int64_t> sizes(batch.begin(), batch.end());
  sizes.push_back(x.size(-2));
  sizes.push_back(x.size(-1));
  return x.sizes() == IntArrayRef(sizes) ? x : x.expand(sizes);
}

} // namespace

// 1-D operands are rows or columns; leading dimensions broadcast; a matrix on the right folds them into rows.
Tensor matmul(const Tensor& x, const Tensor& y) {
  checked(x, "matmul"), checked(y, "matmul");
  if (x.dim() == 0 || y.dim() == 0)
    fail("matmul: both arguments to matmul need to be at least 1D, but they are " + both(x, y));
  if (x.dtype() != y.dtype())
    fail("matmul: expected both tensors to have the same dtype, but got " + std::string(name(x.dtype())) +
         " and " + std::string(name(y.dtype())));
  if (x.dim() == 1 && y.dim() == 1) return matmul(x.unsqueeze(0), y.unsqueeze(1)).reshape({});
  if (x.dim() == 1) return matmul(x.unsqueeze(0), y).squeeze(-2);
  if (y.dim() == 1) return matmul(x, y.unsqueeze(1)).squeeze(-1);
  if (x.size(-1) != y.size(-2)) fail("matmul: inner dimensions differ: " + both(x, y));
  if (x.dim() == 2 && y.dim() == 2) return product(x, y);
  if (y.dim() == 2) {
    std::vector<std::int64_t> sizes = x.sizes().vec();
    sizes.back() = y.size(1);
    return product(x.reshape({-1, x.size(-1)}), y).reshape(sizes);
  }
  const auto batch = ir::broadcast_shapes(batch_of(x), batch_of(y));
  if (!batch) fail("matmul: batch dimensions do not broadcast: " + both(x, y));
  return product(with_batch(x, *batch), with_batch(y, *batch));
}
Tensor mm(const Tensor& x, const Tensor& y) {
  if (checked(x, "mm").type.shape.rank() != 2 || checked(y, "mm").type.shape.rank() != 2)
    fail("mm: both arguments must be matrices, but they are " + both(x, y));
  return matmul(x, y);
}
Tensor bmm(const Tensor& x, const Tensor& y) {
  if (checked(x, "bmm").type.shape.rank() != 3 || checked(y, "bmm").type.shape.rank() != 3)
    fail("bmm: batch1 and batch2 must be 3D tensors, but they are " + both(x, y));
  return matmul(x, y);
}
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Shape &in = checked(x, "linear").type.shape, &table = checked(weight, "linear").type.shape;
  if (in.rank() > 0 && table.rank() == 2 && in[in.rank() - 1] != table[1])
    fail("linear: got x " + to_string(in) + " for weight " + to_string(table) + ", wanted x [..., " +
         std::to_string(table[1]) + "]: mat1 and mat2 shapes cannot be multiplied (" +
         std::to_string(in.numel() / std::max<std::int64_t>(in[in.rank() - 1], 1)) + "x" +
         std::to_string(in[in.rank() - 1]) + " and " + std::to_string(table[1]) + "x" +
         std::to_string(table[0]) + ")");
  if (bias.defined()) return apply("linear", {x, weight, bias});
  return apply("linear", {x, weight});
}
Tensor Tensor::matmul(const Tensor& other) const {
  return kiln::matmul(*this, other);
}
Tensor Tensor::mm(const Tensor& other) const {
  return kiln::mm(*this, other);
}
Tensor Tensor::bmm(const Tensor& other) const {
  return kiln::bmm(*this, other);
}

Tensor embedding(const Tensor& weight, const Tensor& indices) {
  checked(weight, "embedding"), checked(indices, "embedding");
  const Tensor rows = indices.to(kInt64);
  if (weight.dim() > 0) check_indices("embedding", "index out of range in self", rows, weight.size(0));
  return apply("take", {weight, rows}, {{"dim", std::int64_t{0}}});
}
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index) {
  if (checked(index, "index_select").type.shape.rank() > 1)
    fail("index_select: Index is supposed to be a vector");
  const Tensor positions = index.dim() == 0 ? index.reshape({1}).to(kInt64) : index.to(kInt64);
  const std::int64_t at = wrap_dim(dim, checked(x, "index_select").type.shape.rank(), "index_select");
  check_indices("index_select", "index out of range in self", positions, x.size(at));
  return apply("take", {x, positions}, {{"dim", at}});
}
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index) {
  const std::int64_t at = wrap_dim(dim, checked(x, "gather").type.shape.rank(), "gather");
  const Tensor positions = index.to(kInt64);
  check_indices("gather", "index out of bounds", positions, x.size(at));
  return apply("gather", {x, positions}, {{"dim", at}});
}
Tensor Tensor::index_select(std::int64_t dim, const Tensor& index) const {
  return kiln::index_select(*this, dim, index);
}
Tensor Tensor::gather(std::int64_t dim, const Tensor& index) const {
  return kiln::gather(*this, dim, index);
}

Tensor one_hot(const Tensor& index, std::int64_t classes) {
  if (classes < 0) classes = index.max().item<std::int64_t>() + 1;
  return eq(index.unsqueeze(-1), arange(classes)).to(kInt64);
}

} // namespace kiln
