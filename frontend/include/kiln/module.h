// nn::Module: owns parameters, buffers and submodules by name. Usable in a shared pointer, in a holder
// (nn/holder.h) or on the stack. Names are PyTorch's ("encoder.block1.weight"). A tensor or module that is
// reachable under several names is listed once, under the first, as in Python.
#pragma once

#include "kiln/autograd.h"
#include "kiln/nn/holder.h"
#include "kiln/ordered_dict.h"
#include "kiln/tensor.h"

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace kiln {

extern template class OrderedDict<std::string, Tensor>; // compiled in the library

namespace nn {
class Module;
}
extern template class OrderedDict<std::string, std::shared_ptr<nn::Module>>;

} // namespace kiln

namespace kiln::serialize {
class OutputArchive;
class InputArchive;
} // namespace kiln::serialize

namespace kiln::nn {

/// Names that a module has and a state dict lacks, and the other way round.
struct IncompatibleKeys {
  std::vector<std::string> missing_keys, unexpected_keys;
};

class Module : public std::enable_shared_from_this<Module> {
public:
  using ModuleApplyFunction = std::function<void(Module&)>;
  using ConstModuleApplyFunction = std::function<void(const Module&)>;
  using NamedModuleApplyFunction = std::function<void(const std::string&, Module&)>;
  using ConstNamedModuleApplyFunction = std::function<void(const std::string&, const Module&)>;
  using ModulePointerApplyFunction = std::function<void(const std::shared_ptr<Module>&)>;
  using NamedModulePointerApplyFunction =
      std::function<void(const std::string&, const std::shared_ptr<Module>&)>;

  /// `name` is how the module prints; without one it is the name of its C++ type.
  explicit Module(std::string name);
  Module();
  Module(const Module& other); ///< shares parameters and submodules with `other`; clone() copies them
  Module& operator=(const Module& other);
  virtual ~Module();

  const std::string& name() const noexcept;

  /// Deep copy. Throws Error unless the class derives from nn::Cloneable.
  virtual std::shared_ptr<Module> clone(const std::optional<Device>& device = {}) const;

  /// Calls `function` on this module and all below it, owners first.
  void apply(const ModuleApplyFunction& function);
  void apply(const ConstModuleApplyFunction& function) const;
  void apply(const NamedModuleApplyFunction& function, const std::string& name_prefix = {});
  void apply(const ConstNamedModuleApplyFunction& function, const std::string& name_prefix = {}) const;
  /// These hand out shared pointers: they throw Error when this module is not in one.
  void apply(const ModulePointerApplyFunction& function) const;
  void apply(const NamedModulePointerApplyFunction& function, const std::string& name_prefix = {}) const;

  std::vector<Tensor> parameters(bool recurse = true) const;
  OrderedDict<std::string, Tensor> named_parameters(bool recurse = true) const;
  std::vector<Tensor> buffers(bool recurse = true) const;
  OrderedDict<std::string, Tensor> named_buffers(bool recurse = true) const;
  /// With include_self this module must be in a shared pointer, else Error.
  std::vector<std::shared_ptr<Module>> modules(bool include_self = true) const;
  OrderedDict<std::string, std::shared_ptr<Module>> named_modules(const std::string& name_prefix = {},
                                                                  bool include_self = true) const;
  std::vector<std::shared_ptr<Module>> children() const;
  OrderedDict<std::string, std::shared_ptr<Module>> named_children() const;

  /// Training mode, of this module and all below: Dropout acts in it alone.
  virtual void train(bool on = true);
  void eval() { train(false); }
  virtual bool is_training() const noexcept;

  /// Converts parameters and buffers in place: optimizers that hold them see the new values. A dtype applies
  /// to those of floating point.
  virtual void to(Device device, DType dtype, bool non_blocking = false);
  virtual void to(DType dtype, bool non_blocking = false);
  virtual void to(Device device, bool non_blocking = false);

  /// Forgets the gradients of all parameters, or fills them with zeros.
  virtual void zero_grad(bool set_to_none = true);

  /// Parameters and buffers by PyTorch's names ("encoder.fc1.weight"), those that are shared under each of
  /// theirs.
  OrderedDict<std::string, Tensor> state_dict() const;
  /// Copies values in, in place: optimizers see them, and a compiled model goes on with them without
  /// compiling anew (a call that is under way in another thread is waited for). Throws Error listing all
  /// shapes that differ, and, when strict, all missing and unexpected names; the module is then as it was.
  IncompatibleKeys load_state_dict(const OrderedDict<std::string, Tensor>& state, bool strict = true);
  /// The state dict, to and from an archive (serialize.h); strict.
  virtual void save(serialize::OutputArchive& archive) const;
  virtual void load(serialize::InputArchive& archive);

  /// This module as a T (a module class or its holder); nullptr when it is another.
  template <class T> auto as() noexcept {
    if constexpr (requires { typename T::ContainedType; })
      return dynamic_cast<typename T::ContainedType*>(this);
    else
      return dynamic_cast<T*>(this);
  }
  template <class T> auto as() const noexcept {
    if constexpr (requires { typename T::ContainedType; })
      return dynamic_cast<const typename T::ContainedType*>(this);
    else
      return dynamic_cast<const T*>(this);
  }

  /// Prints this module without its children.
  virtual void pretty_print(std::ostream& stream) const;

