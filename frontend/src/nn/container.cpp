// Containers: what does not depend on the modules' types.
#include "kiln/nn/container.h"
#include "core/shapes.h"

#include <ostream>

namespace kiln::nn {

KILN_LAYER_DEFINITION(Sequential)
KILN_LAYER_DEFINITION(ModuleList)
KILN_LAYER_DEFINITION(ModuleDict)
KILN_LAYER_DEFINITION(ParameterList)
KILN_LAYER_DEFINITION(ParameterDict)
KILN_LAYER_DEFINITION(Functional)

// Sequential.

SequentialImpl::SequentialImpl() = default;
SequentialImpl::SequentialImpl(OrderedDict<std::string, AnyModule>&& modules) {
  for (auto& item : modules)
    push_back(item.key(), std::move(item.value()));
}
SequentialImpl::SequentialImpl(std::initializer_list<NamedAnyModule> modules) {
  for (const NamedAnyModule& item : modules)
    push_back(item.name(), item.module());
}

Sequential::Sequential() = default;
Sequential::Sequential(std::initializer_list<NamedAnyModule> modules)
    : ModuleHolder(std::make_shared<SequentialImpl>(modules)) {}

void SequentialImpl::push_back(AnyModule module) {
  push_back(std::to_string(size()), std::move(module));
}
void SequentialImpl::push_back(std::string name, AnyModule module) {
  register_module(std::move(name), module.ptr());
  modules_.push_back(std::move(module));
}

std::shared_ptr<Module> SequentialImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<SequentialImpl>();
  const auto names = named_children().keys();
  for (std::size_t i = 0; i < size(); ++i)
    copy->push_back(names[i], modules_[i].clone(device));
  copy->internal_state()->training = internal_state()->training;
  return copy;
}

void SequentialImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Sequential";
}

std::shared_ptr<Module> SequentialImpl::ptr(std::size_t index) const {
  return checked(index).ptr();
}
SequentialImpl::Iterator SequentialImpl::begin() {
  return modules_.begin();
}
SequentialImpl::Iterator SequentialImpl::end() {
  return modules_.end();
}
SequentialImpl::ConstIterator SequentialImpl::begin() const {
  return modules_.begin();
}
SequentialImpl::ConstIterator SequentialImpl::end() const {
  return modules_.end();
}
std::size_t SequentialImpl::size() const noexcept {
  return modules_.size();
}
bool SequentialImpl::is_empty() const noexcept {
  return modules_.empty();
}
std::shared_ptr<Module> SequentialImpl::operator[](std::size_t index) const {
  return ptr(index);
}

void SequentialImpl::check_not_empty() const {
  if (modules_.empty()) throw Error("Sequential: Cannot call forward() on an empty Sequential");
}

Tensor SequentialImpl::forward_tensor(Tensor x) {
  internal::ModuleCall scope(internal_state());
  check_not_empty();
  for (std::size_t i = 0; i < size(); ++i) {
    if (!modules_[i].maps_tensor()) return finish<Tensor>(AnyValue(std::move(x)), i);
    x = modules_[i].forward_tensor(x);
  }
  return x;
}

AnyValue SequentialImpl::run(AnyValue value, std::size_t first) {
  for (std::size_t i = first; i < size(); ++i)
    value = modules_[i].any_forward(std::move(value));
  return value;
}

const AnyModule& SequentialImpl::checked(std::size_t index) const {
  if (index >= size())
    throw Error("Sequential: Index out of range: got " + std::to_string(index) + ", size is " +
                std::to_string(size()));
  return modules_[index];
}

// ModuleList.

ModuleListImpl::ModuleListImpl() = default;
ModuleListImpl::Iterator ModuleListImpl::begin() {
  return modules_.begin();
}
ModuleListImpl::Iterator ModuleListImpl::end() {
  return modules_.end();
}
ModuleListImpl::ConstIterator ModuleListImpl::begin() const {
  return modules_.begin();
}
ModuleListImpl::ConstIterator ModuleListImpl::end() const {
  return modules_.end();
}
std::size_t ModuleListImpl::size() const noexcept {
  return modules_.size();
}
bool ModuleListImpl::is_empty() const noexcept {
  return modules_.empty();
}
std::shared_ptr<Module> ModuleListImpl::operator[](std::size_t index) const {
  return ptr(index);
}

