// Reductions, softmax, losses and norms.
#include "core/apply.h"
#include "kiln/ops.h"

#include <algorithm>
#include <cmath>

namespace kiln {

using namespace internal;

namespace {

// Sorted, non-negative; all of them when none are given.
std::vector<std::int64_t> reduced_dims(const Tensor& x, IntArrayRef dims, const char* op) {
  const std::size_t rank = checked(x, op).type.shape.rank();
  std::vector<std::int64_t> result;
  if (dims.empty())
    for (std::size_t i = 0; i < rank; ++i)
      result.push_back(static_cast<std::int64_t>(i));
  for (std::int64_t d : dims)
    if (rank > 0) result.push_back(wrap_dim(d, rank, op));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    fail(std::string(op) + ": a dimension appears more than once in the list of dims");
  return result;
}

Tensor reduce(const char* op, const Tensor& x, IntArrayRef dims, bool keepdim) {
  return apply(op, {x}, {{"dims", reduced_dims(x, dims, op)}, {"keepdim", keepdim}});
}

Tensor for_sum(const Tensor& x) {
  const DType dtype = checked(x, "sum").type.dtype;
  return is_floating(dtype) ? x : x.to(kInt64);
}
Tensor for_mean(const Tensor& x) {
  if (!is_floating(checked(x, "mean").type.dtype))
    fail("mean: could not infer output dtype. Input dtype must be floating point, got " +
         std::string(kiln::name(x.dtype())));
  return x;
}
std::int64_t row_dim(const Tensor& x, std::int64_t dim, const char* op) {
  return wrap_dim(dim, checked(x, op).type.shape.rank(), op);
}
Tensor floating(const Tensor& x, const char* op) {
  return is_floating(checked(x, op).type.dtype) ? x : x.to(kFloat32);
}

Tensor arg_reduce(const char* op, const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  if (dim) return apply(op, {x}, {{"dim", row_dim(x, *dim, op)}, {"keepdim", keepdim}});
  return apply(op, {x.flatten()}, {{"dim", std::int64_t{0}}, {"keepdim", false}});
}

} // namespace

Tensor sum(const Tensor& x) {
  return reduce("sum", for_sum(x), {}, false);
}
Tensor sum(const Tensor& x, IntArrayRef dims, bool keepdim) {
  return reduce("sum", for_sum(x), dims, keepdim);
}
Tensor mean(const Tensor& x) {
  return reduce("mean", for_mean(x), {}, false);
}
Tensor mean(const Tensor& x, IntArrayRef dims, bool keepdim) {
  return reduce("mean", for_mean(x), dims, keepdim);
}
Tensor amax(const Tensor& x, IntArrayRef dims, bool keepdim) {
  return reduce("max", x, dims, keepdim);
}
Tensor amin(const Tensor& x, IntArrayRef dims, bool keepdim) {
  return reduce("min", x, dims, keepdim);
}
Tensor max(const Tensor& x) {
  return reduce("max", x, {}, false);
}
Tensor min(const Tensor& x) {
  return reduce("min", x, {}, false);
}
std::tuple<Tensor, Tensor> max(const Tensor& x, std::int64_t dim, bool keepdim) {
  return x.max(dim, keepdim);
}
Tensor argmax(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  return arg_reduce("argmax", x, dim, keepdim);
}
Tensor argmin(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  return arg_reduce("argmin", x, dim, keepdim);
}
Tensor all(const Tensor& x) {
  return amin(x.to(kBool).to(kInt64), {}).to(kBool);
}
Tensor any(const Tensor& x) {
  return amax(x.to(kBool).to(kInt64), {}).to(kBool);
}

Tensor var(const Tensor& x, IntArrayRef dims, bool unbiased, bool keepdim) {
  const std::vector<std::int64_t> reduced = reduced_dims(x, dims, "var");
  std::int64_t count = 1;
  for (std::int64_t d : reduced)
    count *= x.size(d);
  const Tensor centred = x - mean(x, reduced, true);
  return sum(centred * centred, reduced, keepdim) /
         static_cast<double>(std::max<std::int64_t>(count - unbiased, 0));
}

Tensor Tensor::sum(std::optional<DType> dtype) const {
  return kiln::sum(dtype ? to(*dtype) : *this);
}
Tensor Tensor::sum(IntArrayRef dims, bool keepdim) const {
  return kiln::sum(*this, dims, keepdim);
}
Tensor Tensor::mean(std::optional<DType> dtype) const {
  return kiln::mean(dtype ? to(*dtype) : *this);
}
Tensor Tensor::mean(IntArrayRef dims, bool keepdim) const {
  return kiln::mean(*this, dims, keepdim);
}
Tensor Tensor::var(bool unbiased) const {
  return kiln::var(*this, {}, unbiased);
}
Tensor Tensor::var(IntArrayRef dims, bool unbiased, bool keepdim) const {
  return kiln::var(*this, dims, unbiased, keepdim);
}
Tensor Tensor::std(bool unbiased) const {
  return var(unbiased).sqrt();
}
Tensor Tensor::norm(Scalar p) const {
  const double power = p.to<double>();
  if (power == 2) return square().sum().sqrt();
  if (power == 1) return abs().sum();
  if (std::isinf(power)) return abs().max();
  return abs().pow(p).sum().pow(1 / power);
}
Tensor Tensor::max() const {
  return kiln::max(*this);
}
Tensor Tensor::min() const {
  return kiln::min(*this);
}
// The value is read at the chosen place, so that its gradient goes there alone (as PyTorch's max(dim)).
std::tuple<Tensor, Tensor> Tensor::max(std::int64_t dim, bool keepdim) const {
  const Tensor where = kiln::argmax(*this, dim, true);
  const Tensor value = gather(dim, where);
  return keepdim ? std::tuple(value, where) : std::tuple(value.squeeze(dim), where.squeeze(dim));
}
std::tuple<Tensor, Tensor> Tensor::min(std::int64_t dim, bool keepdim) const {
  const Tensor where = kiln::argmin(*this, dim, true);
  const Tensor value = gather(dim, where);
  return keepdim ? std::tuple(value, where) : std::tuple(value.squeeze(dim), where.squeeze(dim));
}
Tensor Tensor::amax(IntArrayRef dims, bool keepdim) const {
  return kiln::amax(*this, dims, keepdim);
}
Tensor Tensor::amin(IntArrayRef dims, bool keepdim) const {
  return kiln::amin(*this, dims, keepdim);
}
Tensor Tensor::argmax(std::optional<std::int64_t> dim, bool keepdim) const {
  return kiln::argmax(*this, dim, keepdim);
}
Tensor Tensor::argmin(std::optional<std::int64_t> dim, bool keepdim) const {
  return kiln::argmin(*this, dim, keepdim);
}
Tensor Tensor::all() const {
  return kiln::all(*this);
}
Tensor Tensor::any() const {
  return kiln::any(*this);
}

Tensor softmax(const Tensor& x, std::int64_t dim) {
  return apply("softmax", {floating(x, "softmax")}, {{"dim", row_dim(x, dim, "softmax")}});
}
Tensor log_softmax(const Tensor& x, std::int64_t dim) {
  return apply("log_softmax", {floating(x, "log_softmax")}, {{"dim", row_dim(x, dim, "log_softmax")}});
}
Tensor Tensor::softmax(std::int64_t dim) const {
  return kiln::softmax(*this, dim);
}
Tensor Tensor::log_softmax(std::int64_t dim) const {
  return kiln::log_softmax(*this, dim);
}

Tensor layer_norm(const Tensor& x, IntArrayRef normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  const Shape& shape = checked(x, "layer_norm").type.shape;
  const std::size_t n = normalized_shape.size();
  bool fits = n > 0 && n <= shape.rank();
  for (std::size_t i = 0; fits && i < n; ++i)
    fits = shape[shape.rank() - n + i] == normalized_shape[i];
  if (!fits)
    fail("layer_norm: Given normalized_shape=" + to_string(normalized_shape.shape()) +
         ", expected input with shape [*, those], but got input of size " + to_string(shape));
  std::vector<Tensor> operands = {x};
  if (weight.defined()) {
    operands.push_back(weight);
    operands.push_back(bias.defined() ? bias : zeros_like(weight));
  }
  return apply("layer_norm", operands, {{"dims", static_cast<std::int64_t>(n)}, {"eps", eps}});
}

Tensor cross_entropy_loss(const Tensor& x, const Tensor& target, const std::string& reduction,
                          std::int64_t ignore_index) {
  return apply("cross_entropy", {x, target}, {{"ignore_index", ignore_index}, {"reduction", reduction}});
}
Tensor nll_loss(const Tensor& x, const Tensor& target, const std::string& reduction,
                std::int64_t ignore_index) {
  return apply("nll_loss", {x, target}, {{"ignore_index", ignore_index}, {"reduction", reduction}});
}

bool equal(const Tensor& x, const Tensor& y) {
  if (!(x.sizes() == y.sizes())) return false;
  return x.numel() == 0 || eq(x, y).all().item<bool>();
}
bool allclose(const Tensor& x, const Tensor& y, double rtol, double atol) {
  const Tensor close = le(abs(x - y), abs(y) * rtol + atol);
  return x.numel() == 0 || logical_or(close, eq(x, y)).all().item<bool>();
}
bool Tensor::equal(const Tensor& other) const {
  return kiln::equal(*this, other);
}
bool Tensor::allclose(const Tensor& other, double rtol, double atol) const {
  return kiln::allclose(*this, other, rtol, atol);
}

} // namespace kiln
