// Upsample, PixelShuffle and PixelUnshuffle: images (or lines, or volumes) of another size.
#pragma once

#include "kiln/arg.h"
#include "kiln/enum.h"
#include "kiln/module.h"

namespace kiln::nn {

/// How places between samples get their values. The names of two and three dimensions are apart as in
/// PyTorch: kLinear is for [N, C, W], kBilinear and kBicubic for [N, C, H, W], kTrilinear for [N, C, D, H,
/// W]; the others are for any of them.
class interpolate_mode_t {
public:
  enum Value : std::uint8_t { Nearest, Linear, Bilinear, Bicubic, Trilinear, Area, NearestExact };
  constexpr interpolate_mode_t(enumtype::kNearest) : value_(Nearest) {}
  constexpr interpolate_mode_t(enumtype::kLinear) : value_(Linear) {}
  constexpr interpolate_mode_t(enumtype::kBilinear) : value_(Bilinear) {}
  constexpr interpolate_mode_t(enumtype::kBicubic) : value_(Bicubic) {}
  constexpr interpolate_mode_t(enumtype::kTrilinear) : value_(Trilinear) {}
  constexpr interpolate_mode_t(enumtype::kArea) : value_(Area) {}
  constexpr interpolate_mode_t(enumtype::kNearestExact) : value_(NearestExact) {}
  constexpr Value value() const { return value_; }
  const char* name() const; ///< "kNearest"
  bool operator==(const interpolate_mode_t&) const = default;

private:
  Value value_;
};

struct UpsampleOptions {
  using mode_t = interpolate_mode_t;
  /// One of the two: the sizes of the result behind [N, C], or what the argument's are multiplied by.
  KILN_DECLARED_ARG(std::optional<std::vector<std::int64_t>>, size) = std::nullopt;
  KILN_DECLARED_ARG(std::optional<std::vector<double>>, scale_factor) = std::nullopt;
  KILN_ARG(mode_t, mode) = kNearest;
  /// The first and last samples stay where they are; else the outer edges of theirs do. Not for kNearest.
  KILN_ARG(std::optional<bool>, align_corners) = std::nullopt;
};

/// x: [N, C, W], [N, C, H, W] or [N, C, D, H, W], as F::interpolate.
class UpsampleImpl : public Cloneable<UpsampleImpl> {
public:
  explicit UpsampleImpl(UpsampleOptions options_ = {});
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  UpsampleOptions options;
};
KILN_LAYER(Upsample);

struct PixelShuffleOptions {
  PixelShuffleOptions(std::int64_t upscale_factor) : upscale_factor_(upscale_factor) {}
  KILN_ARG(std::int64_t, upscale_factor);
};

/// [..., C r^2, H, W] -> [..., C, H r, W r]: channels become pixels.
class PixelShuffleImpl : public Cloneable<PixelShuffleImpl> {
public:
  explicit PixelShuffleImpl(const PixelShuffleOptions& options_) : options(options_) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  PixelShuffleOptions options;
};
KILN_LAYER(PixelShuffle);

struct PixelUnshuffleOptions {
  PixelUnshuffleOptions(std::int64_t downscale_factor) : downscale_factor_(downscale_factor) {}
  KILN_ARG(std::int64_t, downscale_factor);
};

/// [..., C, H r, W r] -> [..., C r^2, H, W]: PixelShuffle undone.
class PixelUnshuffleImpl : public Cloneable<PixelUnshuffleImpl> {
public:
  explicit PixelUnshuffleImpl(const PixelUnshuffleOptions& options_) : options(options_) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);

  PixelUnshuffleOptions options;
};
KILN_LAYER(PixelUnshuffle);

} // namespace kiln::nn
