// AnyModule: a module of any class with its forward, type-erased, so that a Sequential can hold it.
// forward() may take and return anything; parameters with default values may be left out. Modules from one
// Tensor to one Tensor, nearly all, are called without boxing.
#pragma once

#include "kiln/module.h"

#include <array>
#include <cstddef>
#include <tuple>
#include <typeinfo>
#include <utility>

namespace kiln::nn {

/// A value of any type that can be copied, kept as the decayed type that it was made from.
class AnyValue {
public:
  AnyValue() = default;
  template <class T>
    requires(!std::is_same_v<std::remove_cvref_t<T>, AnyValue>)
  explicit AnyValue(T&& value)
      : type_(&kType<std::decay_t<T>>), object_(new std::decay_t<T>(std::forward<T>(value))) {}
  AnyValue(const AnyValue& other);
  AnyValue(AnyValue&& other) noexcept;
  AnyValue& operator=(AnyValue other) noexcept;
  ~AnyValue();

  /// The value when it is a T, else nullptr.
  template <class T> T* try_get() noexcept {
    return type_info() == typeid(T) ? static_cast<T*>(object_) : nullptr;
  }
  template <class T> const T* try_get() const noexcept { return const_cast<AnyValue*>(this)->try_get<T>(); }
  /// Throws Error when it is no T.
  template <class T> T get() const {
    if (const T* value = try_get<T>()) return *value;
    wrong_type(typeid(T), type_info());
  }
  const std::type_info& type_info() const noexcept;  ///< void's when there is none
  void collect_tensors(std::vector<Tensor*>& found); ///< those it holds, for hooks

private:
  // What std::any does, and hooks need, for values of one type; <any> is slower to compile.
  struct Type {
    const std::type_info* info;
    void* (*copy)(const void* object);
    void (*destroy)(void* object);
    void (*collect)(void* object, std::vector<Tensor*>& found);
  };
  template <class T>
  static constexpr Type kType = {
      &typeid(T), [](const void* object) -> void* { return new T(*static_cast<const T*>(object)); },
      [](void* object) { delete static_cast<T*>(object); },
      [](void* object, std::vector<Tensor*>& found) {
        internal::collect_tensors(found, *static_cast<T*>(object));
      }};
  [[noreturn]] static void wrong_type(const std::type_info& wanted, const std::type_info& got);

  const Type* type_ = nullptr; // null: no value
  void* object_ = nullptr;     // ours
};

namespace detail {

/// The result and arguments of a forward function.
template <class F> struct Signature {};
template <class R, class C, class... A> struct Signature<R (C::*)(A...)> {
  using Arguments = std::tuple<A...>;
};
template <class R, class C, class... A> struct Signature<R (C::*)(A...) const> : Signature<R (C::*)(A...)> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) noexcept> : Signature<R (C::*)(A...)> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const noexcept> : Signature<R (C::*)(A...)> {};

[[noreturn]] void wrong_argument(const Module& module, std::size_t position, const std::type_info& wanted,
                                 const std::type_info& got);
[[noreturn]] void wrong_count(const Module& module, std::size_t least, std::size_t most, std::size_t got);
[[noreturn]] void wrong_return(const std::type_info& wanted, const std::type_info& got);
[[noreturn]] void wrong_module(const std::type_info& wanted, const std::type_info& got);
[[noreturn]] void empty_any_module(const char* method);

template <class A> A&& unbox(const Module& module, AnyValue& value, std::size_t position) {
  using T = std::remove_cvref_t<A>;
  T* unboxed = value.try_get<T>();
  if (!unboxed) wrong_argument(module, position, typeid(T), value.type_info());
  return static_cast<A&&>(*unboxed);
}

template <class F> AnyValue boxed(F&& call) {
  if constexpr (std::is_void_v<decltype(call())>)
    return call(), AnyValue();
  else
    return AnyValue(call());
}

template <class M>
concept MapsTensor = requires(M& module, Tensor x) {
  { module.forward(x) } -> std::convertible_to<Tensor>;
};

/// Whether forward can be called with the first of its parameters: the rest have default values.
template <class M, class Arguments, std::size_t... i>
constexpr bool can_call_with(std::index_sequence<i...>) {
  return requires(M& module) { module.forward(std::declval<std::tuple_element_t<i, Arguments>>()...); };
}
template <class M, class Arguments, std::size_t... i>
bool call_with(M& module, AnyValue* arguments, AnyValue& result, std::index_sequence<i...>) {
  if constexpr (can_call_with<M, Arguments>(std::index_sequence<i...>{})) {
    result = boxed([&]() {
      return module.forward(unbox<std::tuple_element_t<i, Arguments>>(module, arguments[i], i)...);
    });
    return true;
  }
  return false;
}

template <class M> AnyValue call_boxed(void* object, AnyValue* arguments, std::size_t count) {
  M& module = *static_cast<M*>(object);
  AnyValue result;
  if constexpr (requires { &M::forward; }) {
    using Arguments = typename Signature<decltype(&M::forward)>::Arguments;
    constexpr std::size_t size = std::tuple_size_v<Arguments>;
    const bool called = [&]<std::size_t... n>(std::index_sequence<n...>) {
      return (... || (n == count &&
                      call_with<M, Arguments>(module, arguments, result, std::make_index_sequence<n>())));
    }(std::make_index_sequence<size + 1>());
    constexpr std::size_t least = []<std::size_t... n>(std::index_sequence<n...>) {
      std::size_t fewest = size;
      ((n < fewest && can_call_with<M, Arguments>(std::make_index_sequence<n>()) ? fewest = n : fewest), ...);
      return fewest;
    }(std::make_index_sequence<size + 1>());
    if (!called) wrong_count(module, least, size, count);
  } else { // forward is a template or overloaded: called with one Tensor
    static_assert(MapsTensor<M>, "a module in AnyModule or Sequential needs a forward()");
    if (count != 1) wrong_count(module, 1, 1, count);
    result = AnyValue(Tensor(module.forward(unbox<const Tensor&>(module, arguments[0], 0))));
  }
  return result;
}

template <class M> void* cast(Module& module) {
  return dynamic_cast<M*>(&module);
}
template <class M> Tensor call_tensor(void* object, const Tensor& x) {
  return static_cast<M*>(object)->forward(x);
}

} // namespace detail

