// Tensors out of nothing: constants, host data, random draws.
#include "core/apply.h"
#include "core/random.h"
#include "core/shapes.h"
#include "core/trace.h"
#include "kiln/autograd.h"
#include "kiln/composed.h"
#include "kiln/ops.h"
#include "kiln/runtime/philox.h"
#include "ops/from_host.h"

#include <array>
#include <cmath>
#include <numeric>

namespace kiln {

using namespace internal;

namespace {

Tensor finish(const char* op, Tensor x, const TensorOptions& options) {
  if (!options.device().is_cpu())
    fail(std::string(op) + ": device " + options.device().str() + " is not available");
  if (options.requires_grad()) x.requires_grad_();
  return x;
}
std::string dtype_name(const TensorOptions& options) {
  return std::string(name(options.dtype()));
}

void check_sizes(IntArrayRef sizes, const char* op) {
  for (std::int64_t d : sizes)
    if (d < 0)
      fail(std::string(op) + ": Trying to create tensor with negative dimension " + std::to_string(d) + ": " +
           to_string(sizes.shape()));
  check_addressable(op, {kFloat64, sizes.shape()});
}

// The random state as an operand, and where in the sequence a draw of `count` numbers begins.
std::pair<Tensor, std::int64_t> draw(std::uint64_t count) {
  if (Trace* trace = Trace::current()) {
    const Tensor state = trace->random_state();
    return {state, static_cast<std::int64_t>(trace->draw(count))};
  }
  const RandomState state = advance_random_state(count);
  const std::int64_t words[2] = {static_cast<std::int64_t>(state.seed),
                                 static_cast<std::int64_t>(state.offset)};
  return {from_host({2}, kInt64, [&](std::int64_t i) { return words[i]; }), 0};
}

// sequences: of numbers, each as long as the tensor.
Tensor random(const char* op, IntArrayRef sizes, const TensorOptions& options, std::uint64_t sequences) {
  check_sizes(sizes, op);
  if (!is_floating(options.dtype()))
    fail(std::string(op) + ": not implemented for dtype " + dtype_name(options));
  const auto [state, offset] =
      draw(sequences * runtime::random_advance(static_cast<std::uint64_t>(sizes.shape().numel())));
  return apply(op, {state}, {{"dtype", dtype_name(options)}, {"offset", offset}, {"shape", sizes.vec()}});
}

TensorOptions like(const Tensor& x, const TensorOptions& options) {
  TensorOptions result = options;
  if (!options.has_dtype()) result = result.dtype(checked(x, "like").type.dtype);
  return result;
}

// options: with a dtype.
Tensor filled(const char* op, IntArrayRef sizes, Scalar value, const TensorOptions& options) {
  check_sizes(sizes, op);
  if (Trace::current())
    return finish(
        op,
        apply("constant", std::span<const Tensor>{},
              {{"dtype", dtype_name(options)}, {"shape", sizes.vec()}, {"value", value.to<double>()}}),
        options);
  if (value.is_floating_point()) {
    const double number = value.to<double>();
    return finish(op, from_host(sizes, options.dtype(), [=](std::int64_t) { return number; }), options);
  }
  const auto number = value.to<std::int64_t>();
  return finish(op, from_host(sizes, options.dtype(), [=](std::int64_t) { return number; }), options);
}

/// value(i): the elements of a tensor that the caller's arguments alone decide. Under capture it is a value
/// of the program, made from a table that all replays share; a tensor of the host's would be looked for again
/// by each, and not found.
template <class F> Tensor decided(IntArrayRef sizes, DType dtype, F value) {
  if (!Trace::current()) return from_host(sizes, dtype, value);
  return apply("reshape", {table_from_host(sizes, dtype, value)}, {{"shape", sizes.vec()}});
}

} // namespace

Tensor full(IntArrayRef sizes, Scalar value, const TensorOptions& options) {
  TensorOptions chosen = options;
  if (!options.has_dtype() && !value.is_floating_point())
    chosen = chosen.dtype(value.kind() == Scalar::Kind::Boolean ? kBool : kInt64);
  return filled("full", sizes, value, chosen);
}
Tensor zeros(IntArrayRef sizes, const TensorOptions& options) {
  return filled("zeros", sizes, 0, options.dtype(options.dtype()));
}
Tensor ones(IntArrayRef sizes, const TensorOptions& options) {
  return filled("ones", sizes, 1, options.dtype(options.dtype()));
}
Tensor empty(IntArrayRef sizes, const TensorOptions& options) {
  check_sizes(sizes, "empty");
  if (Trace::current()) return zeros(sizes, options);
  const TensorType type{options.dtype(), sizes.shape()};
  return finish("empty", make_tensor(type, runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()))),
                options);
}
Tensor rand(IntArrayRef sizes, const TensorOptions& options) {
  return finish("rand", random("uniform", sizes, options, 1), options);
}
Tensor randn(IntArrayRef sizes, const TensorOptions& options) {
  return finish("randn", random("normal", sizes, options, 2), options);
}
Tensor randint(std::int64_t low, std::int64_t high, IntArrayRef sizes, const TensorOptions& options) {
  if (low >= high)
    fail("randint: random_ expects 'from' to be less than 'to', but got from=" + std::to_string(low) +
         " >= to=" + std::to_string(high));
  const Tensor unit = rand(sizes, kFloat64);
  const DType dtype = options.has_dtype() ? options.dtype() : kInt64;
  return finish("randint",
                ((unit * static_cast<double>(high - low)).floor() + static_cast<double>(low)).to(dtype),
                options);
}
Tensor randint_like(const Tensor& x, std::int64_t high, const TensorOptions& options) {
  return randint(0, high, shape_of(x, "randint_like"), like(x, options));
}
Tensor randint_like(const Tensor& x, std::int64_t low, std::int64_t high, const TensorOptions& options) {
  return randint(low, high, shape_of(x, "randint_like"), like(x, options));
}
Tensor randint(std::int64_t high, IntArrayRef sizes, const TensorOptions& options) {
  return randint(0, high, sizes, options);
}
Tensor randperm(std::int64_t n, const TensorOptions& options) {
  if (n < 0) fail("randperm: n must be non-negative, got " + std::to_string(n));
  const RandomState state = advance_random_state(static_cast<std::uint64_t>(n));
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::array<std::uint32_t, 64> block{};
  std::uint64_t drawn = ~std::uint64_t{0};   // number of that block
  for (std::int64_t i = n - 1; i > 0; --i) { // Fisher-Yates
    const std::uint64_t element = state.offset + static_cast<std::uint64_t>(i);
    if (element / 64 != drawn) block = runtime::random_block(state.seed, drawn = element / 64);
    const std::uint64_t bits = block[element % 64];
    std::swap(order[static_cast<std::size_t>(i)], order[(bits * static_cast<std::uint64_t>(i + 1)) >> 32]);
  }
  return finish("randperm",
                from_host({n}, options.has_dtype() ? options.dtype() : kInt64,
                          [&](std::int64_t i) { return order[static_cast<std::size_t>(i)]; }),
                options);
}
Tensor arange(Scalar start, Scalar end, Scalar step, const TensorOptions& options) {
  TensorOptions chosen = options;
  const bool whole = !start.is_floating_point() && !end.is_floating_point() && !step.is_floating_point();
  if (!options.has_dtype() && whole) chosen = chosen.dtype(kInt64);
  const double from = start.to<double>(), to = end.to<double>(), by = step.to<double>();
  if (by == 0 || (by > 0 && to < from) || (by < 0 && to > from))
    fail("arange: upper bound and larger bound inconsistent with step sign");
  const double steps = std::ceil((to - from) / by);
  if (!(steps < 0x1p60))
    fail("arange: wants a number of elements that memory holds, got " + std::to_string(steps));
  const auto count = static_cast<std::int64_t>(steps);
  return finish(
      "arange",
      decided({count}, chosen.dtype(), [=](std::int64_t i) { return from + static_cast<double>(i) * by; }),
      chosen);
}
Tensor arange(Scalar end, const TensorOptions& options) {
  return arange(0, end, 1, options);
}
Tensor arange(Scalar start, Scalar end, const TensorOptions& options) {
  return arange(start, end, 1, options);
}
Tensor linspace(Scalar start, Scalar end, std::int64_t steps, const TensorOptions& options) {
  if (steps < 0) fail("linspace: number of steps must be non-negative");
  const double from = start.to<double>(), to = end.to<double>();
  const double by = steps > 1 ? (to - from) / static_cast<double>(steps - 1) : 0;
  // From both ends, so that the last element is exactly `end`.
  return finish("linspace",
                decided({steps}, options.dtype(),
                        [=](std::int64_t i) {
                          return i < steps / 2 || steps == 1 ? from + static_cast<double>(i) * by
                                                             : to - static_cast<double>(steps - 1 - i) * by;
                        }),
                options);
}
Tensor logspace(Scalar start, Scalar end, std::int64_t steps, double base, const TensorOptions& options) {
  const TensorOptions chosen = options.dtype(options.dtype());
  return finish("logspace", pow(Scalar(base), linspace(start, end, steps, kFloat64)).to(chosen.dtype()),
                options);
}
Tensor eye(std::int64_t n, std::int64_t m, const TensorOptions& options) {
  check_sizes({n, m}, "eye");
  return finish("eye",
                decided({n, m}, options.dtype(), [=](std::int64_t i) { return i / m == i % m ? 1 : 0; }),
                options);
}
Tensor eye(std::int64_t n, const TensorOptions& options) {
  return eye(n, n, options);
}
Tensor empty_like(const Tensor& x, const TensorOptions& options) {
  return empty(x.sizes(), like(x, options));
}
Tensor zeros_like(const Tensor& x, const TensorOptions& options) {
  return zeros(x.sizes(), like(x, options));
}
Tensor ones_like(const Tensor& x, const TensorOptions& options) {
  return ones(x.sizes(), like(x, options));
}
Tensor full_like(const Tensor& x, Scalar value, const TensorOptions& options) {
  return full(x.sizes(), value, like(x, options));
}
Tensor rand_like(const Tensor& x, const TensorOptions& options) {
  return rand(x.sizes(), like(x, options));
}
Tensor randn_like(const Tensor& x, const TensorOptions& options) {
  return randn(x.sizes(), like(x, options));
}
Tensor bernoulli(const Tensor& x) {
  return lt(rand(shape_of(x, "bernoulli"), x.dtype()), x).to(x.dtype());
}
Tensor normal(double mean, double std, IntArrayRef sizes, const TensorOptions& options) {
  if (std < 0) fail("normal: expects std >= 0.0, but found std " + std::to_string(std));
  return finish("normal", randn(sizes, options.dtype(options.dtype()).requires_grad(false)) * std + mean,
                options);
}
Tensor normal(const Tensor& mean, double std) {
  return add(mul(randn_like(mean), std), mean);
}
Tensor normal(double mean, const Tensor& std) {
  return add(mul(randn_like(std), std), mean);
}
Tensor normal(const Tensor& mean, const Tensor& std) {
  return add(mul(randn_like(add(mean, std)), std), mean);
}
// Without replacement: the largest of weight / exponential draws is each place with the probability of its
// weight. With it: a place in the running sum; of float64, in which places of no weight have no room.
Tensor multinomial(const Tensor& x, std::int64_t num_samples, bool replacement) {
  const std::size_t rank = rank_of(x, "multinomial");
  if (rank != 1 && rank != 2) fail("multinomial: prob_dist must be 1 or 2 dim");
  if (num_samples <= 0) fail("multinomial: cannot sample n_sample <= 0 samples");
  if (!replacement && num_samples > x.size(-1))
    fail("multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  NoGradGuard guard;
  const Tensor weights = is_floating(x.dtype()) ? x.detach() : x.to(kFloat32);
  if (!replacement) return std::get<1>(topk(weights / -log1p(-rand_like(weights)), num_samples, -1));
  const std::int64_t last = x.size(-1) - 1;
  const Tensor bounds = cumsum(weights, -1, kFloat64);
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() = num_samples;
  const Tensor draws = rand(sizes, bounds.dtype()) * bounds.narrow(-1, last, 1);
  return clamp_max(searchsorted(bounds, draws, false, true), last);
}
Tensor Tensor::new_empty(IntArrayRef sizes, const TensorOptions& options) const {
  return empty(sizes, like(*this, options));
}
Tensor Tensor::new_zeros(IntArrayRef sizes, const TensorOptions& options) const {
  return zeros(sizes, like(*this, options));
}
Tensor Tensor::new_ones(IntArrayRef sizes, const TensorOptions& options) const {
  return ones(sizes, like(*this, options));
}
Tensor Tensor::new_full(IntArrayRef sizes, Scalar value, const TensorOptions& options) const {
  return full(sizes, value, like(*this, options));
}
Tensor scalar_tensor(Scalar value, const TensorOptions& options) {
  return full({}, value, options.dtype(options.dtype()));
}

Tensor dropout(const Tensor& x, double p, bool train) {
  if (p < 0 || p > 1)
    fail("dropout: dropout probability has to be between 0 and 1, but got " + std::to_string(p));
  if (!train || p == 0) return x;
  if (p == 1) return mul(x, 0);
  const auto [state, offset] = draw(static_cast<std::uint64_t>(shape_of(x, "dropout").numel()));
  return apply("dropout", {x, state}, {{"offset", offset}, {"p", p}});
}

namespace internal {
Tensor host_scalar(const double* value, std::shared_ptr<const void> keepalive, DType dtype) {
  if (Trace* trace = Trace::current()) return trace->number(value, std::move(keepalive), dtype);
  return scalar_operand(*value, dtype);
}
} // namespace internal

} // namespace kiln