void ModuleListImpl::push_back(std::shared_ptr<Module> module) {
  register_module(std::to_string(size()), module);
  modules_.push_back(std::move(module));
}

void ModuleListImpl::insert(std::size_t index, std::shared_ptr<Module> module) {
  if (index > size())
    throw Error("ModuleList: Index out of range: got " + std::to_string(index) + ", size is " +
                std::to_string(size()));
  if (!module) throw Error("ModuleList: insert: the module is empty");
  modules_.insert(modules_.begin() + static_cast<std::ptrdiff_t>(index), std::move(module));
  for (std::size_t i = index; i < size(); ++i) {
    const std::string name = std::to_string(i);
    if (i + 1 < size())
      replace_module(name, modules_[i]);
    else
      register_module(name, modules_[i]);
  }
}

std::shared_ptr<Module> ModuleListImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ModuleListImpl>();
  for (const auto& module : modules_)
    copy->push_back(module->clone(device));
  copy->internal_state()->training = internal_state()->training;
  return copy;
}

void ModuleListImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "ModuleList";
}

std::shared_ptr<Module> ModuleListImpl::ptr(std::size_t index) const {
  if (index >= size())
    throw Error("ModuleList: Index out of range: got " + std::to_string(index) + ", size is " +
                std::to_string(size()));
  return modules_[index];
}

// ModuleDict.

ModuleDictImpl::ModuleDictImpl() = default;
ModuleDictImpl::ModuleDictImpl(const std::vector<Item>& modules) {
  update(modules);
}
ModuleDictImpl::ModuleDictImpl(const OrderedDict<std::string, std::shared_ptr<Module>>& modules) {
  update(modules);
}

bool ModuleDictImpl::contains(const std::string& name) const noexcept {
  return modules_.contains(name);
}
std::size_t ModuleDictImpl::size() const noexcept {
  return modules_.size();
}
bool ModuleDictImpl::empty() const noexcept {
  return modules_.is_empty();
}
const std::vector<OrderedDict<std::string, std::shared_ptr<Module>>::Item>& ModuleDictImpl::items() const {
  return modules_.items();
}
ModuleDictImpl::ConstIterator ModuleDictImpl::begin() const {
  return modules_.begin();
}
ModuleDictImpl::ConstIterator ModuleDictImpl::end() const {
  return modules_.end();
}
std::shared_ptr<Module> ModuleDictImpl::operator[](const std::string& name) const {
  return modules_[name];
}

void ModuleDictImpl::insert(std::string name, std::shared_ptr<Module> module) {
  if (std::shared_ptr<Module>* present = modules_.find(name)) {
    replace_module(name, module);
    *present = std::move(module);
    return;
  }
  register_module(name, module);
  modules_.insert(std::move(name), std::move(module));
}
void ModuleDictImpl::update(const std::vector<Item>& modules) {
  for (const auto& [name, module] : modules)
    insert(name, module);
}
void ModuleDictImpl::update(const OrderedDict<std::string, std::shared_ptr<Module>>& modules) {
  for (const auto& item : modules)
    insert(item.key(), item.value());
}
void ModuleDictImpl::update(const ModuleDictImpl& other) {
  update(other.modules_);
}
std::shared_ptr<Module> ModuleDictImpl::pop(const std::string& name) {
  std::shared_ptr<Module> module = modules_[name];
  modules_.erase(name);
  unregister_module(name);
  return module;
}
std::vector<std::string> ModuleDictImpl::keys() const {
  return modules_.keys();
}
std::vector<std::shared_ptr<Module>> ModuleDictImpl::values() const {
  return modules_.values();
}
void ModuleDictImpl::clear() {
  for (const std::string& name : keys())
    pop(name);
}
std::shared_ptr<Module> ModuleDictImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ModuleDictImpl>();
  for (const auto& item : modules_)
    copy->insert(item.key(), item.value()->clone(device));
  copy->internal_state()->training = internal_state()->training;
  return copy;
}
void ModuleDictImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "ModuleDict";
}

// ParameterList.

