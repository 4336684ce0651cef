// Views: each adds one shape op to the lens.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/ops.h"

#include <algorithm>

namespace kiln {

using namespace internal;

namespace {

Tensor reshaped(const Tensor& x, std::vector<std::int64_t> sizes) {
  return make_view(x, "reshape", {{"shape", std::move(sizes)}});
}

// Fills in one -1.
std::vector<std::int64_t> resolve(const Tensor& x, IntArrayRef sizes, const char* op) {
  std::vector<std::int64_t> result = sizes.vec();
  std::int64_t known = 1, unknown = -1;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i] == -1 && unknown < 0)
      unknown = static_cast<std::int64_t>(i);
    else if (result[i] < 0)
      fail(std::string(op) + ": invalid shape dimension " + std::to_string(result[i]));
    else if (__builtin_mul_overflow(known, result[i], &known))
      fail(std::string(op) + ": a tensor of " + to_string(sizes.shape()) + " is larger than any memory");
  }
  const std::int64_t count = shape_of(x, op).numel();
  if (unknown >= 0 && known != 0 && count % known == 0)
    result[static_cast<std::size_t>(unknown)] = count / known;
  else if (unknown >= 0 || known != count)
    fail(std::string(op) + ": shape '" + to_string(sizes.shape()) + "' is invalid for input of size " +
         std::to_string(count));
  return result;
}

} // namespace

