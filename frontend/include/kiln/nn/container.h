// Containers: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict and Functional.
#pragma once

#include "kiln/nn/any.h"

#include <initializer_list>

namespace kiln::nn {

/// Runs modules one after another. A module may be a holder, a shared pointer, an object (copied), an
/// AnyModule or another Sequential; each is registered under its position or a name.
class SequentialImpl : public Cloneable<SequentialImpl> {
public:
  using Iterator = std::vector<AnyModule>::iterator;
  using ConstIterator = std::vector<AnyModule>::const_iterator;

  SequentialImpl();
  template <class... Modules>
    requires(!(sizeof...(Modules) == 1 &&
               (std::is_same_v<std::remove_cvref_t<Modules>, SequentialImpl> && ...)))
  explicit SequentialImpl(Modules&&... modules) {
    (push_back(std::forward<Modules>(modules)), ...);
  }
  explicit SequentialImpl(OrderedDict<std::string, AnyModule>&& modules);
  explicit SequentialImpl(std::initializer_list<NamedAnyModule> modules);

  std::shared_ptr<Module> clone(const std::optional<Device>& device = {}) const override;
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;

  /// The first module gets the arguments, each further one the result of the one before. Throws Error when
  /// empty.
  template <class R = Tensor, class... Args> R forward(Args&&... args) {
    if constexpr (sizeof...(Args) == 1 && std::is_same_v<R, Tensor> &&
                  (std::is_convertible_v<Args, Tensor> && ...)) {
      return forward_tensor(std::forward<Args>(args)...);
    } else {
      internal::ModuleCall scope(internal_state());
      check_not_empty();
      return finish<R>(modules_.front().any_forward(std::forward<Args>(args)...), 1);
    }
  }

  template <class M> void push_back(M&& module) {
    push_back(std::to_string(size()), std::forward<M>(module));
  }
  template <class M> void push_back(std::string name, M&& module) {
    push_back(std::move(name), AnyModule(std::forward<M>(module)));
  }
  void push_back(AnyModule module);
  void push_back(std::string name, AnyModule module);
  /// Adds every element of a container of modules.
  template <class Container> void extend(const Container& container) {
    for (const auto& module : container)
      push_back(module);
  }

  Iterator begin();
  Iterator end();
  ConstIterator begin() const;
  ConstIterator end() const;
  std::size_t size() const noexcept;
  bool is_empty() const noexcept;

  /// By position. These throw Error beyond the end, and when the module is not a T.
  template <class T> T& at(std::size_t index) const { return checked(index).template get<T>(); }
  std::shared_ptr<Module> ptr(std::size_t index) const;
  template <class T> std::shared_ptr<T> ptr(std::size_t index) const {
    return checked(index).template ptr<T>();
  }
  std::shared_ptr<Module> operator[](std::size_t index) const;

private:
  Tensor forward_tensor(Tensor x);
  AnyValue run(AnyValue value, std::size_t first);
  template <class R> R finish(AnyValue value, std::size_t first) {
    value = run(std::move(value), first);
    if (R* result = value.template try_get<R>()) return std::move(*result);
    detail::wrong_return(typeid(R), value.type_info());
  }
  const AnyModule& checked(std::size_t index) const;
  void check_not_empty() const;

  std::vector<AnyModule> modules_;
};
extern template class Cloneable<SequentialImpl>;
class Sequential : public ModuleHolder<SequentialImpl> {
public:
  using ModuleHolder<SequentialImpl>::ModuleHolder;
  using Impl = SequentialImpl;
  Sequential();
  Sequential(std::initializer_list<NamedAnyModule> modules);
};

/// Modules by position, registered as "0", "1", …; has no forward.
class ModuleListImpl : public Cloneable<ModuleListImpl> {
public:
  using Iterator = std::vector<std::shared_ptr<Module>>::iterator;
  using ConstIterator = std::vector<std::shared_ptr<Module>>::const_iterator;

  ModuleListImpl();
  template <class... Modules>
    requires(!(sizeof...(Modules) == 1 &&
               (std::is_same_v<std::remove_cvref_t<Modules>, ModuleListImpl> && ...)))
  explicit ModuleListImpl(Modules&&... modules) {
    (push_back(std::forward<Modules>(modules)), ...);
  }
  std::shared_ptr<Module> clone(const std::optional<Device>& device = {}) const override;
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;

  void push_back(std::shared_ptr<Module> module);
  template <class M> void push_back(const ModuleHolder<M>& holder) {
    push_back(std::shared_ptr<Module>(holder.ptr()));
  }
  template <class M>
    requires std::is_base_of_v<Module, std::remove_cvref_t<M>>
  void push_back(M&& module) {
    push_back(std::shared_ptr<Module>(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))));
  }
  template <class Container> void extend(const Container& container) {
    for (const auto& module : container)
      push_back(module);
  }
  /// Puts a module before position `index`; those behind move up.
  void insert(std::size_t index, std::shared_ptr<Module> module);
  template <class M> void insert(std::size_t index, const ModuleHolder<M>& holder) {
    insert(index, std::shared_ptr<Module>(holder.ptr()));
  }

  Iterator begin();
  Iterator end();
  ConstIterator begin() const;
  ConstIterator end() const;
  std::size_t size() const noexcept;
  bool is_empty() const noexcept;
  /// By position. These throw Error beyond the end, and when the module is not a T.
  template <class T> T& at(std::size_t index) const { return *ptr<T>(index); }
  std::shared_ptr<Module> ptr(std::size_t index) const;
  template <class T> std::shared_ptr<T> ptr(std::size_t index) const {
    std::shared_ptr<Module> module = ptr(index);
    if (auto cast = std::dynamic_pointer_cast<T>(module)) return cast;
    const Module& other = *module;
    detail::wrong_module(typeid(T), typeid(other));
  }
  std::shared_ptr<Module> operator[](std::size_t index) const;

