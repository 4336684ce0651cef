// Tensor: a reference-semantic handle, as LibTorch's. Copies alias; an undefined state exists; views write
// through.
#pragma once

#include "kiln/options.h"

#include <functional>
#include <memory>
#include <string_view>
#include <tuple>

namespace kiln {

namespace internal {
struct TensorImpl;
using TensorImplPtr = std::shared_ptr<TensorImpl>;
} // namespace internal

class TensorIndex;                                      // kiln/index.h
template <class T, std::size_t N> class TensorAccessor; // kiln/accessor.h

class Node; // an entry of the autograd tape

/// The memory behind a tensor, for programs that ask whose it is; keeps it alive.
class TensorStorage {
public:
  class DataPtr {
  public:
    void* get() const { return data_; }
    void* get_context() const { return context_; } ///< null for memory of the caller's without a deleter

  private:
    friend class Tensor;
    void *data_ = nullptr, *context_ = nullptr;
  };
  const DataPtr& data_ptr() const { return pointer_; }
  void* data() const { return pointer_.get(); }
  std::size_t nbytes() const { return bytes_; }
  bool is_alias_of(const TensorStorage& other) const { return owner_ == other.owner_; }

private:
  friend class Tensor;
  std::shared_ptr<const void> owner_;
  DataPtr pointer_;
  std::size_t bytes_ = 0;
};

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
  Layout layout() const { return kStrided; }
  int get_device() const { return device().index(); } ///< the GPU's number; -1 on the CPU
  bool is_floating_point() const { return is_floating(dtype()); }
  bool is_signed() const { return dtype() != kUInt8 && dtype() != kBool; }
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  std::size_t element_size() const { return kiln::itemsize(dtype()); }
  std::size_t itemsize() const { return kiln::itemsize(dtype()); }
  std::size_t nbytes() const { return static_cast<std::size_t>(numel()) * element_size(); }
  bool is_cpu() const { return device().is_cpu(); }
  /// In elements. Those of a view of other memory, as LibTorch's; row-major for a view that strides cannot
  /// describe (the elements are then copied when they are read).
  std::vector<std::int64_t> strides() const;
  std::int64_t stride(std::int64_t dim) const;
  std::int64_t storage_offset() const; ///< of the first element, in elements
  TensorStorage storage() const;       ///< of the tensor that this is a view of
  std::int64_t _version() const;       ///< counts in-place writes to the memory behind this tensor
  void reset();                        ///< makes this handle undefined

  // Values on the host. Under capture these run what was recorded so far and split the program.
  template <class T = Scalar> T item() const; ///< throws Error unless there is exactly one element
  /// The first element; the others lie at strides() from it. Throws Error when T is not the dtype.
  template <class T> T* data_ptr() const;
  void* data_ptr() const;
  /// a[i][j]: elements on the host without a call for each. Throws Error for another dtype than T and another
  /// number of dimensions than N. Include kiln/accessor.h.
  template <class T, std::size_t N> TensorAccessor<T, N> accessor() const;
  std::string toString() const;

