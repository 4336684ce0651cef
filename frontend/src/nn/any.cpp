// AnyModule: cloning, and the errors of calls that do not fit.
#include "kiln/nn/any.h"

#include "nn/type_name.h"

namespace kiln::nn {

AnyModule AnyModule::clone(const std::optional<Device>& device) const {
  AnyModule copy = *this;
  copy.module_ = ptr()->clone(device);
  copy.object_ = cast_(*copy.module_);
  return copy;
}

namespace detail {

void wrong_argument(const Module& module, std::size_t position, const std::type_info& wanted,
                    const std::type_info& got) {
  throw Error(module.name() + ".forward: Expected argument #" + std::to_string(position) + " to be of type " +
              type_name(wanted) + ", but received value of type " + type_name(got));
}
void wrong_count(const Module& module, std::size_t wanted, std::size_t got) {
  throw Error(module.name() + ".forward: got " + std::to_string(got) + " arguments, wanted " +
              std::to_string(wanted));
}
void wrong_return(const std::type_info& wanted, const std::type_info& got) {
  throw Error("forward: The type of the return value is " + type_name(got) + ", but you asked for type " +
              type_name(wanted));
}
void wrong_module(const std::type_info& wanted, const std::type_info& got) {
  throw Error("AnyModule: Attempted to cast module to " + type_name(wanted) + ", but its type is " +
              type_name(got));
}
void empty_any_module() {
  throw Error("AnyModule: Cannot use an empty AnyModule");
}

} // namespace detail
} // namespace kiln::nn
