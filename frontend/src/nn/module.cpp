// nn::Module: registration, and walks over what a module owns.
#include "kiln/module.h"

#include "core/tensor_impl.h"
#include "kiln/warning.h"
#include "nn/module_guards.h"
#include "nn/type_name.h"

#include <ostream>
#include <unordered_set>

template class kiln::OrderedDict<std::string, kiln::Tensor>;
template class kiln::OrderedDict<std::string, std::shared_ptr<kiln::nn::Module>>;

namespace kiln::nn {

using internal::set_data;

namespace {

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

void check_name(const char* function, const char* what, const std::string& name) {
  if (name.empty()) throw Error(std::string(function) + ": " + what + " name must not be empty");
  if (name.find('.') != std::string::npos)
    throw Error(std::string(function) + ": " + what + " name must not contain a dot (got '" + name + "')");
}

// Lists the tensors of `module` and of all below it, each once, undefined ones not at all.
OrderedDict<std::string, Tensor>
named_tensors(const Module& module, bool recurse, const char* what,
              const std::function<const OrderedDict<std::string, Tensor>&(const Module&)>& owned) {
  OrderedDict<std::string, Tensor> result(what);
  std::unordered_set<const void*> seen;
  auto add = [&](const std::string& name, const Module& owner) {
    for (const auto& item : owned(owner))
      if (item->defined() && seen.insert(item->impl().get()).second)
        result.insert(join(name, item.key()), *item);
  };
  if (recurse)
    module.apply(Module::ConstNamedModuleApplyFunction(add));
  else
    add({}, module);
  return result;
}

} // namespace

Module::Module() : state_(std::make_shared<internal::ModuleState>()) {
  state_->module = this;
}
Module::Module(std::string name) : Module() {
  name_ = std::move(name);
}
Module::Module(const Module& other)
    : std::enable_shared_from_this<Module>(other), parameters_(other.parameters_), buffers_(other.buffers_),
      children_(other.children_), name_(other.name_), state_(std::make_shared<internal::ModuleState>()) {
  state_->module = this;
  state_->training = other.state_->training;
}
Module& Module::operator=(const Module& other) {
  if (this == &other) return *this;
  parameters_ = other.parameters_;
  buffers_ = other.buffers_;
  children_ = other.children_;
  name_ = other.name_;
  state_->training = other.state_->training;
  set_path(std::string(state_->path));
  state_->changed();
  return *this;
}
Module::~Module() {
  state_->module = nullptr;
}

const std::string& Module::name() const noexcept {
  if (name_.empty()) name_ = type_name(typeid(*this));
  return name_;
}

std::shared_ptr<Module> Module::checked_shared_from_this() const {
  if (auto self = weak_from_this().lock()) return std::const_pointer_cast<Module>(self);
  throw Error("It looks like you attempted to retrieve your top-level module as a shared_ptr, but it is not "
              "stored in a "
              "shared_ptr: make '" +
              name() +
              "' with std::make_shared or through its holder, or pass "
              "include_self=false");
}

// Walks.

void Module::walk_submodules(const std::string& prefix,
                             const NamedModulePointerApplyFunction& function) const {
  for (const auto& child : children_) {
    const std::string name = join(prefix, child.key());
    function(name, *child);
    child.value()->walk_submodules(name, function);
  }
}

void Module::apply(const ModuleApplyFunction& function) {
  function(*this);
  walk_submodules({}, [&](const std::string&, const std::shared_ptr<Module>& module) { function(*module); });
}
void Module::apply(const ConstModuleApplyFunction& function) const {
  function(*this);
  walk_submodules({}, [&](const std::string&, const std::shared_ptr<Module>& module) { function(*module); });
}
void Module::apply(const NamedModuleApplyFunction& function, const std::string& name_prefix) {
  function(name_prefix, *this);
  walk_submodules(name_prefix, [&](const std::string& name, const std::shared_ptr<Module>& module) {
    function(name, *module);
  });
}
void Module::apply(const ConstNamedModuleApplyFunction& function, const std::string& name_prefix) const {
  function(name_prefix, *this);
  walk_submodules(name_prefix, [&](const std::string& name, const std::shared_ptr<Module>& module) {
    function(name, *module);
  });
}
void Module::apply(const ModulePointerApplyFunction& function) const {
  function(checked_shared_from_this());
  walk_submodules({}, [&](const std::string&, const std::shared_ptr<Module>& module) { function(module); });
}
void Module::apply(const NamedModulePointerApplyFunction& function, const std::string& name_prefix) const {
  function(name_prefix, checked_shared_from_this());
  walk_submodules(name_prefix, function);
}

std::vector<Tensor> Module::parameters(bool recurse) const {
  return named_parameters(recurse).values();
}
OrderedDict<std::string, Tensor> Module::named_parameters(bool recurse) const {
  return named_tensors(*this, recurse, "Parameter",
                       [](const Module& m) -> const auto& { return m.parameters_; });
}
std::vector<Tensor> Module::buffers(bool recurse) const {
  return named_buffers(recurse).values();
}
OrderedDict<std::string, Tensor> Module::named_buffers(bool recurse) const {
  return named_tensors(*this, recurse, "Buffer", [](const Module& m) -> const auto& { return m.buffers_; });
}
std::vector<std::shared_ptr<Module>> Module::modules(bool include_self) const {
  return named_modules({}, include_self).values();
}
OrderedDict<std::string, std::shared_ptr<Module>> Module::named_modules(const std::string& name_prefix,
                                                                        bool include_self) const {
  OrderedDict<std::string, std::shared_ptr<Module>> result("Module");
  std::unordered_set<const Module*> seen;
  if (include_self) {
    result.insert(name_prefix, checked_shared_from_this());
    seen.insert(this);
  }
  walk_submodules(name_prefix, [&](const std::string& name, const std::shared_ptr<Module>& module) {
    if (seen.insert(module.get()).second) result.insert(name, module);
  });
  return result;
}
std::vector<std::shared_ptr<Module>> Module::children() const {
  return children_.values();
}
OrderedDict<std::string, std::shared_ptr<Module>> Module::named_children() const {
  return children_;
}

// Registration.

Tensor& Module::register_parameter(std::string name, Tensor tensor, bool requires_grad) {
  check_name("register_parameter", "Parameter", name);
  if (tensor.defined() && requires_grad && !tensor.is_floating_point())
    throw Error("register_parameter: '" + name + "' is " + to_string(tensor.impl()->type) +
                ", only floating-point tensors can require gradients: pass requires_grad=false");
  if (buffers_.contains(name) || children_.contains(name))
    throw Error("register_parameter: '" + name + "' already names a buffer or submodule");
  if (tensor.defined())
    tensor.requires_grad_(requires_grad);
  else if (requires_grad)
    warn("register_parameter: '" + name +
         "' is an undefined tensor. Ignoring the `requires_grad=true` function parameter");
  internal::name_tensor(tensor, join(state_->path, name));
  state_->changed();
  return parameters_.insert(std::move(name), std::move(tensor));
}

Tensor& Module::register_buffer(std::string name, Tensor tensor) {
  check_name("register_buffer", "Buffer", name);
  if (parameters_.contains(name) || children_.contains(name))
    throw Error("register_buffer: '" + name + "' already names a parameter or submodule");
  internal::name_tensor(tensor, join(state_->path, name));
  state_->changed();
  return buffers_.insert(std::move(name), std::move(tensor));
}

void Module::add_child(std::string name, std::shared_ptr<Module> module, bool replace) {
  check_name(replace ? "replace_module" : "register_module", "Submodule", name);
  if (!module)
    throw Error(std::string(replace ? "replace_module" : "register_module") + ": submodule '" + name +
                "' is empty");
  if (!replace && (parameters_.contains(name) || buffers_.contains(name)))
    throw Error("register_module: '" + name + "' already names a parameter or buffer");
  const std::string path = join(state_->path, name);
  std::shared_ptr<Module> previous = replace ? children_[name] : nullptr;
  if (previous) {
    children_[name] = module;
    previous->state_->changed();
  } else {
    children_.insert(std::move(name), module);
  }
  module->set_path(path);
  state_->changed();
}

void Module::unregister_module(const std::string& name) {
  if (!children_.contains(name))
    throw Error("unregister_module: No Module with name `" + name + "` is registered in " + this->name());
  children_[name]->state_->changed();
  children_.erase(name);
  state_->changed();
}

void Module::set_path(const std::string& path) {
  state_->path = path;
  for (const auto* tensors : {&parameters_, &buffers_})
    for (const auto& tensor : *tensors)
      internal::name_tensor(*tensor, join(path, tensor.key()));
  for (const auto& child : children_)
    child.value()->set_path(join(path, child.key()));
}

// State of the whole tree.

void Module::train(bool on) {
  for (auto& child : children_)
    child.value()->train(on);
  internal::set_training(state_, on);
}

bool Module::is_training() const noexcept {
  if (internal::is_capturing()) internal::guard_training(state_);
  return state_->training;
}

void Module::zero_grad(bool set_to_none) {
  for (Tensor& parameter : parameters()) {
    if (set_to_none) { // dropped without a look: see Optimizer::zero_grad
      parameter.mutable_grad() = Tensor();
    } else if (parameter.grad().defined()) {
      NoGradGuard no_grad;
      parameter.mutable_grad().detach_().zero_();
    }
  }
}

void Module::convert(const std::function<Tensor(const Tensor&)>& conversion) {
  NoGradGuard no_grad;
  auto convert_one = [&](Tensor& tensor) {
    Tensor gradient = tensor.requires_grad() ? tensor.grad() : Tensor();
    Tensor converted = conversion(tensor.detach());
    if (converted.impl()->type == tensor.impl()->type && converted.device() == tensor.device()) return;
    set_data(tensor, converted);
    if (gradient.defined()) tensor.mutable_grad() = conversion(gradient);
  };
  // Listed from the root, so that a shared tensor is converted once.
  for (Tensor& tensor : parameters())
    convert_one(tensor);
  for (Tensor& tensor : buffers())
    convert_one(tensor);
  // A compiled program holds on to the values that were: let its guards fail.
  apply([](const Module& module) { module.state_->changed(); });
}
void Module::to(Device device, DType dtype, bool) {
  convert([&](const Tensor& x) { return is_floating(x.dtype()) ? x.to(device).to(dtype) : x.to(device); });
}
void Module::to(DType dtype, bool) {
  if (!is_floating(dtype))
    throw Error("Module.to: got " + std::string(kiln::name(dtype)) + ", wanted a floating-point dtype");
  convert([&](const Tensor& x) { return is_floating(x.dtype()) ? x.to(dtype) : x; });
}
void Module::to(Device device, bool) {
  convert([&](const Tensor& x) { return x.to(device); });
}

// Copies.

std::shared_ptr<Module> Module::clone(const std::optional<Device>&) const {
  throw Error("clone() has not been implemented for " + name() + ". Subclass kiln::nn::Cloneable<" + name() +
              "> instead of kiln::nn::Module to inherit the ability to clone.");
}
void Module::clone_(Module&, const std::optional<Device>&) {
  throw Error("clone: " + name() + " cannot be cloned into: it does not derive from kiln::nn::Cloneable");
}
void Module::forget_contents() {
  parameters_.clear();
  buffers_.clear();
  children_.clear();
}

void Module::copy_tensors_from(const Module& original, const std::optional<Device>& device) {
  auto copy_all = [&](OrderedDict<std::string, Tensor>& to, const OrderedDict<std::string, Tensor>& from,
                      const char* what) {
    if (to.size() != from.size())
      throw Error(std::string("clone: The cloned module does not have the same number of ") + what +
                  " as the original module after calling reset(): got " + std::to_string(to.size()) +
                  ", wanted " + std::to_string(from.size()) + " (is " + name() +
                  " registering in its constructor?)");
    for (const auto& item : from) {
      if (!item->defined()) continue;
      Tensor copy = item->detach().clone();
      set_data(to[item.key()], device ? copy.to(*device) : copy);
      to[item.key()].requires_grad_(item->requires_grad());
    }
  };
  copy_all(parameters_, original.parameters_, "parameters");
  copy_all(buffers_, original.buffers_, "buffers");
}

void Module::copy_children_from(const Module& original, const std::optional<Device>& device) {
  if (children_.size() != original.children_.size())
    throw Error("clone: The cloned module does not have the same number of child modules as the original "
                "module after "
                "calling reset(): got " +
                std::to_string(children_.size()) + ", wanted " + std::to_string(original.children_.size()) +
                " (is " + name() + " registering in its constructor?)");
  for (const auto& child : original.children_)
    children_[child.key()]->clone_(*child.value(), device);
}

void Module::check_clone(bool same_type) {
  if (!same_type)
    throw Error(
        "clone: Attempted to clone submodule, but it is of a different type than the submodule it was to be "
        "cloned into");
}

// Printing.

void Module::pretty_print(std::ostream& stream) const {
  stream << name();
}

void Module::print_tree(std::ostream& stream, const std::string& indentation) const {
  pretty_print(stream);
  if (children_.is_empty()) return;
  const std::string deeper = indentation + "  ";
  stream << "(\n";
  for (const auto& child : children_) {
    stream << deeper << "(" << child.key() << "): ";
    child.value()->print_tree(stream, deeper);
    stream << "\n";
  }
  stream << indentation << ")";
}

std::ostream& operator<<(std::ostream& stream, const Module& module) {
  module.print_tree(stream, "");
  return stream;
}

namespace {
std::string& prefix_storage() {
  static std::string prefix;
  return prefix;
}
} // namespace
const std::string& print_prefix() {
  return prefix_storage();
}
void set_print_prefix(std::string prefix) {
  prefix_storage() = std::move(prefix);
}

} // namespace kiln::nn
