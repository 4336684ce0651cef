// nn::functional: padding and resampling, with their options checked as LibTorch's.
#include "kiln/nn/functional/image.h"

#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/nn/ops.h"
#include "nn/checks.h"
#include "nn/resample.h"

#include <cmath>

namespace kiln::nn::functional {

using internal::fail, internal::sizes_of;

KILN_ARG_SETTER(InterpolateFuncOptions, std::optional<std::vector<std::int64_t>>, size)
KILN_ARG_SETTER(InterpolateFuncOptions, std::optional<std::vector<double>>, scale_factor)

Tensor pad(const Tensor& x, const PadFuncOptions& options) {
  constexpr const char* kModes[] = {"constant", "reflect", "replicate", "circular"};
  return kiln::pad(x, options.pad(), kModes[options.mode().value()], options.value());
}

namespace {

/// How many dimensions behind [N, C] a mode is for; 0: any.
std::int64_t dimensions_of(interpolate_mode_t mode) {
  switch (mode.value()) {
  case interpolate_mode_t::Linear:
    return 1;
  case interpolate_mode_t::Bilinear:
  case interpolate_mode_t::Bicubic:
    return 2;
  case interpolate_mode_t::Trilinear:
    return 3;
  default:
    return 0;
  }
}

void check_mode(const Tensor& x, const InterpolateFuncOptions& options) {
  const interpolate_mode_t mode = options.mode();
  const std::int64_t wanted = dimensions_of(mode), spatial = x.dim() - 2;
  if (spatial < 1 || spatial > 3)
    fail("interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got " +
         std::to_string(x.dim()) +
         "D) for the modes: nearest | linear | bilinear | bicubic | trilinear (got " + mode.name() +
         "), input " + sizes_of(x));
  if (wanted != 0 && wanted != spatial)
    fail("interpolate: Got " + std::to_string(x.dim()) + "D input, but " + mode.name() + " mode needs " +
         std::to_string(wanted + 2) + "D input: " + sizes_of(x));
  if (wanted == 0 && options.align_corners())
    fail(
        "interpolate: align_corners option can only be set with the interpolating modes: linear | bilinear | "
        "bicubic | trilinear, got " +
        std::string(mode.name()));
  if (options.antialias() && wanted != 2)
    fail("interpolate: Anti-alias option is only supported for bilinear and bicubic modes, got " +
         std::string(mode.name()));
}

std::vector<std::int64_t> output_sizes(const Tensor& x, const InterpolateFuncOptions& options) {
  if (!options.size() && !options.scale_factor())
    fail("interpolate: either size or scale_factor should be defined");
  if (options.size() && options.scale_factor())
    fail("interpolate: only one of size or scale_factor should be defined");
  const std::int64_t spatial = x.dim() - 2;
  if (options.size()) return *options.size();
  const std::vector<double>& factors = *options.scale_factor();
  if (static_cast<std::int64_t>(factors.size()) != spatial)
    fail("interpolate: scale_factor shape must match input shape. Input is " + std::to_string(spatial) +
         "D, scale_factor size is " + std::to_string(factors.size()));
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < spatial; ++i)
    sizes.push_back(static_cast<std::int64_t>(
        std::floor(static_cast<double>(x.size(i + 2)) * factors[static_cast<std::size_t>(i)])));
  return sizes;
}

} // namespace

Tensor interpolate(const Tensor& x, const InterpolateFuncOptions& options) {
  internal::checked(x, "interpolate");
  check_mode(x, options);
  internal::Interpolation how{.mode = options.mode(),
                              .align_corners = options.align_corners().value_or(false),
                              .antialias = options.antialias(),
                              .scales = {}};
  if (options.scale_factor() && !options.recompute_scale_factor().value_or(false))
    how.scales.assign(options.scale_factor()->begin(), options.scale_factor()->end());
  return internal::resample("interpolate", x, output_sizes(x, options), how);
}

Tensor pixel_shuffle(const Tensor& x, const PixelShuffleFuncOptions& options) {
  return kiln::pixel_shuffle(x, options.upscale_factor());
}
Tensor pixel_unshuffle(const Tensor& x, const PixelUnshuffleFuncOptions& options) {
  return kiln::pixel_unshuffle(x, options.downscale_factor());
}

} // namespace kiln::nn::functional
