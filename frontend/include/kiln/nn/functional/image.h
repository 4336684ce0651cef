// Padding and resampling as functions with options.
#pragma once

#include "kiln/nn/padding.h"
#include "kiln/nn/upsampling.h"

namespace kiln::nn::functional {

/// What the border is filled with.
class pad_mode_t {
public:
  enum Value : std::uint8_t { Constant, Reflect, Replicate, Circular };
  constexpr pad_mode_t(enumtype::kConstant) : value_(Constant) {}
  constexpr pad_mode_t(enumtype::kReflect) : value_(Reflect) {}
  constexpr pad_mode_t(enumtype::kReplicate) : value_(Replicate) {}
  constexpr pad_mode_t(enumtype::kCircular) : value_(Circular) {}
  constexpr Value value() const { return value_; }
  bool operator==(const pad_mode_t&) const = default;

private:
  Value value_;
};

struct PadFuncOptions {
  using mode_t = pad_mode_t;
  PadFuncOptions(std::vector<std::int64_t> pad) : pad_(std::move(pad)) {}
  KILN_ARG(std::vector<std::int64_t>, pad); ///< as kiln::pad's
  KILN_ARG(mode_t, mode) = kConstant;
  KILN_ARG(double, value) = 0; ///< of kConstant
};
Tensor pad(const Tensor& x, const PadFuncOptions& options);

struct InterpolateFuncOptions {
  using mode_t = interpolate_mode_t;
  KILN_DECLARED_ARG(std::optional<std::vector<std::int64_t>>, size) = std::nullopt; ///< this or scale_factor
  KILN_DECLARED_ARG(std::optional<std::vector<double>>, scale_factor) = std::nullopt;
  KILN_ARG(mode_t, mode) = kNearest;
  KILN_ARG(std::optional<bool>, align_corners) = std::nullopt; ///< false where it is not given
  /// Samples are as far apart as the sizes say, not as scale_factor does: they differ where a size is
  /// rounded.
  KILN_ARG(std::optional<bool>, recompute_scale_factor) = std::nullopt;
  KILN_ARG(bool, antialias) = false; ///< of kBilinear and kBicubic: wider filters where the image shrinks
};
/// x: [N, C, W], [N, C, H, W] or [N, C, D, H, W]. Throws Error for a mode that is not for x's dimensions.
Tensor interpolate(const Tensor& x, const InterpolateFuncOptions& options = {});

using PixelShuffleFuncOptions = PixelShuffleOptions;
using PixelUnshuffleFuncOptions = PixelUnshuffleOptions;
Tensor pixel_shuffle(const Tensor& x, const PixelShuffleFuncOptions& options);
Tensor pixel_unshuffle(const Tensor& x, const PixelUnshuffleFuncOptions& options);

} // namespace kiln::nn::functional
