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

AnyValue::AnyValue(const AnyValue& other)
    : type_(other.type_), object_(other.type_ ? other.type_->copy(other.object_) : nullptr) {}
AnyValue::AnyValue(AnyValue&& other) noexcept
    : type_(std::exchange(other.type_, nullptr)), object_(std::exchange(other.object_, nullptr)) {}
AnyValue& AnyValue::operator=(AnyValue other) noexcept {
  std::swap(type_, other.type_);
  std::swap(object_, other.object_);
  return *this;
}
AnyValue::~AnyValue() {
  if (type_) type_->destroy(object_);
}
const std::type_info& AnyValue::type_info() const noexcept {
  return type_ ? *type_->info : typeid(void);
}
void AnyValue::collect_tensors(std::vector<Tensor*>& found) {
  if (type_) type_->collect(object_, found);
}
void AnyValue::wrong_type(const std::type_info& wanted, const std::type_info& got) {
  throw Error("AnyValue: Attempted to cast AnyValue to " + type_name(wanted) + ", but its actual type is " +
              type_name(got));
}

AnyValue AnyModule::call(AnyValue* arguments, std::size_t count) {
  const internal::ModuleStatePtr& state = checked("forward()")->internal_state();
  internal::ModuleCall scope(state);
  if (!state->hooks) return call_(object_, arguments, count);
  std::vector<Tensor*> inputs, outputs;
  for (std::size_t i = 0; i < count; ++i)
    arguments[i].collect_tensors(inputs);
  internal::HookedCall hooked(state);
  hooked.enter(inputs);
  AnyValue result = call_(object_, arguments, count);
  result.collect_tensors(outputs);
  hooked.leave(outputs);
  return result;
}

Tensor AnyModule::forward_tensor(const Tensor& x) {
  const internal::ModuleStatePtr& state = module_->internal_state();
  internal::ModuleCall scope(state);
  if (!state->hooks) return call_tensor_(object_, x);
  Tensor input = x, output;
  internal::HookedCall hooked(state);
  hooked.enter({&input});
  output = call_tensor_(object_, input);
  hooked.leave({&output});
  return output;
}

namespace detail {

void wrong_argument(const Module& module, std::size_t position, const std::type_info& wanted,
                    const std::type_info& got) {
  throw Error(module.name() + ".forward: Expected argument #" + std::to_string(position) + " to be of type " +
              type_name(wanted) + ", but received value of type " + type_name(got));
}
void wrong_count(const Module& module, std::size_t least, std::size_t most, std::size_t got) {
  const std::string wanted = least == most
                                 ? std::to_string(most) + " argument(s)"
                                 : "at least " + std::to_string(least) + " argument(s) and at most " +
                                       std::to_string(most) + " argument(s)";
  throw Error(module.name() + "'s forward() method expects " + wanted + ", but received " +
              std::to_string(got) + ".");
}
void wrong_return(const std::type_info& wanted, const std::type_info& got) {
  throw Error("forward: The type of the return value is " + type_name(got) + ", but you asked for type " +
              type_name(wanted));
}
void wrong_module(const std::type_info& wanted, const std::type_info& got) {
  throw Error("AnyModule: Attempted to cast module to " + type_name(wanted) + ", but its type is " +
              type_name(got));
}
void empty_any_module(const char* method) {
  throw Error("AnyModule: Cannot call " + std::string(method) + " on an empty AnyModule");
}

} // namespace detail
} // namespace kiln::nn
