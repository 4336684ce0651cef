// Resampling, dimension by dimension: every filter is separable. Few samples a place are gathered and
// weighted; for many, the filter is a matrix. Nearest neighbours at a whole ratio are repeated, which costs
// neither.
#include "nn/resample.h"

#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/nn/ops.h"
#include "nn/checks.h"
#include "nn/taps.h"
#include "ops/from_host.h"

namespace kiln {

using namespace internal;
using internal::sizes_of;
using nn::interpolate_mode_t;

namespace {

constexpr std::int64_t kMostGathered = 4; ///< samples a place: beyond, the product costs less

Filter filter_of(interpolate_mode_t mode) {
  switch (mode.value()) {
  case interpolate_mode_t::Nearest:
    return Filter::Nearest;
  case interpolate_mode_t::NearestExact:
    return Filter::NearestExact;
  case interpolate_mode_t::Area:
    return Filter::Area;
  case interpolate_mode_t::Bicubic:
    return Filter::Cubic;
  case interpolate_mode_t::Linear:
  case interpolate_mode_t::Bilinear:
  case interpolate_mode_t::Trilinear:
    return Filter::Linear;
  }
  return Filter::Nearest;
}

/// [places]: which samples are each place's tap number `tap`.
Tensor samples(const Taps& taps, std::int64_t tap) {
  return table_from_host({taps.places}, kInt64, [&](std::int64_t i) {
    return taps.sample[static_cast<std::size_t>(tap * taps.places + i)];
  });
}

/// The one sample of each place.
Tensor pick(const Tensor& x, std::int64_t dim, const Taps& taps) {
  const std::int64_t size = x.size(dim), times = taps.places / size;
  bool repeats = times * size == taps.places;
  for (std::int64_t i = 0; repeats && i < taps.places; ++i)
    repeats = taps.sample[static_cast<std::size_t>(i)] == i / times;
  if (repeats) return times == 1 ? x : x.repeat_interleave(times, dim);
  return apply("take", {x, samples(taps, 0)}, {{"dim", dim}});
}

Tensor gather_weighted(const Tensor& x, std::int64_t dim, const Taps& taps) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim() - dim), 1);
  shape[0] = taps.places;
  Tensor sum;
  for (std::int64_t tap = 0; tap < taps.width; ++tap) {
    const Tensor weights = table_from_host(shape, x.dtype(), [&](std::int64_t i) {
      return taps.weight[static_cast<std::size_t>(tap * taps.places + i)];
    });
    const Tensor part = apply("take", {x, samples(taps, tap)}, {{"dim", dim}}) * weights;
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

Tensor multiply(const Tensor& x, std::int64_t dim, const Taps& taps) {
  const std::int64_t size = x.size(dim);
  std::vector<double> dense(static_cast<std::size_t>(taps.places * size));
  for (std::int64_t tap = 0; tap < taps.width; ++tap)
    for (std::int64_t i = 0; i < taps.places; ++i) {
      const auto at = static_cast<std::size_t>(tap * taps.places + i);
      dense[static_cast<std::size_t>(i * size + taps.sample[at])] += taps.weight[at];
    }
  const Tensor filter = table_from_host({taps.places, size}, x.dtype(),
                                        [&](std::int64_t i) { return dense[static_cast<std::size_t>(i)]; });
  if (dim + 1 == x.dim()) return matmul(x, filter.t());
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape[static_cast<std::size_t>(dim)] = taps.places;
  return matmul(filter, x.flatten(dim + 1, -1)).view(shape);
}

} // namespace

Tensor internal::resample(const char* op, const Tensor& x, IntArrayRef sizes, const Interpolation& how) {
  const DType dtype = checked(x, op).type.dtype;
  const std::string name = op;
  if (x.dim() != static_cast<std::int64_t>(sizes.size()) + 2)
    fail(name + ": It is expected input_size equals to " + std::to_string(sizes.size() + 2) +
         ", but got size " + std::to_string(x.dim()) + ": input " + sizes_of(x) + ", output " +
         to_string(sizes.shape()));
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] <= 0 || x.size(static_cast<std::int64_t>(i) + 2) <= 0)
      fail(name + ": Input and output sizes should be greater than 0, but got input " + sizes_of(x) +
           " and output " + to_string(sizes.shape()));
  const Filter filter = filter_of(how.mode);
  const bool weighted = filter != Filter::Nearest && filter != Filter::NearestExact;
  if (weighted && !is_floating(dtype))
    fail(name + ": mode " + how.mode.name() + " is not implemented for " + std::string(to_string(dtype)));
  // Weights of a narrow type would move the image.
  const DType wide = weighted && dtype != kFloat64 ? kFloat32 : dtype;
  Tensor result = x.to(wide);
  for (std::size_t i = sizes.size(); i-- > 0;) {
    const auto dim = static_cast<std::int64_t>(i) + 2;
    if (weighted && filter != Filter::Cubic && !how.antialias && sizes[i] == x.size(dim)) continue;
    const Taps taps = make_taps(filter, {.from = x.size(dim),
                                         .to = sizes[i],
                                         .scale = i < how.scales.size() ? how.scales[i] : std::nullopt,
                                         .align_corners = how.align_corners,
                                         .antialias = how.antialias,
                                         .single_precision = dtype != kFloat64});
    if (!weighted)
      result = pick(result, dim, taps);
    else if (taps.width <= kMostGathered)
      result = gather_weighted(result, dim, taps);
    else
      result = multiply(result, dim, taps);
  }
  return result.is_same(x) ? x.clone() : result.to(dtype);
}

