// ModuleHolder: a shared pointer to a module that is called like a function. `KILN_MODULE(Net)` makes `Net`
// the holder of `NetImpl`. `nn::Linear fc{nullptr}` is empty; `nn::Linear fc(10, 5)` passes its arguments on.
#pragma once

#include "kiln/nn/hooks.h"
#include "kiln/runtime/error.h"

#include <iosfwd>
#include <memory>
#include <type_traits>
#include <utility>

namespace kiln::nn {

class Module;

template <class Contained> class ModuleHolder {
public:
  using ContainedType = Contained;
  using Impl = Contained;

  ModuleHolder() : impl_(default_construct()) {}
  ModuleHolder(std::nullptr_t) {}
  ModuleHolder(std::shared_ptr<Contained> module) : impl_(std::move(module)) {}
  template <class Head, class... Tail>
    requires(sizeof...(Tail) > 0 || !std::is_base_of_v<ModuleHolder, std::remove_cvref_t<Head>>)
  explicit ModuleHolder(Head&& head, Tail&&... tail)
      : impl_(std::make_shared<Contained>(std::forward<Head>(head), std::forward<Tail>(tail)...)) {}

  explicit operator bool() const noexcept { return impl_ != nullptr; }
  bool is_empty() const noexcept { return impl_ == nullptr; }

  /// Access. All throw Error when the holder is empty.
  Contained* operator->() { return get(); }
  const Contained* operator->() const { return get(); }
  Contained& operator*() { return *get(); }
  const Contained& operator*() const { return *get(); }
  Contained* get() { return ptr().get(); }
  const Contained* get() const { return ptr().get(); }
  const std::shared_ptr<Contained>& ptr() const {
    if (!impl_) throw Error("Accessing empty ModuleHolder: give it a module before using it");
    return impl_;
  }

  /// Runs forward(), with the module's name in locations and errors, and the module's hooks around it.
  template <class... Args>
    requires requires(Contained& module, Args&&... args) { module.forward(std::forward<Args>(args)...); }
  auto operator()(Args&&... args) const {
    Contained& module = *ptr();
    internal::ModuleCall call(module.internal_state());
    if (module.internal_state()->hooks) [[unlikely]]
      return internal::call_with_hooks(module, std::forward<Args>(args)...);
    return module.forward(std::forward<Args>(args)...);
  }
  template <class Index> decltype(auto) operator[](Index&& index) {
    return (*ptr())[std::forward<Index>(index)];
  }

private:
  // A member of its own, so that a holder of a module without default constructor may exist and start as
  // nullptr.
  static std::shared_ptr<Contained> default_construct() {
    static_assert(std::is_default_constructible_v<Contained>,
                  "this module has no default constructor: write `= nullptr` to start with an empty holder");
    return std::make_shared<Contained>();
  }

  std::shared_ptr<Contained> impl_;
};

template <class T> std::ostream& operator<<(std::ostream& stream, const ModuleHolder<T>& module) {
  return stream << *module;
}

} // namespace kiln::nn

#define KILN_MODULE_IMPL(Name, ImplType)                                                                     \
  class Name : public ::kiln::nn::ModuleHolder<ImplType> {                                                   \
  public:                                                                                                    \
    using ::kiln::nn::ModuleHolder<ImplType>::ModuleHolder;                                                  \
    using Impl = ImplType;                                                                                   \
  }
/// Defines the holder `Name` of the module class `NameImpl`.
#define KILN_MODULE(Name) KILN_MODULE_IMPL(Name, Name##Impl)
