// LayerNorm, GroupNorm and InstanceNorm.
#include "kiln/nn/normalization.h"

#include "kiln/nn/init.h"
#include "kiln/nn/ops.h"
#include "kiln/ops.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(LayerNorm)

void LayerNormImpl::reset() {
  const auto& shape = options.normalized_shape();
  if (shape.empty()) throw Error("LayerNorm: Expected normalized_shape to be at least 1-dimensional, got []");
  const bool affine = options.elementwise_affine();
  weight = register_parameter("weight", affine ? kiln::empty(shape) : Tensor(), affine);
  bias = register_parameter("bias", affine ? kiln::empty(shape) : Tensor(), affine);
  reset_parameters();
}
void LayerNormImpl::reset_parameters() {
  if (!options.elementwise_affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}
void LayerNormImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "LayerNorm(" << IntArrayRef(options.normalized_shape())
         << ", eps=" << options.eps()
         << ", elementwise_affine=" << (options.elementwise_affine() ? "true" : "false") << ")";
}
Tensor LayerNormImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return layer_norm(x, options.normalized_shape(), weight, bias, options.eps());
}

KILN_LAYER_DEFINITION(GroupNorm)

void GroupNormImpl::reset() {
  if (options.num_groups() <= 0 || options.num_channels() % options.num_groups() != 0)
    throw Error("GroupNorm: num_channels must be divisible by num_groups, got " +
                std::to_string(options.num_channels()) + " and " + std::to_string(options.num_groups()));
  const bool affine = options.affine();
  weight = register_parameter("weight", affine ? kiln::empty({options.num_channels()}) : Tensor(), affine);
  bias = register_parameter("bias", affine ? kiln::empty({options.num_channels()}) : Tensor(), affine);
  reset_parameters();
}
void GroupNormImpl::reset_parameters() {
  if (!options.affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}
void GroupNormImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "GroupNorm(" << options.num_groups() << ", " << options.num_channels()
         << ", eps=" << options.eps() << ", affine=" << (options.affine() ? "true" : "false") << ")";
}
Tensor GroupNormImpl::forward(const Tensor& x) {
  internal::ModuleCall scope(internal_state());
  return group_norm(x, options.num_groups(), weight, bias, options.eps());
}

namespace detail {

Tensor InstanceNormParts::normalise(const char* layer, const Tensor& x, std::int64_t spatial,
                                    bool training) const {
  const bool batched = x.dim() == spatial + 2;
  if (!batched && x.dim() != spatial + 1)
    throw Error(std::string(layer) + ": expected " + std::to_string(spatial + 1) + "D or " +
                std::to_string(spatial + 2) + "D input, got " + std::to_string(x.dim()) + "D input");
  const bool own = training || !options.track_running_stats();
  const Tensor y = instance_norm(batched ? x : x.unsqueeze(0), weight, bias, running_mean, running_var, own,
                                 options.momentum(), options.eps());
  return batched ? y : y.squeeze(0);
}
void InstanceNormParts::describe(std::ostream& stream, const char* layer) const {
  const auto word = [](bool value) { return value ? "true" : "false"; };
  stream << print_prefix() << layer << "(" << options.num_features() << ", eps=" << options.eps()
         << ", momentum=" << options.momentum() << ", affine=" << word(options.affine())
         << ", track_running_stats=" << word(options.track_running_stats()) << ")";
}

} // namespace detail

#define KILN_INSTANCE_NORM(Name, spatial)                                                                    \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  void Name##Impl::reset() {                                                                                 \
    const std::int64_t n = options.num_features();                                                           \
    const bool affine = options.affine(), track = options.track_running_stats();                             \
    weight = register_parameter("weight", affine ? kiln::empty({n}) : Tensor(), affine);                     \
    bias = register_parameter("bias", affine ? kiln::empty({n}) : Tensor(), affine);                         \
    running_mean = register_buffer("running_mean", track ? kiln::empty({n}) : Tensor());                     \
    running_var = register_buffer("running_var", track ? kiln::empty({n}) : Tensor());                       \
    num_batches_tracked = register_buffer("num_batches_tracked", track ? zeros({}, kInt64) : Tensor());      \
    reset_parameters();                                                                                      \
  }                                                                                                          \
  void Name##Impl::reset_parameters() {                                                                      \
    reset_running_stats();                                                                                   \
    if (!options.affine()) return;                                                                           \
    init::ones_(weight);                                                                                     \
    init::zeros_(bias);                                                                                      \
  }                                                                                                          \
  void Name##Impl::reset_running_stats() {                                                                   \
    if (!options.track_running_stats()) return;                                                              \
    running_mean.zero_();                                                                                    \
    running_var.fill_(1);                                                                                    \
    num_batches_tracked.zero_();                                                                             \
  }                                                                                                          \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                                \
    describe(stream, #Name);                                                                                 \
  }                                                                                                          \
  Tensor Name##Impl::forward(const Tensor& x) {                                                              \
    internal::ModuleCall scope(internal_state());                                                            \
    return normalise(#Name, x, spatial, is_training());                                                      \
  }
KILN_INSTANCE_NORM(InstanceNorm1d, 1)
KILN_INSTANCE_NORM(InstanceNorm2d, 2)
KILN_INSTANCE_NORM(InstanceNorm3d, 3)
#undef KILN_INSTANCE_NORM

} // namespace kiln::nn