private:
  std::vector<std::shared_ptr<Module>> modules_;
};
KILN_LAYER(ModuleList);

/// Modules by name, in order of insertion.
class ModuleDictImpl : public Cloneable<ModuleDictImpl> {
public:
  using Item = std::pair<std::string, std::shared_ptr<Module>>;
  using ConstIterator = OrderedDict<std::string, std::shared_ptr<Module>>::ConstIterator;
  ModuleDictImpl();
  explicit ModuleDictImpl(const std::vector<Item>& modules);
  explicit ModuleDictImpl(const OrderedDict<std::string, std::shared_ptr<Module>>& modules);
  std::shared_ptr<Module> clone(const std::optional<Device>& device = {}) const override;
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;

  void insert(std::string name,
              std::shared_ptr<Module> module);   ///< replaces the module of that name if there is one
  void update(const std::vector<Item>& modules); ///< inserts them all
  void update(const OrderedDict<std::string, std::shared_ptr<Module>>& modules);
  void update(const ModuleDictImpl& other);
  std::shared_ptr<Module> pop(const std::string& name); ///< removes and returns
  void clear();
  bool contains(const std::string& name) const noexcept;
  std::size_t size() const noexcept;
  bool empty() const noexcept;
  std::vector<std::string> keys() const;
  std::vector<std::shared_ptr<Module>> values() const;
  const std::vector<OrderedDict<std::string, std::shared_ptr<Module>>::Item>& items() const;
  ConstIterator begin() const;
  ConstIterator end() const;
  std::shared_ptr<Module> operator[](const std::string& name) const;
  template <class T> T& at(const std::string& name) const {
    Module& module = *(*this)[name];
    if (T* cast = dynamic_cast<T*>(&module)) return *cast;
    detail::wrong_module(typeid(T), typeid(module));
  }

private:
  OrderedDict<std::string, std::shared_ptr<Module>> modules_{"Module"};
};
KILN_LAYER(ModuleDict);

/// Parameters by position, registered as "0", "1", ….
class ParameterListImpl : public Cloneable<ParameterListImpl> {
public:
  using Iterator = OrderedDict<std::string, Tensor>::Iterator;
  ParameterListImpl();
  template <class... Tensors>
    requires(std::is_convertible_v<Tensors, Tensor> && ...)
  explicit ParameterListImpl(Tensors&&... tensors) {
    (append(std::forward<Tensors>(tensors)), ...);
  }
  std::shared_ptr<Module> clone(const std::optional<Device>& device = {}) const override;
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  void append(Tensor parameter); ///< keeps its requires_grad
  template <class Container> void extend(const Container& container) {
    for (const Tensor& tensor : container)
      append(tensor);
  }
  std::size_t size() const noexcept;
  bool is_empty() const noexcept;
  Tensor& at(std::size_t index);
  Tensor& operator[](std::size_t index);
  Iterator begin();
  Iterator end();
};
KILN_LAYER(ParameterList);

/// Parameters by name, in order of insertion.
class ParameterDictImpl : public Cloneable<ParameterDictImpl> {
public:
  using Iterator = OrderedDict<std::string, Tensor>::Iterator;
  using ConstIterator = OrderedDict<std::string, Tensor>::ConstIterator;

  ParameterDictImpl() = default;
  explicit ParameterDictImpl(const OrderedDict<std::string, Tensor>& parameters);
  std::shared_ptr<Module> clone(const std::optional<Device>& device = {}) const override;
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;

  /// Keeps its requires_grad. Throws Error when the name is in use.
  Tensor& insert(std::string key, Tensor parameter);
  Tensor pop(const std::string& key); ///< removes and returns
  /// Inserts them all, in place of those of the same names.
  void update(const OrderedDict<std::string, Tensor>& parameters);
  void update(const ParameterDictImpl& other);
  void clear();
  bool contains(const std::string& key) const noexcept;
  std::size_t size() const noexcept;
  bool empty() const noexcept;
  std::vector<std::string> keys() const;
  std::vector<Tensor> values() const;
  Iterator begin();
  Iterator end();
  ConstIterator begin() const;
  ConstIterator end() const;
  /// These throw Error when there is none.
  Tensor& get(const std::string& key);
  const Tensor& get(const std::string& key) const;
  Tensor& operator[](const std::string& key) { return get(key); }
  const Tensor& operator[](const std::string& key) const { return get(key); }
};
KILN_LAYER(ParameterDict);

/// A function as a module; further arguments are remembered: `Functional(kiln::leaky_relu, 0.2)`.
class FunctionalImpl : public Cloneable<FunctionalImpl> {
public:
  using Function = std::function<Tensor(Tensor)>;
  explicit FunctionalImpl(Function function);
  template <class F, class... Args>
    requires(sizeof...(Args) > 0)
  explicit FunctionalImpl(F function, Args&&... args)
      : function_([function, ... bound = std::decay_t<Args>(std::forward<Args>(args))](Tensor x) {
          return function(std::move(x), bound...);
        }) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(Tensor x);

private:
  Function function_;
};
KILN_LAYER(Functional);

} // namespace kiln::nn
