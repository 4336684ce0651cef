// Free functions in ATen's names and argument order. Each is declared once for tensors; scalars on either
// side of an operator follow PyTorch's promotion rules (a Scalar never widens the tensor within its kind of
// number).
#pragma once

#include "kiln/tensor.h"

#include <functional>
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
Tensor logspace(Scalar start, Scalar end, std::int64_t steps = 100, double base = 10.0,
                const TensorOptions& options = {});
Tensor eye(std::int64_t n, const TensorOptions& options = {});
Tensor eye(std::int64_t n, std::int64_t m, const TensorOptions& options = {});
Tensor empty_like(const Tensor& x, const TensorOptions& options = {});
Tensor zeros_like(const Tensor& x, const TensorOptions& options = {});
Tensor ones_like(const Tensor& x, const TensorOptions& options = {});
Tensor full_like(const Tensor& x, Scalar value, const TensorOptions& options = {});
Tensor rand_like(const Tensor& x, const TensorOptions& options = {});
Tensor randn_like(const Tensor& x, const TensorOptions& options = {});
Tensor randint_like(const Tensor& x, std::int64_t high, const TensorOptions& options = {});
Tensor randint_like(const Tensor& x, std::int64_t low, std::int64_t high, const TensorOptions& options = {});
/// 1 with the probability that x holds, else 0.
Tensor bernoulli(const Tensor& x);
/// Normal draws; mean and std broadcast where they are tensors.
Tensor normal(double mean, double std, IntArrayRef sizes, const TensorOptions& options = {});
Tensor normal(const Tensor& mean, double std = 1);
Tensor normal(double mean, const Tensor& std);
Tensor normal(const Tensor& mean, const Tensor& std);
/// Places drawn with the weights that x [n] or [rows, n] holds. Without replacement they differ from each
/// other.
Tensor multinomial(const Tensor& x, std::int64_t num_samples, bool replacement = false);
/// A tensor over memory of the caller's, which must outlive it; `strides` in elements, row-major where not
/// given. Writing to either writes to both, except that a value which backward() still needs is left as it
/// was: the tensor then moves away. `deleter` gets `data` when the tensor and its views are gone. Under
/// capture the elements are copied, and the deleter is called at once.
Tensor from_blob(const void* data, IntArrayRef sizes, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, const std::function<void(void*)>& deleter,
                 const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides,
                 const std::function<void(void*)>& deleter, const TensorOptions& options = {});
Tensor scalar_tensor(Scalar value, const TensorOptions& options = {});

/// What tensor() takes: a number, nested braces (`{{1, 2}, {3, 4}}`) or a vector. Integers give int64,
/// floating numbers the default dtype, bools bool. Throws Error when rows differ in length or elements in
/// type.
class TensorData {
public:
  TensorData(); ///< the innermost braces of `{{}, {}}`: no elements
  template <class T>
    requires std::is_arithmetic_v<T>
  TensorData(T value) : kind_(Kind::Scalar), element_(element_of<T>()), scalar_(value) {}
  TensorData(std::initializer_list<TensorData> list);
  template <class T>
    requires std::is_arithmetic_v<T>
  TensorData(const std::vector<T>& list) : TensorData(list.begin(), list.end(), element_of<T>()) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  TensorData(ArrayRef<T> list) : TensorData(list.begin(), list.end(), element_of<T>()) {}

  bool is_scalar() const { return kind_ == Kind::Scalar; }
  bool is_init_list() const { return kind_ == Kind::List; }
  bool is_tensor() const { return kind_ == Kind::Values; }
  /// Each throws Error for data of another kind.
  const Scalar& scalar() const;
  const std::vector<TensorData>& init_list() const;
  Tensor tensor() const;
  const std::vector<std::int64_t>& sizes() const { return sizes_; }
  Tensor make(const TensorOptions& options) const;

private:
  /// The C++ type of the elements, in PyTorch's names. int16 is no dtype, but may stand in braces.
  enum class Element : std::uint8_t { Byte, Char, Short, Int, Long, Float, Double, Bool };
  enum class Kind : std::uint8_t { Scalar, List, Values };
  template <class T> static constexpr Element element_of() {
    if constexpr (std::is_same_v<T, bool>)
      return Element::Bool;
    else if constexpr (std::is_floating_point_v<T>)
      return sizeof(T) == 4 ? Element::Float : Element::Double;
    else
      return sizeof(T) == 1   ? (std::is_signed_v<T> ? Element::Char : Element::Byte)
             : sizeof(T) == 2 ? Element::Short
             : sizeof(T) == 4 ? Element::Int
                              : Element::Long;
  }
  template <class Iterator>
  TensorData(Iterator begin, Iterator end, Element element)
      : kind_(Kind::Values), element_(element), values_(begin, end),
        sizes_{static_cast<std::int64_t>(values_.size())} {}
  static const char* name_of(Element element);
  DType dtype() const; ///< of the tensor, unless options say another
  void collect(std::vector<Scalar>& values) const;
  void print(std::ostream& out) const;
  friend std::ostream& operator<<(std::ostream& out, const TensorData& data) { // "{{1, 2}, {3, 4}}"
    return data.print(out), out;
  }

