// Dropout, of elements or whole channels, and the kind that SELU networks need.
#include "kiln/nn/dropout.h"

#include "kiln/nn/functional.h"

#include <ostream>

namespace kiln::nn {

namespace F = functional;

namespace {

void check(const char* layer, const DropoutOptions& options) {
  if (!(options.p() >= 0 && options.p() <= 1))
    throw Error(std::string(layer) + ": dropout probability has to be between 0 and 1, but got " +
                std::to_string(options.p()));
}
void print(std::ostream& stream, const char* layer, const DropoutOptions& options) {
  stream << print_prefix() << layer << "(p=" << options.p()
         << ", inplace=" << (options.inplace() ? "true" : "false") << ")";
}

} // namespace

#define KILN_DROPOUT(Name, function)                                                                         \
  KILN_LAYER_DEFINITION(Name)                                                                                \
  void Name##Impl::reset() {                                                                                 \
    check(#Name, options);                                                                                   \
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