Tensor Tensor::view(IntArrayRef sizes) const {
  return reshaped(*this, resolve(*this, sizes, "view"));
}
Tensor Tensor::reshape(IntArrayRef sizes) const {
  return reshaped(*this, resolve(*this, sizes, "reshape"));
}
Tensor Tensor::flatten(std::int64_t start_dim, std::int64_t end_dim) const {
  const Shape& shape = shape_of(*this, "flatten");
  if (shape.rank() == 0) return reshaped(*this, {1});
  const auto start = static_cast<std::size_t>(wrap_dim(start_dim, shape.rank(), "flatten"));
  const auto end = static_cast<std::size_t>(wrap_dim(end_dim, shape.rank(), "flatten"));
  if (start > end) fail("flatten: start_dim cannot come after end_dim");
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < shape.rank(); ++i)
    if (i <= start || i > end)
      sizes.push_back(shape[i]);
    else
      sizes.back() *= shape[i];
  return reshaped(*this, std::move(sizes));
}
Tensor Tensor::unflatten(std::int64_t dim, IntArrayRef sizes) const {
  const Shape& shape = shape_of(*this, "unflatten");
  const auto at = static_cast<std::size_t>(wrap_dim(dim, shape.rank(), "unflatten"));
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < shape.rank(); ++i)
    if (i != at)
      result.push_back(shape[i]);
    else
      result.insert(result.end(), sizes.begin(), sizes.end());
  return reshaped(*this, resolve(*this, result, "unflatten"));
}
Tensor Tensor::permute(IntArrayRef dims) const {
  const std::size_t rank = rank_of(*this, "permute");
  if (dims.size() != rank)
    fail("permute: number of dimensions in the tensor input does not match the length of the desired "
         "ordering: " +
         std::to_string(rank) + " and " + std::to_string(dims.size()));
  std::vector<std::int64_t> permutation;
  for (std::int64_t d : dims)
    permutation.push_back(wrap_dim(d, rank, "permute"));
  return make_view(*this, "transpose", {{"permutation", std::move(permutation)}}, "permute");
}
Tensor Tensor::transpose(std::int64_t dim0, std::int64_t dim1) const {
  const std::size_t rank = rank_of(*this, "transpose");
  if (rank == 0) return *this;
  std::vector<std::int64_t> permutation(rank);
  for (std::size_t i = 0; i < rank; ++i)
    permutation[i] = static_cast<std::int64_t>(i);
  std::swap(permutation[static_cast<std::size_t>(wrap_dim(dim0, rank, "transpose"))],
            permutation[static_cast<std::size_t>(wrap_dim(dim1, rank, "transpose"))]);
  return make_view(*this, "transpose", {{"permutation", std::move(permutation)}});
}
Tensor Tensor::t() const {
  const std::size_t rank = rank_of(*this, "t");
  if (rank > 2)
    fail("t: t() expects a tensor with <= 2 dimensions, but self is " + std::to_string(rank) + "D");
  return rank < 2 ? *this : transpose(0, 1);
}
Tensor Tensor::unsqueeze(std::int64_t dim) const {
  const Shape& shape = shape_of(*this, "unsqueeze");
  std::vector<std::int64_t> sizes(shape.begin(), shape.end());
  sizes.insert(sizes.begin() + wrap_dim(dim, shape.rank() + 1, "unsqueeze"), 1);
  return reshaped(*this, std::move(sizes));
}
Tensor Tensor::squeeze() const {
  std::vector<std::int64_t> sizes;
  for (std::int64_t d : shape_of(*this, "squeeze"))
    if (d != 1) sizes.push_back(d);
  return reshaped(*this, std::move(sizes));
}
Tensor Tensor::squeeze(std::int64_t dim) const {
  const Shape& shape = shape_of(*this, "squeeze");
  const std::int64_t at = wrap_dim(dim, shape.rank(), "squeeze");
  std::vector<std::int64_t> sizes(shape.begin(), shape.end());
  if (!sizes.empty() && sizes[static_cast<std::size_t>(at)] == 1) sizes.erase(sizes.begin() + at);
  return reshaped(*this, std::move(sizes));
}
Tensor Tensor::expand(IntArrayRef sizes, bool) const {
  const Shape& shape = shape_of(*this, "expand");
  std::vector<std::int64_t> result = sizes.vec();
  if (result.size() < shape.rank())
    fail("expand: the number of sizes provided (" + std::to_string(result.size()) +
         ") must be greater or equal to the number of dimensions in the tensor (" +
         std::to_string(shape.rank()) + ")");
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    std::int64_t& size = result[result.size() - shape.rank() + i];
    if (size == -1) size = shape[i];
  }
  return make_view(*this, "broadcast", {{"shape", std::move(result)}}, "expand");
}
Tensor Tensor::slice(std::int64_t dim, std::optional<std::int64_t> start, std::optional<std::int64_t> end,
                     std::int64_t step) const {
  const Shape& shape = shape_of(*this, "slice");
  if (shape.rank() == 0) fail("slice: cannot slice a 0-dim tensor");
  if (step <= 0) fail("slice: step must be greater than zero, got " + std::to_string(step));
  const auto at = static_cast<std::size_t>(wrap_dim(dim, shape.rank(), "slice"));
  const std::int64_t size = shape[at];
  auto place = [&](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size); };
  std::vector<std::int64_t> starts(shape.rank(), 0), stops(shape.begin(), shape.end()),
      steps(shape.rank(), 1);
  starts[at] = place(start.value_or(0));
  stops[at] = std::max(starts[at], place(end.value_or(size)));
  steps[at] = step;
  return make_view(*this, "slice", {{"starts", starts}, {"steps", steps}, {"stops", stops}});
}
Tensor Tensor::narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const {
  const Shape& shape = shape_of(*this, "narrow");
  const std::int64_t size = shape[static_cast<std::size_t>(wrap_dim(dim, shape.rank(), "narrow"))];
  const std::int64_t from = start < 0 ? start + size : start;
  if (from < 0 || length < 0 || length > size - from)
    fail("narrow: start (" + std::to_string(start) + ") + length (" + std::to_string(length) +
         ") exceeds dimension size (" + std::to_string(size) + ")");
  return slice(dim, from, from + length);
}
Tensor Tensor::select(std::int64_t dim, std::int64_t index) const {
  const Shape& shape = shape_of(*this, "select");
  if (shape.rank() == 0) fail("select: selection on a 0-dim tensor");
  const std::int64_t at = wrap_dim(dim, shape.rank(), "select");
  const std::int64_t size = shape[static_cast<std::size_t>(at)];
  if (index < -size || index >= size)
    fail("select: index " + std::to_string(index) + " is out of bounds for dimension " + std::to_string(at) +
         " with size " + std::to_string(size));
  const std::int64_t from = index < 0 ? index + size : index;
  return slice(at, from, from + 1).squeeze(at);
}
std::vector<Tensor> Tensor::split(std::int64_t size, std::int64_t dim) const {
  const std::int64_t total = this->size(dim);
  if (size < 0 || (size == 0 && total > 0))
    fail("split: expects split_size be non-negative, but got split_size=" + std::to_string(size));
  std::vector<Tensor> parts;
  for (std::int64_t at = 0; at < total; at += size)
    parts.push_back(slice(dim, at, at + size));
  if (parts.empty()) parts.push_back(*this);
  return parts;
}
std::vector<Tensor> Tensor::split(IntArrayRef sizes, std::int64_t dim) const {
  std::int64_t at = 0;
  std::vector<Tensor> parts;
  for (std::int64_t size : sizes) {
    if (size < 0)
      fail("split: expects split_sizes have only non-negative entries, but got " + to_string(sizes.shape()));
    parts.push_back(slice(dim, at, at + size));
    at += size;
  }
  if (at != size(dim))
    fail("split: expects split_sizes to sum exactly to " + std::to_string(size(dim)) +
         " (input tensor's size at dimension " + std::to_string(dim) +
         "), but got split_sizes=" + to_string(sizes.shape()));
  return parts;
}
std::vector<Tensor> Tensor::split_with_sizes(IntArrayRef sizes, std::int64_t dim) const {
  return split(sizes, dim);
}
std::vector<Tensor> Tensor::tensor_split(std::int64_t sections, std::int64_t dim) const {
  if (sections <= 0)
    fail("tensor_split: number of sections must be larger than 0, got " + std::to_string(sections));
  std::vector<Tensor> parts;
  const std::int64_t each = size(dim) / sections, longer = size(dim) % sections;
  for (std::int64_t i = 0, at = 0; i < sections; ++i) {
    const std::int64_t length = each + (i < longer);
    parts.push_back(slice(dim, at, at + length));
    at += length;
  }
  return parts;
}
std::vector<Tensor> Tensor::chunk(std::int64_t chunks, std::int64_t dim) const {
  if (chunks <= 0) fail("chunk: expects `chunks` to be greater than 0, got " + std::to_string(chunks));
  return split((size(dim) + chunks - 1) / chunks, dim);
}
std::vector<Tensor> Tensor::unbind(std::int64_t dim) const {
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < size(dim); ++i)
    parts.push_back(select(dim, i));
  return parts;
}