  Kind kind_ = Kind::List;
  Element element_;
  Scalar scalar_;
  std::vector<TensorData> list_;
  std::vector<Scalar> values_;
  std::vector<std::int64_t> sizes_;
};
Tensor tensor(const TensorData& data, const TensorOptions& options = {});
Tensor tensor(std::initializer_list<TensorData> data, const TensorOptions& options = {});

// Joining and choosing.
Tensor cat(const TensorList& tensors, std::int64_t dim = 0);
Tensor concat(const TensorList& tensors, std::int64_t dim = 0);
Tensor stack(const TensorList& tensors, std::int64_t dim = 0);
Tensor hstack(const TensorList& tensors);
Tensor vstack(const TensorList& tensors);
Tensor where(const Tensor& condition, const Tensor& x, const Tensor& y);
Tensor where(const Tensor& condition, const Tensor& x, Scalar y);
Tensor where(const Tensor& condition, Scalar x, const Tensor& y);
Tensor where(const Tensor& condition, Scalar x, Scalar y);
std::vector<Tensor>
where(const Tensor& condition); ///< the places that hold: one i64 tensor for each dimension
std::vector<Tensor> meshgrid(const TensorList& tensors, std::string_view indexing = "ij");
std::vector<Tensor> broadcast_tensors(const TensorList& tensors);

// Elementwise, of one tensor. Those that need real numbers give float32 for integers.
#define KILN_UNARY(name) Tensor name(const Tensor& x);
KILN_UNARY(abs)
KILN_UNARY(absolute)
KILN_UNARY(neg)
KILN_UNARY(negative)
KILN_UNARY(positive)
KILN_UNARY(exp)
KILN_UNARY(exp2)
KILN_UNARY(expm1)
KILN_UNARY(log)
KILN_UNARY(log2)
KILN_UNARY(log10)
KILN_UNARY(log1p)
KILN_UNARY(sqrt)
KILN_UNARY(rsqrt)
KILN_UNARY(reciprocal)
KILN_UNARY(square)
KILN_UNARY(sin)
KILN_UNARY(cos)
KILN_UNARY(tan)
KILN_UNARY(asin)
KILN_UNARY(acos)
KILN_UNARY(atan)
KILN_UNARY(sinh)
KILN_UNARY(cosh)
KILN_UNARY(tanh)
KILN_UNARY(erf)
KILN_UNARY(erfc)
KILN_UNARY(sigmoid)
KILN_UNARY(relu)
KILN_UNARY(silu)
KILN_UNARY(softplus)
KILN_UNARY(sign)
KILN_UNARY(sgn)
KILN_UNARY(floor)
KILN_UNARY(ceil)
KILN_UNARY(round) ///< halves to even
KILN_UNARY(trunc)
KILN_UNARY(frac)
KILN_UNARY(logical_not)
KILN_UNARY(bitwise_not)
KILN_UNARY(isnan)
KILN_UNARY(isinf)
KILN_UNARY(isfinite)
#undef KILN_UNARY
Tensor gelu(const Tensor& x, const std::string& approximate = "none");
Tensor logit(const Tensor& x, std::optional<double> eps = {});
Tensor nan_to_num(const Tensor& x, std::optional<double> nan = {}, std::optional<double> posinf = {},
                  std::optional<double> neginf = {});
Tensor detach(const Tensor& x);
Tensor clone(const Tensor& x);
Tensor dropout(const Tensor& x, double p, bool train);

// Elementwise, of two. Tensors broadcast; dtypes promote as PyTorch's.
Tensor add(const Tensor& x, const Tensor& y, Scalar alpha = 1);
Tensor add(const Tensor& x, Scalar y, Scalar alpha = 1);
Tensor sub(const Tensor& x, const Tensor& y, Scalar alpha = 1);
Tensor sub(const Tensor& x, Scalar y, Scalar alpha = 1);
#define KILN_BINARY(name)                                                                                    \
  Tensor name(const Tensor& x, const Tensor& y);                                                             \
  Tensor name(const Tensor& x, Scalar y);
