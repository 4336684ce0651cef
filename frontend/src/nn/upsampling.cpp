// Upsample, PixelShuffle and PixelUnshuffle.
#include "kiln/nn/upsampling.h"

#include "kiln/nn/functional/image.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(Upsample)
KILN_LAYER_DEFINITION(PixelShuffle)
KILN_LAYER_DEFINITION(PixelUnshuffle)

const char* interpolate_mode_t::name() const {
  constexpr const char* kNames[] = {"kNearest",   "kLinear", "kBilinear",    "kBicubic",
                                    "kTrilinear", "kArea",   "kNearestExact"};
  return kNames[value_];
}

KILN_ARG_SETTER(UpsampleOptions, std::optional<std::vector<std::int64_t>>, size)
KILN_ARG_SETTER(UpsampleOptions, std::optional<std::vector<double>>, scale_factor)

UpsampleImpl::UpsampleImpl(UpsampleOptions options_) : options(std::move(options_)) {}
void UpsampleImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Upsample(";
  if (options.scale_factor()) {
    stream << "scale_factor=[";
    for (std::size_t i = 0; i < options.scale_factor()->size(); ++i)
      stream << (i ? ", " : "") << (*options.scale_factor())[i];
    stream << "]";
  } else if (options.size()) {
    stream << "size=" << IntArrayRef(*options.size());
  }
  stream << ", mode=" << options.mode().name() << ")";
}
Tensor UpsampleImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return functional::interpolate(x, functional::InterpolateFuncOptions()
                                        .size(options.size())
                                        .scale_factor(options.scale_factor())
                                        .mode(options.mode())
                                        .align_corners(options.align_corners()));
}

void PixelShuffleImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "PixelShuffle(upscale_factor=" << options.upscale_factor() << ")";
}
Tensor PixelShuffleImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return functional::pixel_shuffle(x, options);
}

void PixelUnshuffleImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "PixelUnshuffle(downscale_factor=" << options.downscale_factor() << ")";
}
Tensor PixelUnshuffleImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return functional::pixel_unshuffle(x, options);
}

} // namespace kiln::nn
