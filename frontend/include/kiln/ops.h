// Free functions in ATen's names and argument order. Each is declared once for tensors; scalars on either
// side of an operator follow PyTorch's promotion rules (a Scalar never widens the tensor within its kind of
// number).
#pragma once

#include "kiln/tensor.h"

#include <string>
#include <tuple>

namespace kiln {

// Factories.
Tensor empty(IntArrayRef sizes, const TensorOptions& options = {});
Tensor zeros(IntArrayRef sizes, const TensorOptions& options = {});
Tensor ones(IntArrayRef sizes, const TensorOptions& options = {});
Tensor full(IntArrayRef sizes, Scalar value, const TensorOptions& options = {});
Tensor rand(IntArrayRef sizes, const TensorOptions& options = {});
Tensor randn(IntArrayRef sizes, const TensorOptions& options = {});
Tensor randint(std::int64_t low, std::int64_t high, IntArrayRef sizes, const TensorOptions& options = kInt64);
Tensor randint(std::int64_t high, IntArrayRef sizes, const TensorOptions& options = kInt64);
Tensor randperm(std::int64_t n, const TensorOptions& options = kInt64);
Tensor arange(Scalar end, const TensorOptions& options = {});
Tensor arange(Scalar start, Scalar end, const TensorOptions& options = {});
Tensor arange(Scalar start, Scalar end, Scalar step, const TensorOptions& options = {});
Tensor linspace(Scalar start, Scalar end, std::int64_t steps = 100, const TensorOptions& options = {});
Tensor eye(std::int64_t n, const TensorOptions& options = {});
Tensor empty_like(const Tensor& x, const TensorOptions& options = {});
Tensor zeros_like(const Tensor& x, const TensorOptions& options = {});
Tensor ones_like(const Tensor& x, const TensorOptions& options = {});
Tensor full_like(const Tensor& x, Scalar value, const TensorOptions& options = {});
Tensor rand_like(const Tensor& x, const TensorOptions& options = {});
Tensor randn_like(const Tensor& x, const TensorOptions& options = {});
/// Copies `sizes` elements of host memory (LibTorch's from_blob aliases it; ours does not outlive surprises).
Tensor from_blob(const void* data, IntArrayRef sizes, const TensorOptions& options = {});
Tensor scalar_tensor(Scalar value, const TensorOptions& options = {});

/// Nested braces for `tensor({{1, 2}, {3, 4}})`: integers give int64, any floating number float32.
class TensorData {
public:
  template <class T>
    requires std::is_arithmetic_v<T>
  TensorData(T value)
      : scalar_(value), boolean_(std::is_same_v<T, bool>), floating_(std::is_floating_point_v<T>) {}
  TensorData(std::initializer_list<TensorData> list) : list_(list), is_list_(true) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  TensorData(const std::vector<T>& list) : list_(list.begin(), list.end()), is_list_(true) {}
  Tensor make(const TensorOptions& options) const; ///< throws Error when rows differ in length

private:
  void fill(std::vector<double>& values, std::vector<std::int64_t>& integers, std::size_t depth,
            const Shape& shape, bool& floating, bool& boolean) const;
  Scalar scalar_;
  std::vector<TensorData> list_;
  bool is_list_ = false, boolean_ = false, floating_ = false;
};
inline Tensor tensor(const TensorData& data, const TensorOptions& options = {}) {
  return data.make(options);
}
inline Tensor tensor(std::initializer_list<TensorData> data, const TensorOptions& options = {}) {
  return TensorData(data).make(options);
}

// Joining and choosing.
Tensor cat(const TensorList& tensors, std::int64_t dim = 0);
Tensor stack(const TensorList& tensors, std::int64_t dim = 0);
Tensor where(const Tensor& condition, const Tensor& x, const Tensor& y);
Tensor where(const Tensor& condition, const Tensor& x, Scalar y);
Tensor where(const Tensor& condition, Scalar x, const Tensor& y);

// Elementwise.
Tensor abs(const Tensor& x);
Tensor neg(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor square(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor gelu(const Tensor& x, const std::string& approximate = "none");
Tensor silu(const Tensor& x);
Tensor softplus(const Tensor& x);
Tensor sign(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);
Tensor logical_not(const Tensor& x);
Tensor add(const Tensor& x, const Tensor& y, Scalar alpha = 1);
Tensor add(const Tensor& x, Scalar y, Scalar alpha = 1);
Tensor sub(const Tensor& x, const Tensor& y, Scalar alpha = 1);
Tensor sub(const Tensor& x, Scalar y, Scalar alpha = 1);
Tensor mul(const Tensor& x, const Tensor& y);
Tensor mul(const Tensor& x, Scalar y);
Tensor div(const Tensor& x, const Tensor& y);
Tensor div(const Tensor& x, Scalar y);
Tensor pow(const Tensor& x, const Tensor& exponent);
Tensor pow(const Tensor& x, Scalar exponent);
Tensor pow(Scalar x, const Tensor& exponent);
Tensor maximum(const Tensor& x, const Tensor& y);
Tensor minimum(const Tensor& x, const Tensor& y);
Tensor clamp(const Tensor& x, std::optional<Scalar> min = {}, std::optional<Scalar> max = {});
Tensor clamp_min(const Tensor& x, Scalar min);
Tensor clamp_max(const Tensor& x, Scalar max);
#define KILN_COMPARISON(name)                                                                                \
  Tensor name(const Tensor& x, const Tensor& y);                                                             \
  Tensor name(const Tensor& x, Scalar y);
KILN_COMPARISON(eq)
KILN_COMPARISON(ne)
KILN_COMPARISON(lt)
KILN_COMPARISON(le)
KILN_COMPARISON(gt)
KILN_COMPARISON(ge)
#undef KILN_COMPARISON
Tensor logical_and(const Tensor& x, const Tensor& y);
Tensor logical_or(const Tensor& x, const Tensor& y);
Tensor logical_xor(const Tensor& x, const Tensor& y);
Tensor masked_fill(const Tensor& x, const Tensor& mask, Scalar value);
Tensor detach(const Tensor& x);
Tensor dropout(const Tensor& x, double p, bool train);

#define KILN_OPERATOR(symbol, function)                                                                      \
  inline Tensor operator symbol(const Tensor& x, const Tensor& y) {                                          \
    return function(x, y);                                                                                   \
  }                                                                                                          \
  inline Tensor operator symbol(const Tensor& x, Scalar y) {                                                 \
    return function(x, y);                                                                                   \
  }
KILN_OPERATOR(+, add)
KILN_OPERATOR(-, sub)
KILN_OPERATOR(*, mul)
KILN_OPERATOR(/, div)
KILN_OPERATOR(==, eq)
KILN_OPERATOR(!=, ne)
KILN_OPERATOR(<, lt)
KILN_OPERATOR(<=, le)
KILN_OPERATOR(>, gt)
KILN_OPERATOR(>=, ge)
#undef KILN_OPERATOR
inline Tensor operator+(Scalar x, const Tensor& y) {
  return add(y, x);
}
Tensor operator-(Scalar x, const Tensor& y);
inline Tensor operator*(Scalar x, const Tensor& y) {
  return mul(y, x);
}
Tensor operator/(Scalar x, const Tensor& y);
inline Tensor operator!(const Tensor& x) {
  return logical_not(x);
}

// Reductions and what is built around one.
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, IntArrayRef dims, bool keepdim = false);
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, IntArrayRef dims, bool keepdim = false);
Tensor var(const Tensor& x, IntArrayRef dims, bool unbiased = true, bool keepdim = false);
Tensor amax(const Tensor& x, IntArrayRef dims, bool keepdim = false);
Tensor amin(const Tensor& x, IntArrayRef dims, bool keepdim = false);
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
inline Tensor max(const Tensor& x, const Tensor& y) {
  return maximum(x, y);
}
inline Tensor min(const Tensor& x, const Tensor& y) {
  return minimum(x, y);
}
std::tuple<Tensor, Tensor> max(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor argmax(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false);
Tensor all(const Tensor& x);
Tensor any(const Tensor& x);
Tensor softmax(const Tensor& x, std::int64_t dim);
Tensor log_softmax(const Tensor& x, std::int64_t dim);
Tensor layer_norm(const Tensor& x, IntArrayRef normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
bool equal(const Tensor& x, const Tensor& y);
bool allclose(const Tensor& x, const Tensor& y, double rtol = 1e-5, double atol = 1e-8);

// Contractions.
Tensor matmul(const Tensor& x, const Tensor& y);
Tensor mm(const Tensor& x, const Tensor& y);
Tensor bmm(const Tensor& x, const Tensor& y);
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// Indexing by tensors.
Tensor embedding(const Tensor& weight, const Tensor& indices);
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index);
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index);
Tensor one_hot(const Tensor& index, std::int64_t classes = -1);

// Losses that stay one op in a capture. `reduction`: "mean", "sum" or "none".
/// x: [N, C] scores; target: i64 [N]. As torch.nn.functional.cross_entropy without weights and smoothing.
Tensor cross_entropy_loss(const Tensor& x, const Tensor& target, const std::string& reduction = "mean",
                          std::int64_t ignore_index = -100);
/// x: [N, C] log-probabilities; target: i64 [N].
Tensor nll_loss(const Tensor& x, const Tensor& target, const std::string& reduction = "mean",
                std::int64_t ignore_index = -100);

// Shapes.
Tensor reshape(const Tensor& x, IntArrayRef sizes);
Tensor flatten(const Tensor& x, std::int64_t start_dim = 0, std::int64_t end_dim = -1);
Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1);
Tensor permute(const Tensor& x, IntArrayRef dims);
Tensor unsqueeze(const Tensor& x, std::int64_t dim);
Tensor squeeze(const Tensor& x);

} // namespace kiln