KILN_BINARY(mul)
KILN_BINARY(div)
KILN_BINARY(true_divide)
KILN_BINARY(floor_divide) ///< towards minus infinity
KILN_BINARY(remainder)    ///< with the sign of the divisor, as Python's %
KILN_BINARY(fmod)         ///< with the sign of the dividend, as C's
KILN_BINARY(eq)
KILN_BINARY(ne)
KILN_BINARY(lt)
KILN_BINARY(le)
KILN_BINARY(gt)
KILN_BINARY(ge)
KILN_BINARY(bitwise_and)
KILN_BINARY(bitwise_or)
KILN_BINARY(bitwise_xor)
KILN_BINARY(pow)
#undef KILN_BINARY
Tensor pow(Scalar x, const Tensor& exponent);
/// rounding_mode: "trunc", "floor", or none for true division.
Tensor div(const Tensor& x, const Tensor& y, std::optional<std::string_view> rounding_mode);
Tensor div(const Tensor& x, Scalar y, std::optional<std::string_view> rounding_mode);
Tensor maximum(const Tensor& x, const Tensor& y);
Tensor minimum(const Tensor& x, const Tensor& y);
Tensor atan2(const Tensor& y, const Tensor& x);
Tensor hypot(const Tensor& x, const Tensor& y);
Tensor logaddexp(const Tensor& x, const Tensor& y);
Tensor logical_and(const Tensor& x, const Tensor& y);
Tensor logical_or(const Tensor& x, const Tensor& y);
Tensor logical_xor(const Tensor& x, const Tensor& y);
Tensor isclose(const Tensor& x, const Tensor& y, double rtol = 1e-5, double atol = 1e-8,
               bool equal_nan = false);
Tensor clamp(const Tensor& x, std::optional<Scalar> min = {}, std::optional<Scalar> max = {});
Tensor clamp(const Tensor& x, const std::optional<Tensor>& min, const std::optional<Tensor>& max);
Tensor clip(const Tensor& x, std::optional<Scalar> min = {}, std::optional<Scalar> max = {});
Tensor clamp_min(const Tensor& x, Scalar min);
Tensor clamp_max(const Tensor& x, Scalar max);
Tensor lerp(const Tensor& x, const Tensor& end, Scalar weight);
Tensor lerp(const Tensor& x, const Tensor& end, const Tensor& weight);
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value = 1);
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value = 1);
Tensor masked_fill(const Tensor& x, const Tensor& mask, Scalar value);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value);

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
KILN_OPERATOR(%, remainder)
KILN_OPERATOR(==, eq)
KILN_OPERATOR(!=, ne)
KILN_OPERATOR(<, lt)
KILN_OPERATOR(<=, le)
KILN_OPERATOR(>, gt)
KILN_OPERATOR(>=, ge)
KILN_OPERATOR(&, bitwise_and)
KILN_OPERATOR(|, bitwise_or)
KILN_OPERATOR(^, bitwise_xor)
#undef KILN_OPERATOR
inline Tensor operator&&(const Tensor& x, const Tensor& y) {
  return logical_and(x, y);
}
inline Tensor operator||(const Tensor& x, const Tensor& y) {
  return logical_or(x, y);
}
inline Tensor operator+(Scalar x, const Tensor& y) {
  return add(y, x);
}
Tensor operator-(Scalar x, const Tensor& y);
inline Tensor operator*(Scalar x, const Tensor& y) {
  return mul(y, x);
}
Tensor operator/(Scalar x, const Tensor& y);
Tensor operator%(Scalar x, const Tensor& y);
inline Tensor operator==(Scalar x, const Tensor& y) {
  return eq(y, x);
}
inline Tensor operator!=(Scalar x, const Tensor& y) {
  return ne(y, x);
}
inline Tensor operator<(Scalar x, const Tensor& y) {
  return gt(y, x);
}
inline Tensor operator<=(Scalar x, const Tensor& y) {
  return ge(y, x);
}
inline Tensor operator>(Scalar x, const Tensor& y) {
  return lt(y, x);
}
inline Tensor operator>=(Scalar x, const Tensor& y) {
  return le(y, x);
}