ParameterListImpl::ParameterListImpl() = default;
std::size_t ParameterListImpl::size() const noexcept {
  return parameters_.size();
}
bool ParameterListImpl::is_empty() const noexcept {
  return parameters_.is_empty();
}
Tensor& ParameterListImpl::at(std::size_t index) {
  return *parameters_[index];
}
Tensor& ParameterListImpl::operator[](std::size_t index) {
  return at(index);
}
ParameterListImpl::Iterator ParameterListImpl::begin() {
  return parameters_.begin();
}
ParameterListImpl::Iterator ParameterListImpl::end() {
  return parameters_.end();
}
void ParameterListImpl::append(Tensor parameter) {
  const bool requires_grad = parameter.requires_grad();
  register_parameter(std::to_string(size()), std::move(parameter), requires_grad);
}
namespace {
Tensor copied(const Tensor& parameter, const std::optional<Device>& device) {
  Tensor value = parameter.detach().clone();
  return (device ? value.to(*device) : value).requires_grad_(parameter.requires_grad());
}
void print_parameters(std::ostream& stream, const char* layer,
                      const OrderedDict<std::string, Tensor>& parameters) {
  stream << print_prefix() << layer << "(";
  if (!parameters.is_empty()) stream << "\n";
  for (const auto& item : parameters)
    stream << "(" << item.key() << "): Parameter containing: [" << to_string(item->dtype()) << " of size "
           << internal::sizes_of(*item) << "]\n";
  stream << ")";
}
} // namespace

std::shared_ptr<Module> ParameterListImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ParameterListImpl>();
  for (const auto& item : parameters_)
    copy->append(copied(*item, device));
  copy->internal_state()->training = internal_state()->training;
  return copy;
}
void ParameterListImpl::pretty_print(std::ostream& stream) const {
  print_parameters(stream, "ParameterList", parameters_);
}

// ParameterDict.

ParameterDictImpl::ParameterDictImpl(const OrderedDict<std::string, Tensor>& parameters) {
  update(parameters);
}
Tensor& ParameterDictImpl::insert(std::string key, Tensor parameter) {
  const bool requires_grad = parameter.requires_grad();
  return register_parameter(std::move(key), std::move(parameter), requires_grad);
}
Tensor ParameterDictImpl::pop(const std::string& key) {
  Tensor parameter = parameters_[key];
  parameters_.erase(key);
  internal_state()->changed();
  return parameter;
}
void ParameterDictImpl::update(const OrderedDict<std::string, Tensor>& parameters) {
  for (const auto& item : parameters)
    if (Tensor* present = parameters_.find(item.key())) {
      *present = *item;
      internal_state()->changed();
    } else {
      insert(item.key(), *item);
    }
}
void ParameterDictImpl::clear() {
  parameters_.clear();
  internal_state()->changed();
}
void ParameterDictImpl::update(const ParameterDictImpl& other) {
  update(other.parameters_);
}
bool ParameterDictImpl::contains(const std::string& key) const noexcept {
  return parameters_.contains(key);
}
std::size_t ParameterDictImpl::size() const noexcept {
  return parameters_.size();
}
bool ParameterDictImpl::empty() const noexcept {
  return parameters_.is_empty();
}
ParameterDictImpl::Iterator ParameterDictImpl::begin() {
  return parameters_.begin();
}
ParameterDictImpl::Iterator ParameterDictImpl::end() {
  return parameters_.end();
}
ParameterDictImpl::ConstIterator ParameterDictImpl::begin() const {
  return parameters_.begin();
}
ParameterDictImpl::ConstIterator ParameterDictImpl::end() const {
  return parameters_.end();
}
Tensor& ParameterDictImpl::get(const std::string& key) {
  return parameters_[key];
}
const Tensor& ParameterDictImpl::get(const std::string& key) const {
  return parameters_[key];
}
std::vector<std::string> ParameterDictImpl::keys() const {
  return parameters_.keys();
}
std::vector<Tensor> ParameterDictImpl::values() const {
  return parameters_.values();
}
std::shared_ptr<Module> ParameterDictImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ParameterDictImpl>();
  for (const auto& item : parameters_)
    copy->insert(item.key(), copied(*item, device));
  copy->internal_state()->training = internal_state()->training;
  return copy;
}
void ParameterDictImpl::pretty_print(std::ostream& stream) const {
  print_parameters(stream, "ParameterDict", parameters_);
}

// Functional.

FunctionalImpl::FunctionalImpl(Function function) : function_(std::move(function)) {}
void FunctionalImpl::pretty_print(std::ostream& stream) const {
  stream << print_prefix() << "Functional()";
}
Tensor FunctionalImpl::forward(Tensor x) {
  internal::ModuleCall scope(internal_state());
  return function_(std::move(x));
}

} // namespace kiln::nn
