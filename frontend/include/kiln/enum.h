// Named choices of options: `kMean`, `kFanIn`, `kReLU`. Each name is a type of its own, so an option accepts
// only the names that mean something to it; the small classes below turn them into plain enums.
#pragma once

#include <cstdint>

namespace kiln {

namespace enumtype {
#define KILN_ENUM_NAME(name)                                                                                 \
  struct name {                                                                                              \
    bool operator==(const name&) const = default;                                                            \
  };
KILN_ENUM_NAME(kNone)
KILN_ENUM_NAME(kMean)
KILN_ENUM_NAME(kSum)
KILN_ENUM_NAME(kFanIn)
KILN_ENUM_NAME(kFanOut)
KILN_ENUM_NAME(kLinear)
KILN_ENUM_NAME(kConv1D)
KILN_ENUM_NAME(kConv2D)
KILN_ENUM_NAME(kConv3D)
KILN_ENUM_NAME(kConvTranspose1D)
KILN_ENUM_NAME(kConvTranspose2D)
KILN_ENUM_NAME(kConvTranspose3D)
KILN_ENUM_NAME(kSigmoid)
KILN_ENUM_NAME(kTanh)
KILN_ENUM_NAME(kReLU)
KILN_ENUM_NAME(kLeakyReLU)
KILN_ENUM_NAME(kBatchMean)
KILN_ENUM_NAME(kGELU)
KILN_ENUM_NAME(kMax)
KILN_ENUM_NAME(kZeros)
KILN_ENUM_NAME(kConstant)
KILN_ENUM_NAME(kReflect)
KILN_ENUM_NAME(kReplicate)
KILN_ENUM_NAME(kCircular)
KILN_ENUM_NAME(kNearest)
KILN_ENUM_NAME(kNearestExact)
KILN_ENUM_NAME(kBilinear)
KILN_ENUM_NAME(kBicubic)
KILN_ENUM_NAME(kTrilinear)
KILN_ENUM_NAME(kArea)
#undef KILN_ENUM_NAME
} // namespace enumtype

inline constexpr enumtype::kNone kNone{};
inline constexpr enumtype::kMean kMean{};
inline constexpr enumtype::kSum kSum{};
inline constexpr enumtype::kFanIn kFanIn{};
inline constexpr enumtype::kFanOut kFanOut{};
inline constexpr enumtype::kLinear kLinear{};
inline constexpr enumtype::kConv1D kConv1D{};
inline constexpr enumtype::kConv2D kConv2D{};
inline constexpr enumtype::kConv3D kConv3D{};
inline constexpr enumtype::kConvTranspose1D kConvTranspose1D{};
inline constexpr enumtype::kConvTranspose2D kConvTranspose2D{};
inline constexpr enumtype::kConvTranspose3D kConvTranspose3D{};
inline constexpr enumtype::kSigmoid kSigmoid{};
inline constexpr enumtype::kTanh kTanh{};
inline constexpr enumtype::kReLU kReLU{};
inline constexpr enumtype::kLeakyReLU kLeakyReLU{};
inline constexpr enumtype::kBatchMean kBatchMean{};
inline constexpr enumtype::kGELU kGELU{};
inline constexpr enumtype::kMax kMax{};
inline constexpr enumtype::kZeros kZeros{};
inline constexpr enumtype::kConstant kConstant{};
inline constexpr enumtype::kReflect kReflect{};
inline constexpr enumtype::kReplicate kReplicate{};
inline constexpr enumtype::kCircular kCircular{};
inline constexpr enumtype::kNearest kNearest{};
inline constexpr enumtype::kNearestExact kNearestExact{};
inline constexpr enumtype::kBilinear kBilinear{};
inline constexpr enumtype::kBicubic kBicubic{};
inline constexpr enumtype::kTrilinear kTrilinear{};
inline constexpr enumtype::kArea kArea{};

/// What a loss does with its elements, as ATen's functions take it.
namespace Reduction {
enum Reduction : std::int64_t { None, Mean, Sum };
}

namespace nn {

/// What a loss does with its elements, as options take it: kNone, kMean or kSum.
class reduction_t {
public:
  constexpr reduction_t(enumtype::kNone) : value_(Reduction::None) {}
  constexpr reduction_t(enumtype::kMean) : value_(Reduction::Mean) {}
  constexpr reduction_t(enumtype::kSum) : value_(Reduction::Sum) {}
  constexpr reduction_t(Reduction::Reduction value) : value_(value) {}
  constexpr Reduction::Reduction value() const { return value_; }
  bool operator==(const reduction_t&) const = default;

private:
  Reduction::Reduction value_;
};

} // namespace nn
} // namespace kiln
