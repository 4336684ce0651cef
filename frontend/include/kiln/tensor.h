// Tensor: a reference-semantic handle, as LibTorch's. Copies alias; an undefined state exists; views write
// through.
#pragma once

#include "kiln/options.h"

#include <memory>

namespace kiln {

namespace internal {
struct TensorImpl;
using TensorImplPtr = std::shared_ptr<TensorImpl>;
} // namespace internal

/// Indexing: `x.index({Slice(1, None), 0, "..."})`, as Python's x[1:, 0, ...].
struct None_t {};
inline constexpr None_t None{};
struct EllipsisType {};
inline constexpr EllipsisType Ellipsis{};
struct Slice {
  Slice() = default;
  Slice(std::optional<std::int64_t> start, std::optional<std::int64_t> stop, std::int64_t step = 1)
      : start(start), stop(stop), step(step) {}
  Slice(std::int64_t start, None_t, std::int64_t step = 1) : start(start), step(step) {}
  Slice(None_t, std::int64_t stop, std::int64_t step = 1) : stop(stop), step(step) {}
  Slice(None_t, None_t = {}, std::int64_t step = 1) : step(step) {}
  std::optional<std::int64_t> start, stop;
  std::int64_t step = 1;
};
struct TensorIndex;

class Node; // an entry of the autograd tape

class Tensor {
public:
  Tensor() = default;
  explicit Tensor(internal::TensorImplPtr impl) : impl_(std::move(impl)) {}

  // What it is. All but defined() throw Error on an undefined tensor.
  bool defined() const { return impl_ != nullptr; }
  IntArrayRef sizes() const;
  std::int64_t size(std::int64_t dim) const; ///< negative dims count from the end
  std::int64_t dim() const;
  std::int64_t ndimension() const { return dim(); }
  std::int64_t numel() const;
  DType dtype() const;
  ScalarType scalar_type() const { return dtype(); }
  Device device() const;
  TensorOptions options() const;
  bool is_cuda() const { return device().is_cuda(); }
  bool is_floating_point() const { return is_floating(dtype()); }
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  std::size_t element_size() const { return itemsize(dtype()); }

  // Values on the host. Under capture these run what was recorded so far and split the program.
  template <class T = Scalar> T item() const; ///< throws Error unless there is exactly one element
  template <class T> T* data_ptr() const;     ///< throws Error when T is not the dtype; contiguous, row-major
  void* data_ptr() const;
  std::string toString() const;

  // Autograd.
  bool requires_grad() const;
  Tensor& requires_grad_(bool value = true);
  Tensor& set_requires_grad(bool value) { return requires_grad_(value); }
  bool is_leaf() const;
  /// The accumulated gradient; undefined before the first backward().
  const Tensor& grad() const;
  Tensor& mutable_grad();
  std::shared_ptr<Node> grad_fn() const;
  /// Accumulates d(this)/d(leaf) into grad() of every leaf. `gradient` is needed unless this has one element.
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = {},
                bool create_graph = false) const;
  Tensor detach() const; ///< shares memory, no gradient flows through
  Tensor& detach_();
  Tensor data() const { return detach(); }
  void retain_grad() const;

  // Conversions.
  Tensor to(DType dtype) const;
  Tensor to(Device device) const;
  Tensor to(const TensorOptions& options) const;
  Tensor cpu() const { return to(Device(kCPU)); }
  Tensor cuda() const { return to(Device(kCUDA)); }
  Tensor clone() const;
  Tensor contiguous() const { return *this; }
  bool is_contiguous() const { return true; }
  Tensor type_as(const Tensor& other) const { return to(other.dtype()); }

