// State dicts of modules.
#include "core/run_gate.h"
#include "core/tensor_impl.h"
#include "core/trace.h"
#include "kiln/autograd.h"
#include "kiln/serialize.h"
#include "serialize/contents.h"
#include "serialize/state.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace kiln {

namespace serialize::detail {

namespace {

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "\"" : ", \"") + name + "\"";
  return text + ".";
}

// LibTorch's words for the first name that is missing.
std::string first_missing(const std::string& name, const std::vector<Offer>& offers) {
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    const std::string prefix = name.substr(0, dot + 1);
    if (std::none_of(offers.begin(), offers.end(),
                     [&](const Offer& o) { return o.name.starts_with(prefix); }))
      return "No such serialized submodule: '" + name.substr(0, dot) + "'";
  }
  return "No such serialized tensor '" + name + "'";
}

// Numbers of one kind are converted, as Python's copy_ does; others are another network's.
bool converts(DType from, DType to) {
  return from == to || (is_floating(from) == is_floating(to) && from != DType::Bool && to != DType::Bool);
}

} // namespace

std::function<void()> prepare_module(nn::Module& module, const std::vector<Offer>& offers, bool strict,
                                     const std::string& origin, nn::IncompatibleKeys* keys) {
  if (internal::Trace::current()) throw Error("load_state_dict: cannot be called inside a compiled function");
  const OrderedDict<std::string, Tensor> own = module.state_dict();
  std::unordered_map<std::string_view, const Offer*> by_name;
  for (const Offer& offer : offers)
    by_name.emplace(offer.name, &offer);
  nn::IncompatibleKeys different;
  std::string problems;
  std::vector<std::pair<Tensor, const Offer*>> pairs;
  for (const auto& item : own) {
    const auto found = by_name.find(item.key());
    if (found == by_name.end()) {
      different.missing_keys.push_back(item.key());
      continue;
    }
    const TensorType &has = found->second->type, &wants = item->impl()->type;
    if (!(has.shape == wants.shape))
      problems += "\n  size mismatch for " + item.key() + ": copying a param with shape " +
                  to_string(has.shape) + " from checkpoint, the shape in current model is " +
                  to_string(wants.shape) + ".";
    else if (!converts(has.dtype, wants.dtype))
      problems += "\n  dtype mismatch for " + item.key() + ": " + to_string(has) +
                  " from checkpoint, in current model it is " + to_string(wants) + ".";
    pairs.emplace_back(item.value(), found->second);
  }
  for (const Offer& offer : offers)
    if (!own.contains(offer.name)) different.unexpected_keys.push_back(offer.name);
  if (strict && !different.unexpected_keys.empty())
    problems = "\n  Unexpected key(s) in state_dict: " + quoted(different.unexpected_keys) + problems;
  if (strict && !different.missing_keys.empty())
    problems = "\n  Missing key(s) in state_dict: " + quoted(different.missing_keys) + " (" +
               first_missing(different.missing_keys.front(), offers) + ")" + problems;
  if (!problems.empty())
    throw Error("load_state_dict: Error(s) in loading state_dict for " + module.name() +
                (origin.empty() ? "" : " from " + origin) + ":" + problems);

  NoGradGuard no_grad;
  std::vector<std::pair<Tensor, Tensor>> values;
  for (auto& [target, offer] : pairs)
    values.emplace_back(target, offer->read().to(target.dtype()));
  if (keys) *keys = std::move(different);
  return [values = std::move(values)] {
    NoGradGuard no_grad;
    for (const auto& [target, value] : values)
      internal::write(target, value, "load_state_dict");
  };
}

