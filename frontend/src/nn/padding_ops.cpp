// Padding: a constant border is written round x; other borders are x itself, read at other places.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/nn/ops.h"
#include "nn/checks.h"
#include "ops/from_host.h"

#include <algorithm>
#include <cstdlib>

namespace kiln {

using namespace internal;
using internal::sizes_of;

namespace {

/// Where in a dimension of `size` elements the border takes the element at place `at` from.
using Source = std::int64_t (*)(std::int64_t at, std::int64_t size);
std::int64_t reflected(std::int64_t at, std::int64_t size) {
  return size - 1 - std::abs(size - 1 - std::abs(at));
}
std::int64_t replicated(std::int64_t at, std::int64_t size) {
  return std::clamp<std::int64_t>(at, 0, size - 1);
}
std::int64_t wrapped(std::int64_t at, std::int64_t size) {
  return (at + size) % size;
}

/// "<op>: <text> (2, 3) at dimension 1 of input [4, 5]": the padding of x's dimension `dim`.
[[noreturn]] void fail_at(std::string op, const char* text, const Tensor& x, IntArrayRef pad,
                          std::int64_t dim) {
  const auto i = static_cast<std::size_t>(2 * (x.dim() - 1 - dim));
  op.append(": ").append(text).append(" (").append(std::to_string(pad[i])).append(", ");
  op.append(std::to_string(pad[i + 1])).append(") at dimension ").append(std::to_string(dim));
  fail(op.append(" of input ").append(sizes_of(x)));
}

/// pad: two numbers for each of x's last dimensions, which may stand behind at most two others, or, with
/// `whole_batch`, behind two.
Tensor pad_from_itself(const std::string& op, const Tensor& x, IntArrayRef pad, Source source,
                       bool whole_batch) {
  checked(x, op);
  const auto spatial = static_cast<std::int64_t>(pad.size() / 2);
  if (pad.size() % 2 != 0 || spatial < 1 || spatial > 3 || x.dim() > spatial + 2 ||
      x.dim() < spatial + (whole_batch ? 2 : 1))
    fail(op + ": Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now, got padding " +
         to_string(pad.shape()) + " and input " + sizes_of(x));
  Tensor result = x;
  for (std::size_t i = 0; i < pad.size() / 2; ++i) {
    const std::int64_t dim = x.dim() - 1 - static_cast<std::int64_t>(i), size = x.size(dim);
    const std::int64_t before = pad[2 * i], after = pad[2 * i + 1], padded = size + before + after;
    if (source == reflected && (before >= size || after >= size))
      fail_at(op, "Padding size should be less than the corresponding input dimension, but got: padding", x,
              pad, dim);
    if (source == wrapped && (before > size || after > size))
      fail_at(op, "Padding value causes wrapping around more than once: padding", x, pad, dim);
    if (padded < 1 || size == 0) fail_at(op, "nothing is left by padding", x, pad, dim);
    if (before == 0 && after == 0) continue;
    const Tensor places =
        table_from_host({padded}, kInt64, [&](std::int64_t at) { return source(at - before, size); });
    result = apply("take", {result, places}, {{"dim", dim}});
  }
  return result.is_same(x) ? x.clone() : result;
}

Tensor pad_last(std::size_t dims, const char* op, const Tensor& x, IntArrayRef padding, Source source) {
  if (padding.size() != 2 * dims)
    fail(std::string(op) + ": padding size is expected to be " + std::to_string(2 * dims) +
         ", but got: " + std::to_string(padding.size()));
  return pad_from_itself(op, x, padding, source, false);
}

} // namespace

Tensor constant_pad_nd(const Tensor& x, IntArrayRef pad, Scalar value) {
  const Shape& shape = checked(x, "constant_pad_nd").type.shape;
  if (pad.size() % 2 != 0)
    fail("constant_pad_nd: Length of pad must be even but instead it equals " + std::to_string(pad.size()));
  if (pad.size() > 2 * shape.rank())
    fail("constant_pad_nd: Length of pad should be no more than twice the number of dimensions of the input. "
         "Pad length is " +
         std::to_string(pad.size()) + " while the input has " + std::to_string(shape.rank()) + " dimensions");
  Tensor inner = x;
  std::vector<std::int64_t> sizes(shape.begin(), shape.end()), starts(shape.rank(), 0), stops = sizes;
  for (std::size_t i = 0; i < pad.size() / 2; ++i) {
    const std::size_t d = shape.rank() - 1 - i;
    const std::int64_t size = shape[d], before = pad[2 * i], after = pad[2 * i + 1];
    sizes[d] = size + before + after;
    if (sizes[d] < 0)
      fail("constant_pad_nd: The input size " + std::to_string(size) + ", plus negative padding " +
           std::to_string(before) + " and " + std::to_string(after) +
           " resulted in a negative output size, which is invalid. Check dimension " + std::to_string(d) +
           " of your input " + sizes_of(x));
    starts[d] = std::clamp<std::int64_t>(before, 0, sizes[d]);
    stops[d] = std::clamp<std::int64_t>(before + size, 0, sizes[d]);
    if (before < 0 || after < 0)
      inner = inner.narrow(static_cast<std::int64_t>(d), starts[d] - before, stops[d] - starts[d]);
  }
  const Tensor border = full(sizes, value, x.dtype());
  return apply("slice_update", {border, inner},
               {{"starts", starts}, {"steps", std::vector<std::int64_t>(sizes.size(), 1)}, {"stops", stops}});
}

Tensor pad(const Tensor& x, IntArrayRef pad, std::string_view mode, std::optional<double> value) {
  if (mode == "constant") return constant_pad_nd(x, pad, value.value_or(0));
  if (value && *value != 0)
    fail("pad: Padding mode \"" + std::string(mode) + "\" doesn't take in value argument");
  const std::string op = "pad (" + std::string(mode) + ")";
  if (mode == "reflect") return pad_from_itself(op, x, pad, reflected, false);
  if (mode == "replicate") return pad_from_itself(op, x, pad, replicated, false);
  if (mode == "circular") return pad_from_itself(op, x, pad, wrapped, true);
  fail("pad: Unrecognised padding mode " + std::string(mode));
}
Tensor reflection_pad1d(const Tensor& x, IntArrayRef padding) {
  return pad_last(1, "reflection_pad1d", x, padding, reflected);
}
Tensor reflection_pad2d(const Tensor& x, IntArrayRef padding) {
  return pad_last(2, "reflection_pad2d", x, padding, reflected);
}
Tensor reflection_pad3d(const Tensor& x, IntArrayRef padding) {
  return pad_last(3, "reflection_pad3d", x, padding, reflected);
}
Tensor replication_pad1d(const Tensor& x, IntArrayRef padding) {
  return pad_last(1, "replication_pad1d", x, padding, replicated);
}
Tensor replication_pad2d(const Tensor& x, IntArrayRef padding) {
  return pad_last(2, "replication_pad2d", x, padding, replicated);
}
Tensor replication_pad3d(const Tensor& x, IntArrayRef padding) {
  return pad_last(3, "replication_pad3d", x, padding, replicated);
}

} // namespace kiln