  // Views: writing to one writes to what it views.
  Tensor view(IntArrayRef sizes) const;
  Tensor reshape(IntArrayRef sizes) const;
  Tensor view_as(const Tensor& other) const { return view(other.sizes()); }
  Tensor flatten(std::int64_t start_dim = 0, std::int64_t end_dim = -1) const;
  Tensor unflatten(std::int64_t dim, IntArrayRef sizes) const;
  Tensor permute(IntArrayRef dims) const;
  Tensor transpose(std::int64_t dim0, std::int64_t dim1) const;
  Tensor t() const;
  Tensor unsqueeze(std::int64_t dim) const;
  Tensor squeeze() const;
  Tensor squeeze(std::int64_t dim) const;
  Tensor expand(IntArrayRef sizes) const;
  Tensor expand_as(const Tensor& other) const { return expand(other.sizes()); }
  Tensor narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const;
  Tensor slice(std::int64_t dim, std::optional<std::int64_t> start = {}, std::optional<std::int64_t> end = {},
               std::int64_t step = 1) const;
  Tensor select(std::int64_t dim, std::int64_t index) const;
  Tensor operator[](std::int64_t index) const { return select(0, index); }
  Tensor index(std::initializer_list<TensorIndex> indices) const;
  Tensor index(const std::vector<TensorIndex>& indices) const;
  Tensor& index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value);
  Tensor& index_put_(std::initializer_list<TensorIndex> indices, Scalar value);
  std::vector<Tensor> chunk(std::int64_t chunks, std::int64_t dim = 0) const;
  std::vector<Tensor> split(std::int64_t size, std::int64_t dim = 0) const;
  std::vector<Tensor> unbind(std::int64_t dim = 0) const;

  // Elementwise.
  Tensor abs() const;
  Tensor neg() const;
  Tensor exp() const;
  Tensor log() const;
  Tensor log1p() const;
  Tensor sqrt() const;
  Tensor rsqrt() const;
  Tensor reciprocal() const;
  Tensor square() const;
  Tensor sin() const;
  Tensor cos() const;
  Tensor tanh() const;
  Tensor erf() const;
  Tensor sigmoid() const;
  Tensor relu() const;
  Tensor sign() const;
  Tensor floor() const;
  Tensor ceil() const;
  Tensor round() const;
  Tensor logical_not() const;
  Tensor add(const Tensor& other, Scalar alpha = 1) const;
  Tensor add(Scalar other, Scalar alpha = 1) const;
  Tensor sub(const Tensor& other, Scalar alpha = 1) const;
  Tensor sub(Scalar other, Scalar alpha = 1) const;
  Tensor mul(const Tensor& other) const;
  Tensor mul(Scalar other) const;
  Tensor div(const Tensor& other) const;
  Tensor div(Scalar other) const;
  Tensor pow(const Tensor& exponent) const;
  Tensor pow(Scalar exponent) const;
  Tensor clamp(std::optional<Scalar> min = {}, std::optional<Scalar> max = {}) const;
  Tensor clamp_min(Scalar min) const;
  Tensor clamp_max(Scalar max) const;
  Tensor eq(const Tensor& other) const;
  Tensor eq(Scalar other) const;
  Tensor ne(const Tensor& other) const;
  Tensor ne(Scalar other) const;
  Tensor lt(const Tensor& other) const;
  Tensor lt(Scalar other) const;
  Tensor le(const Tensor& other) const;
  Tensor le(Scalar other) const;
  Tensor gt(const Tensor& other) const;
  Tensor gt(Scalar other) const;
  Tensor ge(const Tensor& other) const;
  Tensor ge(Scalar other) const;
  Tensor logical_and(const Tensor& other) const;
  Tensor logical_or(const Tensor& other) const;
  Tensor masked_fill(const Tensor& mask, Scalar value) const;
  Tensor operator-() const { return neg(); }

  // Reductions.
  Tensor sum(std::optional<DType> dtype = {}) const;
  Tensor sum(IntArrayRef dims, bool keepdim = false) const;
  Tensor mean(std::optional<DType> dtype = {}) const;
  Tensor mean(IntArrayRef dims, bool keepdim = false) const;
  Tensor var(bool unbiased = true) const;
  Tensor var(IntArrayRef dims, bool unbiased = true, bool keepdim = false) const;
  Tensor std(bool unbiased = true) const;
  Tensor norm(Scalar p = 2) const;
  Tensor max() const;
  Tensor min() const;
  std::tuple<Tensor, Tensor> max(std::int64_t dim, bool keepdim = false) const;
  std::tuple<Tensor, Tensor> min(std::int64_t dim, bool keepdim = false) const;
  Tensor amax(IntArrayRef dims, bool keepdim = false) const;
  Tensor amin(IntArrayRef dims, bool keepdim = false) const;
  Tensor argmax(std::optional<std::int64_t> dim = {}, bool keepdim = false) const;
  Tensor argmin(std::optional<std::int64_t> dim = {}, bool keepdim = false) const;
  Tensor all() const;
  Tensor any() const;
  Tensor softmax(std::int64_t dim) const;
  Tensor log_softmax(std::int64_t dim) const;
  bool equal(const Tensor& other) const;
  bool allclose(const Tensor& other, double rtol = 1e-5, double atol = 1e-8) const;

  // Contractions and indexing by tensors.
  Tensor matmul(const Tensor& other) const;
  Tensor mm(const Tensor& other) const;
  Tensor bmm(const Tensor& other) const;
  Tensor index_select(std::int64_t dim, const Tensor& index) const;
  Tensor gather(std::int64_t dim, const Tensor& index) const;

  // In place: the storage gets a new value; views and aliases see it.
  Tensor& copy_(const Tensor& source);
  Tensor& fill_(Scalar value);
  Tensor& zero_();
  Tensor& add_(const Tensor& other, Scalar alpha = 1);
  Tensor& add_(Scalar other, Scalar alpha = 1);
  Tensor& sub_(const Tensor& other, Scalar alpha = 1);
  Tensor& sub_(Scalar other, Scalar alpha = 1);
  Tensor& mul_(const Tensor& other);
  Tensor& mul_(Scalar other);
  Tensor& div_(const Tensor& other);
  Tensor& div_(Scalar other);
  Tensor& addcmul_(const Tensor& a, const Tensor& b, Scalar value = 1);
  Tensor& addcdiv_(const Tensor& a, const Tensor& b, Scalar value = 1);
  Tensor& clamp_(std::optional<Scalar> min = {}, std::optional<Scalar> max = {});
  Tensor& relu_();
  Tensor& masked_fill_(const Tensor& mask, Scalar value);
  Tensor& uniform_(double low = 0, double high = 1);
  Tensor& normal_(double mean = 0, double std = 1);
  Tensor& bernoulli_(double p = 0.5);
  Tensor& operator+=(const Tensor& other) { return add_(other); }
  Tensor& operator+=(Scalar other) { return add_(other); }
  Tensor& operator-=(const Tensor& other) { return sub_(other); }
  Tensor& operator-=(Scalar other) { return sub_(other); }
  Tensor& operator*=(const Tensor& other) { return mul_(other); }
  Tensor& operator*=(Scalar other) { return mul_(other); }
  Tensor& operator/=(const Tensor& other) { return div_(other); }
  Tensor& operator/=(Scalar other) { return div_(other); }
  /// Assigning to a temporary view writes through it: `x[0] = y;`.
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & = default;
  Tensor& operator=(const Tensor& source) && { return copy_(source); }
  Tensor& operator=(Scalar value) && { return fill_(value); }
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) = default;

  const internal::TensorImplPtr& impl() const { return impl_; } ///< for the library's own use