  /// Registers under a name: not empty, without dots, not in use, else Error. An undefined tensor keeps its
  /// name and is not listed. `requires_grad` must be false for tensors that are not of floating point.
  Tensor& register_parameter(std::string name, Tensor tensor, bool requires_grad = true);
  Tensor& register_buffer(std::string name, Tensor tensor);
  template <class T> std::shared_ptr<T> register_module(std::string name, std::shared_ptr<T> module) {
    add_child(std::move(name), module, false);
    return module;
  }
  template <class T> std::shared_ptr<T> register_module(std::string name, ModuleHolder<T> holder) {
    return register_module(std::move(name), holder.ptr());
  }
  /// Puts another module under a name in use. Compiled programs that used the old one are compiled anew.
  template <class T> std::shared_ptr<T> replace_module(const std::string& name, std::shared_ptr<T> module) {
    add_child(name, module, true);
    return module;
  }
  template <class T> std::shared_ptr<T> replace_module(const std::string& name, ModuleHolder<T> holder) {
    return replace_module(name, holder.ptr());
  }
  void unregister_module(const std::string& name);

  /// Hooks run when the module is called (`fc(x)`, in a Sequential, compiled), not by `fc->forward(x)`, in
  /// order of registration. They see the tensors among the arguments and in the result as lists, or, when a
  /// hook takes a Tensor instead, the one there is (Error when there are more); what is undefined stays so.
  /// They may return nothing, or a Tensor or a list, also in an optional, that takes the place of what is
  /// named. An exception ends the call. Under capture hooks are part of the program: they run once, while it
  /// is captured; adding or removing one captures anew. Copies and clones of a module have none.
  ///
  /// Before forward: hook(Module&, inputs) may replace the inputs.
  template <class Hook> RemovableHandle register_forward_pre_hook(Hook hook) {
    return add_hook(internal::ModuleHookKind::BeforeForward, internal::hook_of_inputs(std::move(hook)));
  }
  /// After forward: hook(Module&, inputs, outputs) may replace the outputs.
  template <class Hook> RemovableHandle register_forward_hook(Hook hook) {
    return add_hook(internal::ModuleHookKind::AfterForward, internal::hook_of_both(std::move(hook)));
  }
  /// In backward(), once the gradients of the inputs are there: hook(Module&, grad_inputs, grad_outputs) may
  /// replace the gradients of the inputs. Those of inputs that want none, and of outputs that nothing flowed
  /// into, are undefined. When no input wants one, the hook runs with those of the outputs, and must not
  /// replace anything.
  template <class Hook> RemovableHandle register_full_backward_hook(Hook hook) {
    return add_hook(internal::ModuleHookKind::Backward, internal::hook_of_both(std::move(hook)));
  }

  const internal::ModuleStatePtr& internal_state() const noexcept {
    return state_;
  } ///< for the library's own use

protected:
  OrderedDict<std::string, Tensor> parameters_{"Parameter"};

private:
  template <class Derived> friend class Cloneable;
  friend std::ostream& operator<<(std::ostream& stream, const Module& module);

  virtual void clone_(Module& other, const std::optional<Device>& device);
  void add_child(std::string name, std::shared_ptr<Module> module, bool replace);
  RemovableHandle add_hook(internal::ModuleHookKind kind, internal::ModuleHookFunction hook);
  void set_path(const std::string& path);
  void walk_submodules(const std::string& prefix, const NamedModulePointerApplyFunction& function) const;
  void convert(const std::function<Tensor(const Tensor&)>& conversion);
  void print_tree(std::ostream& stream, const std::string& indentation) const;
  std::shared_ptr<Module> checked_shared_from_this() const;
  // The parts of Cloneable::clone that do not depend on the type.
  void copy_tensors_from(const Module& original, const std::optional<Device>& device);
  void copy_children_from(const Module& original, const std::optional<Device>& device);
  void forget_contents();
  static void check_clone(bool same_type);

  OrderedDict<std::string, Tensor> buffers_{"Buffer"};
  OrderedDict<std::string, std::shared_ptr<Module>> children_{"Submodule"};
  mutable std::string name_;
  internal::ModuleStatePtr state_;
};

/// PyTorch's tree: `Net(`, a line `  (fc1): Linear(…)` for each child, `)`.
std::ostream& operator<<(std::ostream& stream, const Module& module);

/// What the names of our own layers start with in print: "" unless the LibTorch compatibility header sets it.
const std::string& print_prefix();
void set_print_prefix(std::string prefix);

/// Base of modules that can be cloned: `reset()` registers everything anew.
template <class Derived> class Cloneable : public Module {
public:
  using Module::Module;

  /// Makes and registers the parameters, buffers and submodules.
  virtual void reset() = 0;

  std::shared_ptr<Module> clone(const std::optional<Device>& device = {}) const override {
    NoGradGuard no_grad;
    auto copy = std::make_shared<Derived>(static_cast<const Derived&>(*this));
    copy->forget_contents();
    copy->reset();
    copy->copy_tensors_from(*this, device);
    copy->copy_children_from(*this, device);
    return copy;
  }

private:
  void clone_(Module& other, const std::optional<Device>& device) final {
    auto clone = std::dynamic_pointer_cast<Derived>(other.clone(device));
    check_clone(clone != nullptr);
    static_cast<Derived&>(*this) = *clone;
  }
};

} // namespace kiln::nn

/// KILN_MODULE for our own cloneable layers, made so that a program does not pay for those that it does not
/// use: cloning is compiled once, in the library (whose .cpp says KILN_LAYER_DEFINITION), and the holder is a
/// name for a template that is instantiated where a program first uses it, not a class.
#define KILN_LAYER(Name)                                                                                     \
  extern template class Cloneable<Name##Impl>;                                                               \
  using Name = ModuleHolder<Name##Impl>
#define KILN_LAYER_DEFINITION(Name) template class Cloneable<Name##Impl>;
