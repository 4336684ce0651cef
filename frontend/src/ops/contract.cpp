// Matrix products.
#include "core/apply.h"
#include "core/shapes.h"
#include "core/trace.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"

#include <algorithm>

namespace kiln {

using namespace internal;

namespace {

std::string both(const Tensor& x, const Tensor& y) {
  return sizes_of(x) + " x " + sizes_of(y);
}

bool swaps_last_two(const ViewOp& view) {
  if (view.op != "transpose") return false;
  const auto& permutation = ir::Attrs(view.op, view.attrs).integers("permutation");
  const auto rank = static_cast<std::int64_t>(permutation.size());
  for (std::int64_t dim = 0; dim < rank; ++dim)
    if (permutation[static_cast<std::size_t>(dim)] != (dim < rank - 2 ? dim : 2 * rank - 3 - dim))
      return false;
  return rank >= 2;
}

/// Whether x is a view that swaps the last two dimensions of another, which x then becomes: a product reads
/// it there, and need not write the transpose. (Not where that is written already. Under capture it is for
/// the passes.)
bool untranspose(Tensor& x) {
  const TensorImpl& impl = *x.impl();
  if (Trace::current() || impl.lens.empty() || !swaps_last_two(impl.lens.back())) return false;
  if (impl.cached.defined() && impl.cached_version == impl.storage->version) return false;
  auto behind = std::make_shared<TensorImpl>();
  behind->storage = impl.storage;
  behind->type = impl.lens.back().before;
  behind->lens.assign(impl.lens.begin(), impl.lens.end() - 1);
  x = Tensor(std::move(behind));
  return true;
}

// Whole numbers are multiplied and added up one by one, in eager mode by way of all m * k * n products.
Tensor product(Tensor x, Tensor y) {
  if (!is_floating(x.dtype()) && x.dtype() != kBool)
    return sum(mul(x.unsqueeze(-1), y.unsqueeze(-3)), -2).to(x.dtype());
  const bool transpose_x = untranspose(x), transpose_y = untranspose(y);
  return apply("matmul", {x, y}, {{"transpose_lhs", transpose_x}, {"transpose_rhs", transpose_y}});
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
  if (rank_of(x, "mm") != 2 || rank_of(y, "mm") != 2)
    fail("mm: both arguments must be matrices, but they are " + both(x, y));
  return matmul(x, y);
}
Tensor bmm(const Tensor& x, const Tensor& y) {
  if (rank_of(x, "bmm") != 3 || rank_of(y, "bmm") != 3)
    fail("bmm: batch1 and batch2 must be 3D tensors, but they are " + both(x, y));
  return matmul(x, y);
}
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Shape &in = shape_of(x, "linear"), &table = shape_of(weight, "linear");
  if (in.rank() > 0 && table.rank() == 2 && in[in.rank() - 1] != table[1])
    fail("linear: got x " + to_string(in) + " for weight " + to_string(table) + ", wanted x [..., " +
         std::to_string(table[1]) + "]: mat1 and mat2 shapes cannot be multiplied (" +
         std::to_string(in.numel() / std::max<std::int64_t>(in[in.rank() - 1], 1)) + "x" +
         std::to_string(in[in.rank() - 1]) + " and " + std::to_string(table[1]) + "x" +
         std::to_string(table[0]) + ")");
  if (bias.defined()) return apply("linear", {x, weight, bias});
  return apply("linear", {x, weight});
}
Tensor mv(const Tensor& matrix, const Tensor& vector) {
  if (rank_of(matrix, "mv") != 2 || rank_of(vector, "mv") != 1)
    fail("mv: vector + matrix @ vector expected, got " + std::to_string(matrix.dim()) + "D and " +
         std::to_string(vector.dim()) + "D");
  return matmul(matrix, vector);
}
Tensor dot(const Tensor& x, const Tensor& y) {
  if (rank_of(x, "dot") != 1 || rank_of(y, "dot") != 1)
    fail("dot: 1D tensors expected, but got " + std::to_string(x.dim()) + "D and " + std::to_string(y.dim()) +
         "D tensors");
  if (x.size(0) != y.size(0))
    fail("dot: inconsistent tensor size, expected tensor " + both(x, y) + " to agree");
  return sum(mul(x, y));
}
Tensor outer(const Tensor& x, const Tensor& y) {
  if (rank_of(x, "outer") != 1 || rank_of(y, "outer") != 1)
    fail("outer: Expected 1-D arguments, but got " + both(x, y));
  return mul(x.unsqueeze(1), y);
}
Tensor trace(const Tensor& x) {
  if (rank_of(x, "trace") != 2) fail("trace: expected a matrix");
  return sum(diagonal(x));
}

namespace {
// beta * x + alpha * product. With beta 0, x is not looked at: its NaN do not spread.
Tensor blend(const Tensor& x, const Tensor& product, Scalar beta, Scalar alpha) {
  const Tensor scaled = alpha.to<double>() == 1 ? product : mul(product, alpha);
  if (beta.to<double>() == 0) return scaled;
  return add(scaled, beta.to<double>() == 1 ? x : mul(x, beta));
}
} // namespace

Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  return blend(x, mm(a, b), beta, alpha);
}
Tensor addmv(const Tensor& x, const Tensor& matrix, const Tensor& vector, Scalar beta, Scalar alpha) {
  return blend(x, mv(matrix, vector), beta, alpha);
}
Tensor addr(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  return blend(x, outer(a, b), beta, alpha);
}
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  return blend(x, bmm(a, b), beta, alpha);
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
Tensor Tensor::mv(const Tensor& vector) const {
  return kiln::mv(*this, vector);
}
Tensor Tensor::dot(const Tensor& other) const {
  return kiln::dot(*this, other);
}
Tensor Tensor::outer(const Tensor& other) const {
  return kiln::outer(*this, other);
}
Tensor Tensor::trace() const {
  return kiln::trace(*this);
}
Tensor Tensor::addmm(const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) const {
  return kiln::addmm(*this, a, b, beta, alpha);
}
Tensor Tensor::addmv(const Tensor& matrix, const Tensor& vector, Scalar beta, Scalar alpha) const {
  return kiln::addmv(*this, matrix, vector, beta, alpha);
}
Tensor Tensor::baddbmm(const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) const {
  return kiln::baddbmm(*this, a, b, beta, alpha);
}

} // namespace kiln