// Reductions and what is built around one. Sums and products of integers and bools are i64.
Tensor sum(const Tensor& x, std::optional<DType> dtype = {});
Tensor sum(const Tensor& x, IntArrayRef dims, bool keepdim = false, std::optional<DType> dtype = {});
Tensor nansum(const Tensor& x);
Tensor mean(const Tensor& x, std::optional<DType> dtype = {});
Tensor mean(const Tensor& x, IntArrayRef dims, bool keepdim = false, std::optional<DType> dtype = {});
Tensor prod(const Tensor& x, std::optional<DType> dtype = {});
Tensor prod(const Tensor& x, std::int64_t dim, bool keepdim = false, std::optional<DType> dtype = {});
Tensor var(const Tensor& x, bool unbiased = true);
Tensor var(const Tensor& x, IntArrayRef dims, bool unbiased = true, bool keepdim = false);
inline Tensor var(const Tensor& x, int dim) {
  return x.var(dim);
}
Tensor std(const Tensor& x, bool unbiased = true);
Tensor std(const Tensor& x, IntArrayRef dims, bool unbiased = true, bool keepdim = false);
inline Tensor std(const Tensor& x, int dim) {
  return x.std(dim);
}
std::tuple<Tensor, Tensor> var_mean(const Tensor& x, IntArrayRef dims, bool unbiased = true,
                                    bool keepdim = false);
std::tuple<Tensor, Tensor> std_mean(const Tensor& x, IntArrayRef dims, bool unbiased = true,
                                    bool keepdim = false);
Tensor norm(const Tensor& x, Scalar p = 2);
Tensor norm(const Tensor& x, std::optional<Scalar> p, IntArrayRef dims, bool keepdim = false);
Tensor logsumexp(const Tensor& x, IntArrayRef dims, bool keepdim = false);
Tensor amax(const Tensor& x, IntArrayRef dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, IntArrayRef dims = {}, bool keepdim = false);
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
inline Tensor max(const Tensor& x, const Tensor& y) {
  return maximum(x, y);
}
inline Tensor min(const Tensor& x, const Tensor& y) {
  return minimum(x, y);
}
/// Values and the first places that hold them; the gradient goes to those places alone.
std::tuple<Tensor, Tensor> max(const Tensor& x, std::int64_t dim, bool keepdim = false);
std::tuple<Tensor, Tensor> min(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor argmax(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false);
Tensor all(const Tensor& x);
Tensor all(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor any(const Tensor& x);
Tensor any(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor count_nonzero(const Tensor& x);
Tensor cumsum(const Tensor& x, std::int64_t dim, std::optional<DType> dtype = {});
Tensor cumprod(const Tensor& x, std::int64_t dim, std::optional<DType> dtype = {});
Tensor softmax(const Tensor& x, std::int64_t dim, std::optional<DType> dtype = {});
Tensor log_softmax(const Tensor& x, std::int64_t dim, std::optional<DType> dtype = {});
Tensor layer_norm(const Tensor& x, IntArrayRef normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
bool equal(const Tensor& x, const Tensor& y);
bool allclose(const Tensor& x, const Tensor& y, double rtol = 1e-5, double atol = 1e-8,
              bool equal_nan = false);

// Order: values and the places they come from. Equal elements keep their order; NaN counts as the largest.
std::tuple<Tensor, Tensor> sort(const Tensor& x, std::int64_t dim = -1, bool descending = false);
std::tuple<Tensor, Tensor> sort(const Tensor& x, std::optional<bool> stable, std::int64_t dim = -1,
                                bool descending = false);
std::tuple<Tensor, Tensor> topk(const Tensor& x, std::int64_t k, std::int64_t dim = -1, bool largest = true,
                                bool sorted = true);
std::tuple<Tensor, Tensor> kthvalue(const Tensor& x, std::int64_t k, std::int64_t dim = -1,
                                    bool keepdim = false);
Tensor argsort(const Tensor& x, std::int64_t dim = -1, bool descending = false);
Tensor median(const Tensor& x); ///< the lower of the two in the middle
std::tuple<Tensor, Tensor> median(const Tensor& x, std::int64_t dim, bool keepdim = false);

// Contractions.
Tensor matmul(const Tensor& x, const Tensor& y);
Tensor mm(const Tensor& x, const Tensor& y);
Tensor bmm(const Tensor& x, const Tensor& y);
Tensor mv(const Tensor& matrix, const Tensor& vector);
Tensor dot(const Tensor& x, const Tensor& y);
Tensor outer(const Tensor& x, const Tensor& y);
/// beta * x + alpha * a b; x broadcasts. With beta 0, x is not looked at.
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
Tensor addmv(const Tensor& x, const Tensor& matrix, const Tensor& vector, Scalar beta = 1, Scalar alpha = 1);
Tensor addr(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
/// Letters name dimensions, "..." those without one: "bij,bjk->bik". A letter twice in a term: its diagonal.
Tensor einsum(std::string_view equation, const TensorList& tensors);
Tensor trace(const Tensor& x);

// Reading and writing at positions held in a tensor (i64). Positions are checked in eager mode and clamped in
// compiled programs.
Tensor embedding(const Tensor& weight, const Tensor& indices);
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index);
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index, bool sparse_grad = false);
Tensor take(const Tensor& x, const Tensor& index); ///< of the flattened tensor
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<std::int64_t> dim = {});
Tensor one_hot(const Tensor& index, std::int64_t classes = -1);
Tensor masked_select(const Tensor& x, const Tensor& mask);
Tensor nonzero(const Tensor& x); ///< i64 [count, dimensions]; under capture this splits the program
std::vector<Tensor> nonzero_numpy(const Tensor& x);
Tensor scatter(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source);
Tensor scatter(const Tensor& x, std::int64_t dim, const Tensor& index, Scalar value);
Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source);
Tensor index_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha = 1);
Tensor index_copy(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source);
Tensor index_fill(const Tensor& x, std::int64_t dim, const Tensor& index, Scalar value);
Tensor index(const Tensor& x, const std::vector<std::optional<Tensor>>& indices);
Tensor index_put(const Tensor& x, const std::vector<std::optional<Tensor>>& indices, const Tensor& values,
                 bool accumulate = false);
