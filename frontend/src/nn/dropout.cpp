// Dropout.
#include "kiln/nn/dropout.h"

#include "kiln/nn/functional.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(Dropout)

namespace F = functional;

void DropoutImpl::reset() {
  if (!(options.p() >= 0 && options.p() <= 1))
    throw Error("Dropout: dropout probability has to be between 0 and 1, but got " +
                std::to_string(options.p()));
}
void DropoutImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Dropout(p=" << options.p()
         << ", inplace=" << (options.inplace() ? "true" : "false") << ")";
}
Tensor DropoutImpl::forward(Tensor x) {
  internal::ModuleCall scope(internal_state());
  return F::dropout(
      std::move(x),
      F::DropoutFuncOptions().p(options.p()).training(is_training()).inplace(options.inplace()));
}

} // namespace kiln::nn
