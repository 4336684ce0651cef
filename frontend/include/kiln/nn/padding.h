// Layers that put a border round their argument, or cut one off where the padding is negative.
#pragma once

#include "kiln/arg.h"
#include "kiln/expanding_array.h"
#include "kiln/module.h"

namespace kiln::nn {

// `padding` has a number for before and one for after, for the last dimension first: {left, right, top,
// bottom, front, back}. One number stands for all.
template <std::size_t D> struct ReflectionPadOptions {
  ReflectionPadOptions(ExpandingArray<D * 2> padding) : padding_(padding) {}
  KILN_ARG(ExpandingArray<D * 2>, padding);
};
using ReflectionPad1dOptions = ReflectionPadOptions<1>;
using ReflectionPad2dOptions = ReflectionPadOptions<2>;
using ReflectionPad3dOptions = ReflectionPadOptions<3>;

template <std::size_t D> struct ReplicationPadOptions {
  ReplicationPadOptions(ExpandingArray<D * 2> padding) : padding_(padding) {}
  KILN_ARG(ExpandingArray<D * 2>, padding);
};
using ReplicationPad1dOptions = ReplicationPadOptions<1>;
using ReplicationPad2dOptions = ReplicationPadOptions<2>;
using ReplicationPad3dOptions = ReplicationPadOptions<3>;

struct ZeroPad2dOptions {
  ZeroPad2dOptions(ExpandingArray<4> padding) : padding_(padding) {}
  KILN_ARG(ExpandingArray<4>, padding);
};

template <std::size_t D> struct ConstantPadOptions {
  ConstantPadOptions(ExpandingArray<D * 2> padding, double value) : padding_(padding), value_(value) {}
  KILN_ARG(ExpandingArray<D * 2>, padding);
  KILN_ARG(double, value);
};
using ConstantPad1dOptions = ConstantPadOptions<1>;
using ConstantPad2dOptions = ConstantPadOptions<2>;
using ConstantPad3dOptions = ConstantPadOptions<3>;

/// The further argument, when there is one, is a number of the options.
#define KILN_PAD(Name, D, ...)                                                                               \
  class Name##Impl : public Cloneable<Name##Impl> {                                                          \
  public:                                                                                                    \
    Name##Impl(ExpandingArray<(D) * 2> padding __VA_OPT__(, double __VA_ARGS__))                             \
        : options(padding __VA_OPT__(, __VA_ARGS__)) {}                                                      \
    explicit Name##Impl(const Name##Options& options_) : options(options_) {}                                \
    void reset() override {}                                                                                 \
    void pretty_print(std::ostream& stream) const override;                                                  \
    Tensor forward(const Tensor& x);                                                                         \
                                                                                                             \
    Name##Options options;                                                                                   \
  };                                                                                                         \
  KILN_LAYER(Name)
/// The border mirrors what is next to it, the edge itself left out: less than the dimension's size.
/// x: [N, C, W] or [C, W], [.., H, W], [.., D, H, W].
KILN_PAD(ReflectionPad1d, 1);
KILN_PAD(ReflectionPad2d, 2);
KILN_PAD(ReflectionPad3d, 3);
/// The border repeats the edge.
KILN_PAD(ReplicationPad1d, 1);
KILN_PAD(ReplicationPad2d, 2);
KILN_PAD(ReplicationPad3d, 3);
/// x: [..., H, W].
KILN_PAD(ZeroPad2d, 2);
/// The border is `value`; x: [..., W], [..., H, W], [..., D, H, W].
KILN_PAD(ConstantPad1d, 1, value);
KILN_PAD(ConstantPad2d, 2, value);
KILN_PAD(ConstantPad3d, 3, value);
#undef KILN_PAD

} // namespace kiln::nn