Tensor upsample_nearest1d(const Tensor& x, IntArrayRef output_size, std::optional<double> scales) {
  return resample("upsample_nearest1d", x, output_size, {.mode = kNearest, .scales = {scales}});
}
Tensor upsample_nearest2d(const Tensor& x, IntArrayRef output_size, std::optional<double> scales_h,
                          std::optional<double> scales_w) {
  return resample("upsample_nearest2d", x, output_size, {.mode = kNearest, .scales = {scales_h, scales_w}});
}
Tensor upsample_nearest3d(const Tensor& x, IntArrayRef output_size, std::optional<double> scales_d,
                          std::optional<double> scales_h, std::optional<double> scales_w) {
  return resample("upsample_nearest3d", x, output_size,
                  {.mode = kNearest, .scales = {scales_d, scales_h, scales_w}});
}
Tensor upsample_linear1d(const Tensor& x, IntArrayRef output_size, bool align_corners,
                         std::optional<double> scales) {
  return resample("upsample_linear1d", x, output_size,
                  {.mode = kLinear, .align_corners = align_corners, .scales = {scales}});
}
Tensor upsample_bilinear2d(const Tensor& x, IntArrayRef output_size, bool align_corners,
                           std::optional<double> scales_h, std::optional<double> scales_w) {
  return resample("upsample_bilinear2d", x, output_size,
                  {.mode = kBilinear, .align_corners = align_corners, .scales = {scales_h, scales_w}});
}
Tensor upsample_bicubic2d(const Tensor& x, IntArrayRef output_size, bool align_corners,
                          std::optional<double> scales_h, std::optional<double> scales_w) {
  return resample("upsample_bicubic2d", x, output_size,
                  {.mode = kBicubic, .align_corners = align_corners, .scales = {scales_h, scales_w}});
}
Tensor upsample_trilinear3d(const Tensor& x, IntArrayRef output_size, bool align_corners,
                            std::optional<double> scales_d, std::optional<double> scales_h,
                            std::optional<double> scales_w) {
  return resample(
      "upsample_trilinear3d", x, output_size,
      {.mode = kTrilinear, .align_corners = align_corners, .scales = {scales_d, scales_h, scales_w}});
}

namespace {
std::int64_t check_shuffle(const std::string& op, const char* factor_name, const Tensor& x,
                           std::int64_t factor) {
  if (checked(x, op).type.shape.rank() < 3)
    fail(op + ": expects input to have at least 3 dimensions, but got input with " + std::to_string(x.dim()) +
         " dimension(s)");
  if (factor <= 0) fail(op + ": expects a positive " + factor_name + ", but got " + std::to_string(factor));
  return x.dim() - 3;
}
} // namespace

Tensor channel_shuffle(const Tensor& x, std::int64_t groups) {
  if (x.dim() < 3)
    fail("channel_shuffle: expects input with > 2 dims, but got input with sizes " + sizes_of(x));
  if (groups <= 0 || x.size(1) % groups != 0)
    fail("channel_shuffle: number of channels must be divisible by groups. Got " + std::to_string(x.size(1)) +
         " channels and " + std::to_string(groups) + " groups.");
  return x.unflatten(1, {groups, x.size(1) / groups}).transpose(1, 2).flatten(1, 2);
}
Tensor pixel_shuffle(const Tensor& x, std::int64_t upscale_factor) {
  const std::int64_t at = check_shuffle("pixel_shuffle", "upscale_factor", x, upscale_factor);
  const std::int64_t r = upscale_factor, channels = x.size(at);
  if (channels % (r * r) != 0)
    fail("pixel_shuffle: expects its input's 'channel' dimension to be divisible by the square of "
         "upscale_factor, but input.size(-3)=" +
         std::to_string(channels) + " is not divisible by " + std::to_string(r * r) + ", input " +
         sizes_of(x));
  const Tensor apart = x.unflatten(at, {channels / (r * r), r, r}); // [..., C, r, r, H, W]
  return apart.movedim({at + 3, at + 1, at + 4, at + 2}, {at + 1, at + 2, at + 3, at + 4})
      .flatten(at + 3, at + 4)
      .flatten(at + 1, at + 2);
}
Tensor pixel_unshuffle(const Tensor& x, std::int64_t downscale_factor) {
  const std::int64_t at = check_shuffle("pixel_unshuffle", "downscale_factor", x, downscale_factor);
  const std::int64_t r = downscale_factor;
  for (const auto& [name, dim] : {std::pair{"height", at + 1}, {"width", at + 2}})
    if (x.size(dim) % r != 0)
      fail("pixel_unshuffle: expects " + std::string(name) +
           " to be divisible by downscale_factor, but input.size(" + std::to_string(dim - x.dim()) +
           ")=" + std::to_string(x.size(dim)) + " is not divisible by " + std::to_string(r) + ", input " +
           sizes_of(x));
  const Tensor apart = x.unflatten(at + 2, {x.size(-1) / r, r}).unflatten(at + 1, {x.size(-2) / r, r});
  return apart
      .movedim({at + 2, at + 4, at + 1, at + 3}, {at + 1, at + 2, at + 3, at + 4}) // [.., C, r, r, H, W]
      .flatten(at, at + 2);
}

} // namespace kiln