private:
  internal::TensorImplPtr impl_;
};

struct TensorIndex {
  enum class Kind : std::uint8_t { None, Ellipsis, Integer, Slice, Tensor };
  TensorIndex(None_t) : kind(Kind::None) {}
  TensorIndex(std::nullopt_t) : kind(Kind::None) {}
  TensorIndex(EllipsisType) : kind(Kind::Ellipsis) {}
  TensorIndex(const char* dots);
  TensorIndex(std::int64_t integer) : kind(Kind::Integer), integer(integer) {}
  TensorIndex(int integer) : kind(Kind::Integer), integer(integer) {}
  TensorIndex(kiln::Slice slice) : kind(Kind::Slice), slice(slice) {}
  TensorIndex(kiln::Tensor tensor) : kind(Kind::Tensor), tensor(std::move(tensor)) {}
  Kind kind;
  std::int64_t integer = 0;
  kiln::Slice slice;
  kiln::Tensor tensor;
};

namespace indexing {
using kiln::Ellipsis;
using kiln::None;
using kiln::Slice;
using kiln::TensorIndex;
} // namespace indexing

template <> Scalar Tensor::item<Scalar>() const;
template <class T> T Tensor::item() const {
  return item<Scalar>().to<T>();
}
template <> float* Tensor::data_ptr<float>() const;
template <> double* Tensor::data_ptr<double>() const;
template <> std::int64_t* Tensor::data_ptr<std::int64_t>() const;
template <> std::int32_t* Tensor::data_ptr<std::int32_t>() const;
template <> std::uint8_t* Tensor::data_ptr<std::uint8_t>() const;
template <> std::int8_t* Tensor::data_ptr<std::int8_t>() const;
template <> bool* Tensor::data_ptr<bool>() const;

/// PyTorch's layout of numbers: columns aligned, "[ CPUFloatType{2,3} ]" at the end.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

using TensorList = std::vector<Tensor>;

} // namespace kiln