Tensor& index_put_(const Tensor& x, const std::vector<std::optional<Tensor>>& indices, const Tensor& values,
                   bool accumulate = false);

// Losses that stay one op in a capture. `reduction`: "mean", "sum" or "none".
/// x: [N, C] scores; target: i64 [N]. As torch.nn.functional.cross_entropy without weights and smoothing.
Tensor cross_entropy_loss(const Tensor& x, const Tensor& target, const std::string& reduction = "mean",
                          std::int64_t ignore_index = -100);
/// x: [N, C] log-probabilities; target: i64 [N].
Tensor nll_loss(const Tensor& x, const Tensor& target, const std::string& reduction = "mean",
                std::int64_t ignore_index = -100);

// Shapes. The first group are views.
Tensor reshape(const Tensor& x, IntArrayRef sizes);
Tensor flatten(const Tensor& x, std::int64_t start_dim = 0, std::int64_t end_dim = -1);
Tensor ravel(const Tensor& x);
Tensor unflatten(const Tensor& x, std::int64_t dim, IntArrayRef sizes);
Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1);
Tensor swapaxes(const Tensor& x, std::int64_t dim0, std::int64_t dim1);
Tensor movedim(const Tensor& x, IntArrayRef source, IntArrayRef destination);
Tensor t(const Tensor& x);
Tensor permute(const Tensor& x, IntArrayRef dims);
Tensor unsqueeze(const Tensor& x, std::int64_t dim);
Tensor squeeze(const Tensor& x);
Tensor squeeze(const Tensor& x, std::int64_t dim);
Tensor broadcast_to(const Tensor& x, IntArrayRef sizes);
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length);
Tensor slice(const Tensor& x, std::int64_t dim = 0, std::optional<std::int64_t> start = {},
             std::optional<std::int64_t> end = {}, std::int64_t step = 1);
Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index);
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim = 0);
std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t dim = 0);
std::vector<Tensor> split(const Tensor& x, IntArrayRef sizes, std::int64_t dim = 0);
std::vector<Tensor> unbind(const Tensor& x, std::int64_t dim = 0);
Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, std::optional<std::int64_t> dim = {});
Tensor tile(const Tensor& x, IntArrayRef repeats);
Tensor flip(const Tensor& x, IntArrayRef dims);
Tensor roll(const Tensor& x, IntArrayRef shifts, IntArrayRef dims = {});
Tensor tril(const Tensor& x, std::int64_t diagonal = 0);
Tensor triu(const Tensor& x, std::int64_t diagonal = 0);
Tensor diag(const Tensor& x, std::int64_t diagonal = 0); ///< a matrix's diagonal, or the matrix of one
Tensor diagonal(const Tensor& x, std::int64_t offset = 0, std::int64_t dim1 = 0, std::int64_t dim2 = 1);
Tensor as_strided(const Tensor& x, IntArrayRef sizes, IntArrayRef strides,
                  std::optional<std::int64_t> storage_offset = {});

} // namespace kiln