Tensor Tensor::movedim(IntArrayRef source, IntArrayRef destination) const {
  const std::size_t rank = rank_of(*this, "movedim");
  if (source.size() != destination.size())
    fail("movedim: Invalid source or destination dims: source (" + to_string(source.shape()) +
         " dims) should contain the same number of dims as destination (" + to_string(destination.shape()) +
         " dims)");
  std::vector<std::int64_t> permutation(rank, -1), rest;
  for (std::size_t i = 0; i < source.size(); ++i)
    permutation[static_cast<std::size_t>(wrap_dim(destination[i], rank, "movedim"))] =
        wrap_dim(source[i], rank, "movedim");
  for (std::size_t d = 0; d < rank; ++d)
    if (std::find(permutation.begin(), permutation.end(), static_cast<std::int64_t>(d)) == permutation.end())
      rest.push_back(static_cast<std::int64_t>(d));
  auto next = rest.begin();
  for (std::int64_t& d : permutation)
    if (d < 0 && next != rest.end()) d = *next++;
  return permute(permutation);
}
Tensor Tensor::numpy_T() const {
  std::vector<std::int64_t> order;
  for (std::int64_t d = dim(); d-- > 0;)
    order.push_back(d);
  return permute(order);
}

namespace {
// The handle, and all its copies, become another view.
Tensor& become(const Tensor& x, const Tensor& view) {
  TensorImpl& impl = *x.impl();
  impl.type = view.impl()->type;
  impl.lens = view.impl()->lens;
  impl.cached = {};
  return const_cast<Tensor&>(x);
}
} // namespace
Tensor& Tensor::unsqueeze_(std::int64_t dim) const {
  return become(*this, unsqueeze(dim));
}
Tensor& Tensor::squeeze_() const {
  return become(*this, squeeze());
}
Tensor& Tensor::squeeze_(std::int64_t dim) const {
  return become(*this, squeeze(dim));
}
Tensor& Tensor::transpose_(std::int64_t dim0, std::int64_t dim1) const {
  return become(*this, transpose(dim0, dim1));
}
Tensor& Tensor::t_() const {
  return become(*this, t());
}

Tensor reshape(const Tensor& x, IntArrayRef sizes) {
  return x.reshape(sizes);
}
Tensor flatten(const Tensor& x, std::int64_t start_dim, std::int64_t end_dim) {
  return x.flatten(start_dim, end_dim);
}
Tensor ravel(const Tensor& x) {
  return x.flatten();
}
Tensor unflatten(const Tensor& x, std::int64_t dim, IntArrayRef sizes) {
  return x.unflatten(dim, sizes);
}
Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1) {
  return x.transpose(dim0, dim1);
}
Tensor swapaxes(const Tensor& x, std::int64_t dim0, std::int64_t dim1) {
  return x.transpose(dim0, dim1);
}
Tensor movedim(const Tensor& x, IntArrayRef source, IntArrayRef destination) {
  return x.movedim(source, destination);
}
Tensor t(const Tensor& x) {
  return x.t();
}
Tensor permute(const Tensor& x, IntArrayRef dims) {
  return x.permute(dims);
}
Tensor unsqueeze(const Tensor& x, std::int64_t dim) {
  return x.unsqueeze(dim);
}
Tensor squeeze(const Tensor& x) {
  return x.squeeze();
}
Tensor squeeze(const Tensor& x, std::int64_t dim) {
  return x.squeeze(dim);
}
Tensor broadcast_to(const Tensor& x, IntArrayRef sizes) {
  return x.expand(sizes);
}
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length) {
  return x.narrow(dim, start, length);
}
Tensor slice(const Tensor& x, std::int64_t dim, std::optional<std::int64_t> start,
             std::optional<std::int64_t> end, std::int64_t step) {
  return x.slice(dim, start, end, step);
}
Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index) {
  return x.select(dim, index);
}
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim) {
  return x.chunk(chunks, dim);
}
std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t dim) {
  return x.split(size, dim);
}
std::vector<Tensor> split(const Tensor& x, IntArrayRef sizes, std::int64_t dim) {
  return x.split(sizes, dim);
}
std::vector<Tensor> unbind(const Tensor& x, std::int64_t dim) {
  return x.unbind(dim);
}

} // namespace kiln