class AnyModule {
public:
  AnyModule() = default;
  template <class M>
    requires std::is_base_of_v<Module, M>
  explicit AnyModule(std::shared_ptr<M> module)
      : type_(&typeid(M)), cast_(&detail::cast<M>), call_(&detail::call_boxed<M>),
        module_(std::move(module)) {
    object_ = cast_(*ptr());
    if constexpr (detail::MapsTensor<M>) call_tensor_ = &detail::call_tensor<M>;
  }
  template <class M>
    requires std::is_base_of_v<Module, std::remove_cvref_t<M>>
  explicit AnyModule(M&& module)
      : AnyModule(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))) {}
  template <class M> explicit AnyModule(const ModuleHolder<M>& holder) : AnyModule(holder.ptr()) {}
  /// Holds another module, of any class, from now on.
  template <class M>
    requires std::is_base_of_v<Module, M>
  AnyModule& operator=(std::shared_ptr<M> module) {
    return *this = AnyModule(std::move(module));
  }

  /// The module's forward. Throws Error when an argument or the result has another type than was asked for.
  template <class R = Tensor, class... Args> R forward(Args&&... args) {
    AnyValue result = any_forward(std::forward<Args>(args)...);
    if (R* value = result.template try_get<R>()) return std::move(*value);
    detail::wrong_return(typeid(R), result.type_info());
  }
  template <class... Args> AnyValue any_forward(Args&&... args) {
    std::array<AnyValue, sizeof...(Args)> boxes{AnyValue(std::forward<Args>(args))...};
    return call(boxes.data(), boxes.size());
  }
  bool maps_tensor() const noexcept { return call_tensor_ != nullptr; }
  /// forward of a module for which maps_tensor() holds.
  Tensor forward_tensor(const Tensor& x);

  AnyModule clone(const std::optional<Device>& device = {}) const;

  /// The module as an M (class or holder). Throws Error when it is another.
  template <class M>
    requires std::is_base_of_v<Module, M>
  M& get() const {
    check_type(typeid(M), "get()");
    return *static_cast<M*>(object_);
  }
  template <class H>
    requires requires { typename H::ContainedType; }
  H get() const {
    check_type(typeid(typename H::ContainedType), "get()");
    return H(ptr<typename H::ContainedType>());
  }
  const std::shared_ptr<Module>& ptr() const { return checked("ptr()"); }
  template <class M> std::shared_ptr<M> ptr() const {
    check_type(typeid(M), "ptr()");
    return std::shared_ptr<M>(module_, static_cast<M*>(object_));
  }
  const std::type_info& type_info() const {
    checked("type_info()");
    return *type_;
  }
  bool is_empty() const noexcept { return module_ == nullptr; }

private:
  AnyValue call(AnyValue* arguments, std::size_t count);
  const std::shared_ptr<Module>& checked(const char* method) const {
    if (!module_) detail::empty_any_module(method);
    return module_;
  }
  void check_type(const std::type_info& wanted, const char* method) const {
    checked(method);
    if (*type_ != wanted) detail::wrong_module(wanted, *type_);
  }

  void* object_ = nullptr; // module_ as its own class
  const std::type_info* type_ = nullptr;
  void* (*cast_)(Module&) = nullptr;
  AnyValue (*call_)(void*, AnyValue*, std::size_t) = nullptr;
  Tensor (*call_tensor_)(void*, const Tensor&) = nullptr;
  std::shared_ptr<Module> module_;
};

/// A name and a module, for `Sequential({{"fc", Linear(2, 3)}, {"act", ReLU()}})`.
class NamedAnyModule {
public:
  template <class M>
  NamedAnyModule(std::string name, M&& module) : name_(std::move(name)), module_(std::forward<M>(module)) {}
  NamedAnyModule(std::string name, AnyModule module) : name_(std::move(name)), module_(std::move(module)) {}
  const std::string& name() const noexcept { return name_; }
  AnyModule& module() noexcept { return module_; }
  const AnyModule& module() const noexcept { return module_; }

private:
  std::string name_;
  AnyModule module_;
};

} // namespace kiln::nn
