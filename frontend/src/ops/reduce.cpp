// Reductions, softmax, losses and norms.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/ops.h"

#include <algorithm>
#include <cmath>

namespace kiln {

using namespace internal;

namespace {

// Sorted, non-negative; all of them when none are given.
std::vector<std::int64_t> reduced_dims(const Tensor& x, IntArrayRef dims, const char* op) {
  const std::size_t rank = rank_of(x, op);
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

Tensor for_sum(const Tensor& x, std::optional<DType> dtype) {
  const DType own = checked(x, "sum").type.dtype;
  return dtype ? x.to(*dtype) : is_floating(own) ? x : x.to(kInt64);
}
Tensor for_mean(const Tensor& x, std::optional<DType> dtype) {
  const DType given = dtype.value_or(checked(x, "mean").type.dtype);
  if (!is_floating(given))
    fail("mean: could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
         "Got: " +
         std::string(to_string(given)));
  return x.to(given);
}
std::int64_t row_dim(const Tensor& x, std::int64_t dim, const char* op) {
  return wrap_dim(dim, rank_of(x, op), op);
}
Tensor floating(const Tensor& x, const char* op) {
  return is_floating(checked(x, op).type.dtype) ? x : x.to(get_default_dtype());
}

// max and min take truth values too, through u8.
Tensor extremum(const char* op, const Tensor& x, IntArrayRef dims, bool keepdim) {
  if (checked(x, op).type.dtype == kBool) return reduce(op, x.to(kUInt8), dims, keepdim).to(kBool);
  return reduce(op, x, dims, keepdim);
}

Tensor truth(const char* op, const Tensor& x, IntArrayRef dims, bool keepdim) {
  const DType result = checked(x, op).type.dtype == kUInt8 ? kUInt8 : kBool;
  const Tensor bits = x.to(kBool).to(kUInt8);
  if (x.numel() > 0) return reduce(op, bits, dims, keepdim).to(result);
  const Tensor count = reduce("sum", bits.to(kInt64), dims, keepdim); // of nothing
  return (op == std::string_view("min") ? eq(count, 0) : ne(count, 0)).to(result);
}

std::tuple<Tensor, Tensor> picked(const Tensor& x, const Tensor& where, std::int64_t dim, bool keepdim) {
  if (x.dim() == 0) return {x.clone(), zeros({}, kInt64)};
  const Tensor value = gather(x, dim, where);
  return keepdim ? std::tuple(value, where) : std::tuple(value.squeeze(dim), where.squeeze(dim));
}

Tensor arg_reduce(const char* op, const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  if (rank_of(x, op) == 0) return zeros({}, kInt64);
  if (x.dtype() == kBool) return arg_reduce(op, x.to(kUInt8), dim, keepdim);
  if (dim) return apply(op, {x}, {{"dim", row_dim(x, *dim, op)}, {"keepdim", keepdim}});
  return apply(op, {x.flatten()}, {{"dim", std::int64_t{0}}, {"keepdim", false}});
}

// The root of sums of squares. At 0 its slope is taken as 0, as ATen has it.
Tensor length_of(const Tensor& squares) {
  if (!squares.requires_grad()) return sqrt(squares);
  const Tensor is_zero = eq(squares, 0);
  return where(is_zero, 0, sqrt(where(is_zero, 1, squares)));
}

Tensor row_composite(const char* op, const Tensor& x, std::int64_t dim, std::optional<DType> dtype) {
  const Tensor y = floating(dtype ? x.to(*dtype) : x, op);
  const std::int64_t at = row_dim(x, dim, op);
  if (y.dim() == 0) return apply(op, {y.reshape({1})}, {{"dim", at}}).reshape({});
  return apply(op, {y}, {{"dim", at}});
}

} // namespace

Tensor sum(const Tensor& x, std::optional<DType> dtype) {
  return reduce("sum", for_sum(x, dtype), {}, false);
}
Tensor sum(const Tensor& x, IntArrayRef dims, bool keepdim, std::optional<DType> dtype) {
  return reduce("sum", for_sum(x, dtype), dims, keepdim);
}
Tensor nansum(const Tensor& x) {
  return sum(where(isnan(x), 0, x));
}
Tensor mean(const Tensor& x, std::optional<DType> dtype) {
  return reduce("mean", for_mean(x, dtype), {}, false);
}
Tensor mean(const Tensor& x, IntArrayRef dims, bool keepdim, std::optional<DType> dtype) {
  return reduce("mean", for_mean(x, dtype), dims, keepdim);
}
Tensor prod(const Tensor& x, std::optional<DType> dtype) {
  return reduce("prod", for_sum(x, dtype), {}, false);
}
Tensor prod(const Tensor& x, std::int64_t dim, bool keepdim, std::optional<DType> dtype) {
  return reduce("prod", for_sum(x, dtype), dim, keepdim);
}
Tensor amax(const Tensor& x, IntArrayRef dims, bool keepdim) {
  return extremum("max", x, dims, keepdim);
}
Tensor amin(const Tensor& x, IntArrayRef dims, bool keepdim) {
  return extremum("min", x, dims, keepdim);
}
Tensor max(const Tensor& x) {
  return amax(x);
}
Tensor min(const Tensor& x) {
  return amin(x);
}
// The value is read at the chosen place, so that its gradient goes there alone (as PyTorch's max(dim)).
std::tuple<Tensor, Tensor> max(const Tensor& x, std::int64_t dim, bool keepdim) {
  return picked(x, argmax(x, dim, true), dim, keepdim);
}
std::tuple<Tensor, Tensor> min(const Tensor& x, std::int64_t dim, bool keepdim) {
  return picked(x, argmin(x, dim, true), dim, keepdim);
}
Tensor argmax(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  return arg_reduce("argmax", x, dim, keepdim);
}
Tensor argmin(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  return arg_reduce("argmin", x, dim, keepdim);
}
// Of nothing: true for all, false for any. The dtype is u8 for u8, as ATen has it.
Tensor all(const Tensor& x) {
  return truth("min", x, {}, false);
}
Tensor all(const Tensor& x, std::int64_t dim, bool keepdim) {
  return truth("min", x, dim, keepdim);
}
Tensor any(const Tensor& x) {
  return truth("max", x, {}, false);
}
Tensor any(const Tensor& x, std::int64_t dim, bool keepdim) {
  return truth("max", x, dim, keepdim);
}
Tensor count_nonzero(const Tensor& x) {
  return sum(x.to(kBool));
}

Tensor var(const Tensor& x, bool unbiased) {
  return var(x, IntArrayRef(), unbiased);
}
Tensor var(const Tensor& x, IntArrayRef dims, bool unbiased, bool keepdim) {
  return std::get<0>(var_mean(x, dims, unbiased, keepdim));
}
std::tuple<Tensor, Tensor> var_mean(const Tensor& x, IntArrayRef dims, bool unbiased, bool keepdim) {
  if (!is_floating(checked(x, "var").type.dtype))
    fail("var: std and var only support floating point and complex dtypes");
  const std::vector<std::int64_t> reduced = reduced_dims(x, dims, "var");
  std::int64_t count = 1;
  for (std::int64_t d : reduced)
    count *= x.size(d);
  const Tensor centre = mean(x, reduced, true), centred = x - centre;
  const Tensor result = sum(centred * centred, reduced, keepdim) /
                        static_cast<double>(std::max<std::int64_t>(count - unbiased, 0));
  return {result, keepdim ? centre : centre.reshape(result.sizes())};
}
Tensor std(const Tensor& x, bool unbiased) {
  return std(x, IntArrayRef(), unbiased);
}
Tensor std(const Tensor& x, IntArrayRef dims, bool unbiased, bool keepdim) {
  return std::get<0>(std_mean(x, dims, unbiased, keepdim));
}
std::tuple<Tensor, Tensor> std_mean(const Tensor& x, IntArrayRef dims, bool unbiased, bool keepdim) {
  const auto [variance, centre] = var_mean(x, dims, unbiased, keepdim);
  return {length_of(variance), centre};
}

Tensor norm(const Tensor& x, Scalar p) {
  return norm(x, p, IntArrayRef(), false);
}
Tensor norm(const Tensor& x, std::optional<Scalar> p, IntArrayRef dims, bool keepdim) {
  if (!is_floating(checked(x, "norm").type.dtype))
    fail("norm: the input must be floating point, got " + std::string(to_string(x.dtype())));
  const double power = p ? p->to<double>() : 2;
  if (power == 2) return length_of(sum(square(x), dims, keepdim));
  if (power == 1) return sum(abs(x), dims, keepdim);
  if (power == 0) return sum(ne(x, 0).to(x.dtype()), dims, keepdim);
  if (std::isinf(power)) return power > 0 ? amax(abs(x), dims, keepdim) : amin(abs(x), dims, keepdim);
  return pow(sum(pow(abs(x), power), dims, keepdim), 1 / power);
}
Tensor logsumexp(const Tensor& x, IntArrayRef dims, bool keepdim) {
  const Tensor y = floating(x, "logsumexp");
  if (y.numel() == 0) return log(sum(exp(y), dims, keepdim)); // it has no maximum
  const Tensor most = amax(y, dims, true).detach();
  const Tensor base = where(isfinite(most), most, 0);
  const Tensor result = log(sum(exp(y - base), dims, true)) + base;
  return keepdim ? result : result.reshape(sum(most, dims, false).sizes());
}

Tensor cumsum(const Tensor& x, std::int64_t dim, std::optional<DType> dtype) {
  const Tensor y = for_sum(x, dtype);
  const std::int64_t at = row_dim(x, dim, "cumsum");
  if (y.dim() == 0 || y.numel() == 0) return y.clone();
  return apply("cumsum", {y}, {{"dim", at}, {"reverse", false}});
}
namespace {
/// Each product on its own: few kernels, but the cost is the square of the dimension.
Tensor separate_products(const Tensor& y, std::int64_t at) {
  const std::int64_t n = y.size(at);
  std::vector<std::int64_t> pairs(static_cast<std::size_t>(y.dim() + 1), 1);
  pairs[static_cast<std::size_t>(at)] = pairs[static_cast<std::size_t>(at + 1)] = n;
  const Tensor places = arange(n);
  const Tensor counts = places.unsqueeze(0) <= places.unsqueeze(1); // [result, factor]
  return prod(where(counts.reshape(pairs), y.unsqueeze(at), 1), at + 1);
}
/// First of pairs, which gives every second one; the others are one factor more. Linear in the dimension, and
/// made of products alone, so that gradients are right at zeros too.
Tensor running_products(const Tensor& y, std::int64_t at) {
  constexpr std::int64_t kFew = 32;
  const std::int64_t n = y.size(at), half = n / 2, rest = (n - 1) / 2;
  if (n <= kFew) return separate_products(y, at);
  const Tensor firsts = y.slice(at, 0, n, 2), seconds = y.slice(at, 1, n, 2);
  const Tensor odd = running_products(firsts.narrow(at, 0, half) * seconds, at);
  const Tensor even =
      cat({firsts.narrow(at, 0, 1), firsts.narrow(at, 1, rest) * odd.narrow(at, 0, rest)}, at);
  const Tensor both = flatten(stack({even.narrow(at, 0, half), odd}, at + 1), at, at + 1);
  return n % 2 == 0 ? both : cat({both, even.narrow(at, half, 1)}, at);
}
} // namespace
Tensor cumprod(const Tensor& x, std::int64_t dim, std::optional<DType> dtype) {
  const Tensor y = for_sum(x, dtype);
  const std::int64_t at = row_dim(x, dim, "cumprod");
  return y.dim() == 0 || y.numel() == 0 ? y.clone() : running_products(y, at);
}

Tensor softmax(const Tensor& x, std::int64_t dim, std::optional<DType> dtype) {
  return row_composite("softmax", x, dim, dtype);
}
Tensor log_softmax(const Tensor& x, std::int64_t dim, std::optional<DType> dtype) {
  return row_composite("log_softmax", x, dim, dtype);
}

Tensor layer_norm(const Tensor& x, IntArrayRef normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  const Shape& shape = shape_of(x, "layer_norm");
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
  if (shape_of(x, "equal") != shape_of(y, "equal")) return false;
  return x.numel() == 0 || eq(x, y).all().item<bool>();
}
bool allclose(const Tensor& x, const Tensor& y, double rtol, double atol, bool equal_nan) {
  if (checked(x, "allclose").type.dtype != checked(y, "allclose").type.dtype)
    fail("allclose: " + std::string(to_string(x.dtype())) + " did not match " +
         std::string(to_string(y.dtype())));
  const Tensor close = isclose(x, y, rtol, atol, equal_nan);
  return close.numel() == 0 || close.all().item<bool>();
}

} // namespace kiln
