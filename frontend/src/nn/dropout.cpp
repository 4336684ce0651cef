// Dropout, of elements or whole channels, and the kind that SELU networks need.
#include "kiln/nn/dropout.h"

#include "kiln/nn/functional.h"
#include "nn/checks.h"

#include <ostream>

namespace kiln::nn {

namespace F = functional;

namespace {

void print(std::ostream& stream, const char* layer, const DropoutOptions& options) {
  stream << print_prefix() << layer << "(p=" << options.p()
         << ", inplace=" << (options.inplace() ? "true" : "false") << ")";
}

} // namespace

#define KILN_DROPOUT(Name, function)                                                                         \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  void Name##Impl::reset() {                                                                                 \
    internal::check_dropout(#Name, options.p());                                                             \
  }                                                                                                          \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                                \
    print(stream, #Name, options);                                                                           \
  }                                                                                                          \
  Tensor Name##Impl::forward(Tensor x) {                                                                     \
    internal::ModuleCall scope(internal_state());                                                            \
    return F::function(                                                                                      \
        std::move(x),                                                                                        \
        F::DropoutFuncOptions().p(options.p()).training(is_training()).inplace(options.inplace()));          \
  }
KILN_DROPOUT(Dropout, dropout)
KILN_DROPOUT(Dropout2d, dropout2d)
KILN_DROPOUT(Dropout3d, dropout3d)
KILN_DROPOUT(AlphaDropout, alpha_dropout)
KILN_DROPOUT(FeatureAlphaDropout, feature_alpha_dropout)
#undef KILN_DROPOUT

} // namespace kiln::nn
