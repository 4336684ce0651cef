// The padding layers.
#include "kiln/nn/padding.h"

#include "kiln/nn/ops.h"

#include <ostream>

namespace kiln::nn {

#define KILN_PAD(Name, mode)                                                                                 \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                                \
    stream << print_prefix() << #Name "(padding=" << options.padding() << ")";                               \
  }                                                                                                          \
  Tensor Name##Impl::forward(const Tensor& x) {                                                              \
    internal::ModuleCall scope(internal_state());                                                            \
    return pad(x, options.padding(), mode);                                                                  \
  }
KILN_PAD(ReflectionPad1d, "reflect")
KILN_PAD(ReflectionPad2d, "reflect")
KILN_PAD(ReflectionPad3d, "reflect")
KILN_PAD(ReplicationPad1d, "replicate")
KILN_PAD(ReplicationPad2d, "replicate")
KILN_PAD(ReplicationPad3d, "replicate")
KILN_PAD(ZeroPad2d, "constant")
#undef KILN_PAD

#define KILN_CONSTANT_PAD(Name)                                                                              \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                                \
    stream << print_prefix() << #Name "(padding=" << options.padding() << ", value=" << options.value()      \
           << ")";                                                                                           \
  }                                                                                                          \
  Tensor Name##Impl::forward(const Tensor& x) {                                                              \
    internal::ModuleCall scope(internal_state());                                                            \
    return constant_pad_nd(x, options.padding(), options.value());                                           \
  }
KILN_CONSTANT_PAD(ConstantPad1d)
KILN_CONSTANT_PAD(ConstantPad2d)
KILN_CONSTANT_PAD(ConstantPad3d)
#undef KILN_CONSTANT_PAD

} // namespace kiln::nn