  // Autograd.
  bool requires_grad() const;
  Tensor& requires_grad_(bool value = true) const;
  Tensor& set_requires_grad(bool value) const { return requires_grad_(value); }
  bool is_leaf() const;
  /// The accumulated gradient; undefined before the first backward().
  const Tensor& grad() const;
  Tensor& mutable_grad() const;
  std::shared_ptr<Node> grad_fn() const;
  std::int64_t output_nr() const; ///< which result of grad_fn() this is
  /// Accumulates d(this)/d(leaf) into grad() of every leaf. `gradient` is needed unless this has one element.
  /// With `inputs`, of those alone.
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = {}, bool create_graph = false,
                std::optional<ArrayRef<Tensor>> inputs = {}) const;
  Tensor detach() const; ///< shares memory, no gradient flows through
  Tensor& detach_() const;
  Tensor data() const { return detach(); }
  Tensor tensor_data() const { return detach(); }
  Tensor variable_data() const { return detach().clone(); }
  void set_data(const Tensor& data) const; ///< another value, of any shape and dtype, behind the same handle
  void retain_grad() const;                ///< grad() of an intermediate is kept
  bool retains_grad() const;
  /// Calls hook(gradient) whenever the gradient of this tensor is known; a tensor that it returns takes the
  /// gradient's place. Returns a number for remove_hook. Under capture the hook is part of what is captured.
  template <class F> unsigned register_hook(F hook) const {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, Tensor>>)
      return add_hook([hook](Tensor gradient) mutable {
        hook(std::move(gradient));
        return Tensor();
      });
    else
      return add_hook(std::move(hook));
  }
  void remove_hook(unsigned number) const; ///< throws Error when there is no such hook

  // Conversions. With `copy` the result never shares memory; non_blocking is accepted and means nothing on a
  // CPU.
  Tensor to(DType dtype, bool non_blocking = false, bool copy = false) const;
  Tensor to(Device device, bool non_blocking = false, bool copy = false) const;
  Tensor to(DeviceType device, bool non_blocking = false, bool copy = false) const {
    return to(Device(device), non_blocking, copy);
  }
  Tensor to(Device device, DType dtype, bool non_blocking = false, bool copy = false) const;
  Tensor to(const TensorOptions& options, bool non_blocking = false, bool copy = false) const;
  Tensor to(const Tensor& other, bool non_blocking = false, bool copy = false) const;
  Tensor toType(DType dtype) const { return to(dtype); }
  Tensor type_as(const Tensor& other) const { return to(other.dtype()); }
  Tensor cpu() const { return to(Device(kCPU)); }
  Tensor cuda() const { return to(Device(kCUDA)); }
  Tensor clone() const;
  Tensor contiguous() const; ///< itself where its elements lie in row-major order, else a copy
  bool is_contiguous() const;
  /// Tensors of this one's dtype (unless the options say another).
  Tensor new_empty(IntArrayRef sizes, const TensorOptions& options = {}) const;
  Tensor new_zeros(IntArrayRef sizes, const TensorOptions& options = {}) const;
  Tensor new_ones(IntArrayRef sizes, const TensorOptions& options = {}) const;
  Tensor new_full(IntArrayRef sizes, Scalar value, const TensorOptions& options = {}) const;

  // Views: writing to one writes to what it views.
  Tensor view(IntArrayRef sizes) const;
  Tensor reshape(IntArrayRef sizes) const;
  Tensor alias() const { return view(sizes()); } ///< another handle on the same memory
  Tensor view_as(const Tensor& other) const { return view(other.sizes()); }
  Tensor reshape_as(const Tensor& other) const { return reshape(other.sizes()); }
  Tensor flatten(std::int64_t start_dim = 0, std::int64_t end_dim = -1) const;
  Tensor ravel() const { return flatten(); }
  Tensor unflatten(std::int64_t dim, IntArrayRef sizes) const;
  Tensor permute(IntArrayRef dims) const;
  Tensor transpose(std::int64_t dim0, std::int64_t dim1) const;
  Tensor swapaxes(std::int64_t dim0, std::int64_t dim1) const { return transpose(dim0, dim1); }
  Tensor swapdims(std::int64_t dim0, std::int64_t dim1) const { return transpose(dim0, dim1); }
  Tensor movedim(IntArrayRef source, IntArrayRef destination) const;
  Tensor moveaxis(IntArrayRef source, IntArrayRef destination) const { return movedim(source, destination); }
  Tensor t() const;
  Tensor numpy_T() const; ///< dimensions in reverse order
  Tensor mT() const { return transpose(-2, -1); }
  Tensor unsqueeze(std::int64_t dim) const;
  Tensor squeeze() const;
  Tensor squeeze(std::int64_t dim) const;
  Tensor expand(IntArrayRef sizes, bool implicit = false) const;
  Tensor expand_as(const Tensor& other) const { return expand(other.sizes()); }
  Tensor broadcast_to(IntArrayRef sizes) const { return expand(sizes); }
  Tensor narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const;
  Tensor slice(std::int64_t dim = 0, std::optional<std::int64_t> start = {},
               std::optional<std::int64_t> end = {}, std::int64_t step = 1) const;
  Tensor select(std::int64_t dim, std::int64_t index) const;
  /// Elements of the memory behind this tensor at `strides` from `storage_offset` (its own where not given),
  /// in elements. A view where no two places share an element, else a copy. Throws Error for places beyond
  /// it.
  Tensor as_strided(IntArrayRef sizes, IntArrayRef strides,
                    std::optional<std::int64_t> storage_offset = {}) const;
  /// The diagonal over two dimensions, which come last as one.
  Tensor diagonal(std::int64_t offset = 0, std::int64_t dim1 = 0, std::int64_t dim2 = 1) const;
  Tensor diag(std::int64_t diagonal = 0) const;
  Tensor operator[](std::int64_t index) const { return select(0, index); }
  Tensor operator[](const Tensor& index) const; ///< by an integer or boolean tensor
  Tensor index(std::initializer_list<TensorIndex> indices) const;
  Tensor index(const std::vector<TensorIndex>& indices) const;
  /// With `accumulate`, values are added, also where positions come twice.
  Tensor& index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value,
                     bool accumulate = false) const;
  Tensor& index_put_(std::initializer_list<TensorIndex> indices, Scalar value) const;
  Tensor& index_put_(const std::vector<TensorIndex>& indices, const Tensor& value,
                     bool accumulate = false) const;
  Tensor& index_put_(const std::vector<TensorIndex>& indices, Scalar value) const;
  std::vector<Tensor> chunk(std::int64_t chunks, std::int64_t dim = 0) const;
  std::vector<Tensor> split(std::int64_t size, std::int64_t dim = 0) const;
  std::vector<Tensor> split(IntArrayRef sizes, std::int64_t dim = 0) const;
  std::vector<Tensor> split_with_sizes(IntArrayRef sizes, std::int64_t dim = 0) const;
  std::vector<Tensor> tensor_split(std::int64_t sections, std::int64_t dim = 0) const;
  std::vector<Tensor> unbind(std::int64_t dim = 0) const;
  Tensor unfold(std::int64_t dim, std::int64_t size, std::int64_t step) const; ///< windows; a copy
  Tensor& unsqueeze_(std::int64_t dim) const;
  Tensor& squeeze_() const;
  Tensor& squeeze_(std::int64_t dim) const;
  Tensor& transpose_(std::int64_t dim0, std::int64_t dim1) const;
  Tensor& t_() const;
  /// Another shape in the same memory: row-major elements stay as far as there are places, new ones are
  /// undefined. Throws Error for a view and for a tensor that needs gradients.
  Tensor& resize_(IntArrayRef sizes) const;

  // Elements in another order or number; copies.
  Tensor repeat(IntArrayRef repeats) const;
  Tensor tile(IntArrayRef repeats) const;
  Tensor repeat_interleave(std::int64_t repeats, std::optional<std::int64_t> dim = {}) const;
  Tensor flip(IntArrayRef dims) const;
  Tensor roll(IntArrayRef shifts, IntArrayRef dims = {}) const;
  Tensor fliplr() const, flipud() const, rot90(std::int64_t k = 1, IntArrayRef dims = {0, 1}) const;
  Tensor diag_embed(std::int64_t offset = 0, std::int64_t dim1 = -2, std::int64_t dim2 = -1) const;
  Tensor diagflat(std::int64_t offset = 0) const;
  Tensor diff(std::int64_t n = 1, std::int64_t dim = -1, const std::optional<Tensor>& prepend = {},
              const std::optional<Tensor>& append = {}) const;
  Tensor tril(std::int64_t diagonal = 0) const;
  Tensor triu(std::int64_t diagonal = 0) const;

  // Elementwise.
  Tensor abs() const, absolute() const, neg() const, negative() const, positive() const;
  Tensor exp() const, exp2() const, expm1() const, log() const, log2() const, log10() const, log1p() const;
  Tensor sqrt() const, rsqrt() const, reciprocal() const, square() const;
  Tensor sin() const, cos() const, tan() const, asin() const, acos() const, atan() const, sinh() const,
      cosh() const, tanh() const;
  Tensor erf() const, erfc() const, sigmoid() const, logit() const, relu() const;
  Tensor asinh() const, acosh() const, atanh() const, deg2rad() const, rad2deg() const, sinc() const;
  Tensor sign() const, sgn() const, floor() const, ceil() const, round() const, trunc() const, frac() const;
  Tensor logical_not() const, bitwise_not() const, isnan() const, isinf() const, isfinite() const;
  Tensor isposinf() const, isneginf() const, hardshrink(Scalar lambd = 0.5) const;
  Tensor nan_to_num(std::optional<double> nan = {}, std::optional<double> posinf = {},
                    std::optional<double> neginf = {}) const;
  Tensor add(const Tensor& other, Scalar alpha = 1) const;
  Tensor add(Scalar other, Scalar alpha = 1) const;
  Tensor sub(const Tensor& other, Scalar alpha = 1) const;
  Tensor sub(Scalar other, Scalar alpha = 1) const;
  Tensor mul(const Tensor& other) const;
  Tensor mul(Scalar other) const;
  Tensor multiply(const Tensor& other) const { return mul(other); }
  Tensor multiply(Scalar other) const { return mul(other); }
  Tensor subtract(const Tensor& other, Scalar alpha = 1) const { return sub(other, alpha); }
  Tensor subtract(Scalar other, Scalar alpha = 1) const { return sub(other, alpha); }
  Tensor divide(const Tensor& other) const { return div(other); }
  Tensor divide(Scalar other) const { return div(other); }
  Tensor div(const Tensor& other) const;
  Tensor div(Scalar other) const;
  /// rounding_mode: "trunc", "floor", or none for true division.
  Tensor div(const Tensor& other, std::optional<std::string_view> rounding_mode) const;
  Tensor div(Scalar other, std::optional<std::string_view> rounding_mode) const;
  Tensor true_divide(const Tensor& other) const { return div(other); }
  Tensor floor_divide(const Tensor& other) const, floor_divide(Scalar other) const;
  Tensor remainder(const Tensor& other) const, remainder(Scalar other) const; ///< sign of the divisor
  Tensor fmod(const Tensor& other) const, fmod(Scalar other) const;           ///< sign of the dividend
  Tensor pow(const Tensor& exponent) const, pow(Scalar exponent) const;
  Tensor maximum(const Tensor& other) const, minimum(const Tensor& other) const;
  Tensor fmax(const Tensor& other) const, fmin(const Tensor& other) const;
  Tensor hypot(const Tensor& other) const, logaddexp(const Tensor& other) const;
  Tensor logaddexp2(const Tensor& other) const, xlogy(const Tensor& other) const, xlogy(Scalar other) const;
  Tensor clamp(std::optional<Scalar> min = {}, std::optional<Scalar> max = {}) const;
  Tensor clamp(const std::optional<Tensor>& min, const std::optional<Tensor>& max) const;
  Tensor clip(std::optional<Scalar> min = {}, std::optional<Scalar> max = {}) const {
    return clamp(min, max);
  }
  Tensor clamp_min(Scalar min) const, clamp_max(Scalar max) const;
  Tensor lerp(const Tensor& end, Scalar weight) const, lerp(const Tensor& end, const Tensor& weight) const;
  Tensor addcmul(const Tensor& a, const Tensor& b, Scalar value = 1) const;
  Tensor addcdiv(const Tensor& a, const Tensor& b, Scalar value = 1) const;
  Tensor eq(const Tensor& other) const, eq(Scalar other) const;
  Tensor ne(const Tensor& other) const, ne(Scalar other) const;
  Tensor lt(const Tensor& other) const, lt(Scalar other) const;
  Tensor le(const Tensor& other) const, le(Scalar other) const;
  Tensor gt(const Tensor& other) const, gt(Scalar other) const;
  Tensor ge(const Tensor& other) const, ge(Scalar other) const;
  Tensor greater(const Tensor& other) const { return gt(other); }
  Tensor greater(Scalar other) const { return gt(other); }
  Tensor greater_equal(const Tensor& other) const { return ge(other); }
  Tensor greater_equal(Scalar other) const { return ge(other); }
  Tensor less(const Tensor& other) const { return lt(other); }
  Tensor less(Scalar other) const { return lt(other); }
  Tensor less_equal(const Tensor& other) const { return le(other); }
  Tensor less_equal(Scalar other) const { return le(other); }
  Tensor not_equal(const Tensor& other) const { return ne(other); }
  Tensor not_equal(Scalar other) const { return ne(other); }
  Tensor logical_and(const Tensor& other) const, logical_or(const Tensor& other) const;
  Tensor logical_xor(const Tensor& other) const;
  Tensor bitwise_and(const Tensor& other) const, bitwise_and(Scalar other) const;
  Tensor bitwise_or(const Tensor& other) const, bitwise_or(Scalar other) const;
  Tensor bitwise_xor(const Tensor& other) const, bitwise_xor(Scalar other) const;
  Tensor isclose(const Tensor& other, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) const;
  Tensor where(const Tensor& condition, const Tensor& other) const;
  Tensor masked_fill(const Tensor& mask, Scalar value) const,
      masked_fill(const Tensor& mask, const Tensor& value) const;
  Tensor operator-() const { return neg(); }
  Tensor operator~() const { return bitwise_not(); }
  Tensor operator!() const { return logical_not(); }

  // Reductions. Of whole tensors, or over dimensions, which go away unless keepdim.
  Tensor sum(std::optional<DType> dtype = {}) const;
  Tensor sum(IntArrayRef dims, bool keepdim = false, std::optional<DType> dtype = {}) const;
  Tensor nansum() const;
  Tensor mean(std::optional<DType> dtype = {}) const;
  Tensor mean(IntArrayRef dims, bool keepdim = false, std::optional<DType> dtype = {}) const;
  Tensor prod(std::optional<DType> dtype = {}) const;
  Tensor prod(std::int64_t dim, bool keepdim = false, std::optional<DType> dtype = {}) const;
  Tensor var(bool unbiased = true) const, std(bool unbiased = true) const;
  Tensor var(IntArrayRef dims, bool unbiased = true, bool keepdim = false) const;
  Tensor var(int dim) const { return var(IntArrayRef(std::int64_t{dim})); } ///< and not var(unbiased)
  Tensor std(IntArrayRef dims, bool unbiased = true, bool keepdim = false) const;
  Tensor std(int dim) const { return std(IntArrayRef(std::int64_t{dim})); }
  Tensor norm(Scalar p = 2) const;
  Tensor norm(std::optional<Scalar> p, IntArrayRef dims, bool keepdim = false) const;
  Tensor logsumexp(IntArrayRef dims, bool keepdim = false) const;
  Tensor max() const, min() const;
  Tensor max(const Tensor& other) const { return maximum(other); }
  Tensor min(const Tensor& other) const { return minimum(other); }
  std::tuple<Tensor, Tensor> max(std::int64_t dim, bool keepdim = false) const;
  std::tuple<Tensor, Tensor> min(std::int64_t dim, bool keepdim = false) const;
  Tensor amax(IntArrayRef dims = {}, bool keepdim = false) const;
  Tensor amin(IntArrayRef dims = {}, bool keepdim = false) const;
  Tensor argmax(std::optional<std::int64_t> dim = {}, bool keepdim = false) const;
  Tensor argmin(std::optional<std::int64_t> dim = {}, bool keepdim = false) const;
  Tensor all() const, all(std::int64_t dim, bool keepdim = false) const;
  Tensor any() const, any(std::int64_t dim, bool keepdim = false) const;
  Tensor count_nonzero() const;
  Tensor nanmean(IntArrayRef dims = {}, bool keepdim = false, std::optional<DType> dtype = {}) const;
  std::tuple<Tensor, Tensor> aminmax(std::optional<std::int64_t> dim = {}, bool keepdim = false) const;
  Tensor cov(std::int64_t correction = 1) const, corrcoef() const;
  Tensor dist(const Tensor& other, Scalar p = 2) const;
  Tensor renorm(Scalar p, std::int64_t dim, Scalar maxnorm) const;
  Tensor histc(std::int64_t bins = 100, Scalar min = 0, Scalar max = 0) const;
  Tensor bincount(const std::optional<Tensor>& weights = {}, std::int64_t minlength = 0) const;
  Tensor median() const;
  std::tuple<Tensor, Tensor> median(std::int64_t dim, bool keepdim = false) const;
  Tensor cumsum(std::int64_t dim, std::optional<DType> dtype = {}) const;
  Tensor cumprod(std::int64_t dim, std::optional<DType> dtype = {}) const;
  Tensor softmax(std::int64_t dim, std::optional<DType> dtype = {}) const;
  Tensor log_softmax(std::int64_t dim, std::optional<DType> dtype = {}) const;
  bool equal(const Tensor& other) const;
  bool allclose(const Tensor& other, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) const;
  bool is_nonzero() const; ///< throws Error unless there is exactly one element

  // Order: values and the places they come from. NaN counts as the largest.
  std::tuple<Tensor, Tensor> sort(std::int64_t dim = -1, bool descending = false) const;
  std::tuple<Tensor, Tensor> sort(std::optional<bool> stable, std::int64_t dim = -1,
                                  bool descending = false) const;
  std::tuple<Tensor, Tensor> topk(std::int64_t k, std::int64_t dim = -1, bool largest = true,
                                  bool sorted = true) const;
  std::tuple<Tensor, Tensor> kthvalue(std::int64_t k, std::int64_t dim = -1, bool keepdim = false) const;
  Tensor argsort(std::int64_t dim = -1, bool descending = false) const;

  // Contractions.
  Tensor matmul(const Tensor& other) const, mm(const Tensor& other) const, bmm(const Tensor& other) const;
  Tensor mv(const Tensor& vector) const, dot(const Tensor& other) const, outer(const Tensor& other) const;
  Tensor addmm(const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1) const;
  Tensor addmv(const Tensor& matrix, const Tensor& vector, Scalar beta = 1, Scalar alpha = 1) const;
  Tensor baddbmm(const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1) const;
  Tensor addbmm(const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1) const;
  Tensor inner(const Tensor& other) const, kron(const Tensor& other) const, vdot(const Tensor& other) const;
  Tensor cross(const Tensor& other, std::optional<std::int64_t> dim = {}) const;
  Tensor matrix_power(std::int64_t n) const;
  Tensor trace() const;

  // Reading and writing at positions held in a tensor (i64; negative ones are an error except in index()).
  Tensor index_select(std::int64_t dim, const Tensor& index) const;
  Tensor gather(std::int64_t dim, const Tensor& index, bool sparse_grad = false) const;
  Tensor take(const Tensor& index) const; ///< of the flattened tensor
  Tensor take_along_dim(const Tensor& index, std::optional<std::int64_t> dim = {}) const;
  Tensor masked_select(const Tensor& mask) const;
  Tensor nonzero() const; ///< i64 [count, dimensions]; under capture this splits the program
  Tensor scatter(std::int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor scatter(std::int64_t dim, const Tensor& index, Scalar value) const;
  Tensor scatter_add(std::int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor index_add(std::int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha = 1) const;
  Tensor index_copy(std::int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor index_fill(std::int64_t dim, const Tensor& index, Scalar value) const;

  // In place: the storage gets a new value; views and aliases see it.
  Tensor& copy_(const Tensor& source, bool non_blocking = false) const;
  Tensor &fill_(Scalar value) const, &fill_(const Tensor& value) const, &zero_() const;
  Tensor& add_(const Tensor& other, Scalar alpha = 1) const;
  Tensor& add_(Scalar other, Scalar alpha = 1) const;
  Tensor& sub_(const Tensor& other, Scalar alpha = 1) const;
  Tensor& sub_(Scalar other, Scalar alpha = 1) const;
  Tensor &mul_(const Tensor& other) const, &mul_(Scalar other) const;
  Tensor &div_(const Tensor& other) const, &div_(Scalar other) const;
  Tensor &remainder_(const Tensor& other) const, &remainder_(Scalar other) const;
  Tensor &fmod_(const Tensor& other) const, &fmod_(Scalar other) const;
  Tensor &floor_divide_(const Tensor& other) const, &floor_divide_(Scalar other) const;
  Tensor &pow_(const Tensor& exponent) const, &pow_(Scalar exponent) const;
  Tensor &eq_(const Tensor& other) const, &eq_(Scalar other) const, &ne_(const Tensor& other) const,
      &ne_(Scalar other) const, &lt_(const Tensor& other) const, &lt_(Scalar other) const,
      &le_(const Tensor& other) const, &le_(Scalar other) const, &gt_(const Tensor& other) const,
      &gt_(Scalar other) const, &ge_(const Tensor& other) const, &ge_(Scalar other) const;
  Tensor &logical_and_(const Tensor& other) const, &logical_or_(const Tensor& other) const,
      &logical_xor_(const Tensor& other) const;
  Tensor &bitwise_and_(const Tensor& other) const, &bitwise_or_(const Tensor& other) const,
      &bitwise_xor_(const Tensor& other) const;
  Tensor &abs_() const, &neg_() const, &exp_() const, &exp2_() const, &expm1_() const, &log_() const,
      &log2_() const, &log10_() const, &log1p_() const, &sqrt_() const, &rsqrt_() const, &reciprocal_() const,
      &square_() const, &sin_() const, &cos_() const, &tan_() const, &asin_() const, &acos_() const,
      &atan_() const, &sinh_() const, &cosh_() const, &tanh_() const, &erf_() const, &erfc_() const,
      &sigmoid_() const, &logit_() const, &relu_() const, &sign_() const, &floor_() const, &ceil_() const,
      &round_() const, &trunc_() const, &frac_() const, &logical_not_() const, &bitwise_not_() const;
  Tensor& addcmul_(const Tensor& a, const Tensor& b, Scalar value = 1) const;
  Tensor& addcdiv_(const Tensor& a, const Tensor& b, Scalar value = 1) const;
  Tensor& addmm_(const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1) const;
  Tensor& lerp_(const Tensor& end, Scalar weight) const;
  Tensor& clamp_(std::optional<Scalar> min = {}, std::optional<Scalar> max = {}) const;
  Tensor &clamp_min_(Scalar min) const, &clamp_max_(Scalar max) const;
  Tensor &tril_(std::int64_t diagonal = 0) const, &triu_(std::int64_t diagonal = 0) const;
  Tensor& masked_fill_(const Tensor& mask, Scalar value) const;
  Tensor& masked_fill_(const Tensor& mask, const Tensor& value) const;
  Tensor& scatter_(std::int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor& scatter_(std::int64_t dim, const Tensor& index, Scalar value) const;
  Tensor& scatter_add_(std::int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor& index_add_(std::int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha = 1) const;
  Tensor& index_copy_(std::int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor& index_fill_(std::int64_t dim, const Tensor& index, Scalar value) const;
  Tensor& cumsum_(std::int64_t dim) const;
  Tensor& fill_diagonal_(Scalar value) const; ///< of a matrix
  Tensor& uniform_(double low = 0, double high = 1) const;
  Tensor& normal_(double mean = 0, double std = 1) const;
  Tensor& bernoulli_(double p = 0.5) const;
  Tensor& exponential_(double lambda = 1) const;
  Tensor& log_normal_(double mean = 1, double std = 2) const; ///< exp of what normal_ draws
  Tensor& cauchy_(double median = 0, double sigma = 1) const;
  Tensor& geometric_(double p) const; ///< trials up to the first success: whole numbers from 1
  /// Whole numbers below `to` (not included), from 0 or `from`; without bounds, all that the dtype holds
  /// exactly.
  Tensor& random_() const;
  Tensor& random_(std::int64_t to) const;
  Tensor& random_(std::int64_t from, std::int64_t to) const;
  Tensor& operator+=(const Tensor& other) { return add_(other); }
  Tensor& operator+=(Scalar other) { return add_(other); }
  Tensor& operator-=(const Tensor& other) { return sub_(other); }
  Tensor& operator-=(Scalar other) { return sub_(other); }
  Tensor& operator*=(const Tensor& other) { return mul_(other); }
  Tensor& operator*=(Scalar other) { return mul_(other); }
  Tensor& operator/=(const Tensor& other) { return div_(other); }
  Tensor& operator/=(Scalar other) { return div_(other); }
  Tensor& operator&=(const Tensor& other) { return bitwise_and_(other); }
  Tensor& operator|=(const Tensor& other) { return bitwise_or_(other); }
  Tensor& operator^=(const Tensor& other) { return bitwise_xor_(other); }
  /// Assigning to a temporary view writes through it: `x[0] = y;`.
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & = default;
  // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): copying elements onto themselves changes none
  Tensor& operator=(const Tensor& source) && { return copy_(source); }
  // NOLINTNEXTLINE(performance-noexcept-move-constructor): copies elements, and shapes may differ
  Tensor& operator=(Tensor&& source) && { return copy_(source); }
  Tensor& operator=(Scalar value) && { return fill_(value); }
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) = default;

  const internal::TensorImplPtr& impl() const { return impl_; }             ///< for the library's own use
  internal::TensorImpl* unsafeGetTensorImpl() const { return impl_.get(); } ///< tells handles apart

private:
  unsigned add_hook(std::function<Tensor(Tensor)> hook) const;
  internal::TensorImplPtr impl_;
};

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

#include "kiln/index.h"