// The tensors of a file below the archive's place; or, when none of the module's names is there, those of the
// model in a checkpoint.
std::function<void()> prepare_module(nn::Module& module, const InputArchive& archive) {
  const Contents& contents = archive.contents();
  const OrderedDict<std::string, Tensor> own = module.state_dict();
  std::string prefix = archive.prefix();
  auto holds_own = [&](const std::string& at) {
    return std::any_of(own.begin(), own.end(),
                       [&](const auto& item) { return contents.find(at + item.key()); });
  };
  if (!holds_own(prefix))
    for (const char* inner : {"model_state_dict.", "state_dict.", "model."})
      if (holds_own(archive.prefix() + inner)) {
        prefix += inner;
        break;
      }
  std::vector<Offer> offers;
  for (const Entry& entry : contents.entries())
    if (entry.tensor() && entry.name.starts_with(prefix))
      offers.push_back({entry.name.substr(prefix.size()), entry.tensor()->type,
                        [&contents, &entry] { return contents.read(entry); }});
  return prepare_module(module, offers, true, contents.origin());
}

IValue state_dict_value(const nn::Module& module) {
  IValue::Dict dict;
  for (const auto& item : module.state_dict())
    dict.emplace_back(item.key(), item->detach());
  return IValue::dict(std::move(dict));
}

} // namespace serialize::detail

namespace nn {

OrderedDict<std::string, Tensor> Module::state_dict() const {
  OrderedDict<std::string, Tensor> state("Parameter");
  apply(ConstNamedModuleApplyFunction([&](const std::string& path, const Module& module) {
    const std::string prefix = path.empty() ? path : path + ".";
    for (const auto* owned : {&module.parameters_, &module.buffers_})
      for (const auto& item : *owned)
        if (item->defined()) state.insert(prefix + item.key(), *item);
  }));
  return state;
}

IncompatibleKeys Module::load_state_dict(const OrderedDict<std::string, Tensor>& state, bool strict) {
  std::vector<serialize::detail::Offer> offers;
  for (const auto& item : state) {
    if (!item->defined()) throw Error("load_state_dict: '" + item.key() + "' is undefined");
    offers.push_back(
        {item.key(), item->impl()->type, [&item] { return internal::read(item->detach()).clone(); }});
  }
  IncompatibleKeys keys;
  const auto commit = serialize::detail::prepare_module(*this, offers, strict, {}, &keys);
  internal::ExclusiveGate alone("load_state_dict");
  commit();
  return keys;
}

void Module::save(serialize::OutputArchive& archive) const {
  for (const auto& item : state_dict())
    archive.write(item.key(), item.value());
}

void Module::load(serialize::InputArchive& archive) {
  const auto commit = serialize::detail::prepare_module(*this, archive);
  internal::ExclusiveGate alone("load");
  commit();
}

} // namespace nn

namespace serialize {

OutputArchive& operator<<(OutputArchive& archive, const nn::Module& module) {
  module.save(archive);
  return archive;
}
InputArchive& operator>>(InputArchive& archive, nn::Module& module) {
  module.load(archive);
  return archive;
}

OutputArchive& operator<<(OutputArchive& archive, const Tensor& tensor) {
  if (!tensor.defined()) throw Error("save: got an undefined tensor");
  archive.write_root(tensor.detach());
  return archive;
}
InputArchive& operator>>(InputArchive& archive, Tensor& tensor) {
  archive.read("0", tensor);
  return archive;
}

OutputArchive& operator<<(OutputArchive& archive, const std::vector<Tensor>& tensors) {
  IValue::List list;
  for (const Tensor& tensor : tensors) {
    if (!tensor.defined()) throw Error("save: got an undefined tensor in a vector");
    list.emplace_back(tensor.detach());
  }
  archive.write_root(IValue::list(std::move(list)));
  return archive;
}
InputArchive& operator>>(InputArchive& archive, std::vector<Tensor>& tensors) {
  std::vector<Tensor> read;
  for (Tensor tensor; archive.try_read(std::to_string(read.size()), tensor); tensor = Tensor())
    read.push_back(tensor);
  tensors.insert(tensors.end(), read.begin(), read.end());
  return archive;
}

} // namespace serialize
} // namespace kiln
