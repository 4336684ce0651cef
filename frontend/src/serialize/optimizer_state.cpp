// Optimizers' states, in the layout of Python's torch.optim: {"state": {0: {…}, …}, "param_groups": [{…},
// …]}, where parameters are counted through all groups.
#include "core/run_gate.h"
#include "core/tensor_impl.h"
#include "kiln/autograd.h"
#include "kiln/optim/optimizer.h"
#include "kiln/serialize.h"
#include "serialize/contents.h"

#include <algorithm>

namespace kiln::optim {

using serialize::InputArchive;
using serialize::OutputArchive;

void OptimizerParamState::serialize(OutputArchive&) const {
  throw Error("save: this optimizer's state cannot be saved: its class has no serialize()");
}
void OptimizerParamState::serialize(InputArchive&) {
  throw Error("load: this optimizer's state cannot be loaded: its class has no serialize()");
}
void OptimizerOptions::serialize(OutputArchive& archive) const {
  archive.write("lr", IValue(get_lr()));
}
void OptimizerOptions::serialize(InputArchive& archive) {
  if (IValue lr; archive.try_read("lr", lr)) set_lr(lr.toDouble());
}

std::unique_ptr<OptimizerParamState> Optimizer::new_state() const {
  throw Error(std::string(name()) + ": its state cannot be loaded: the class has no new_state()");
}

void Optimizer::save(OutputArchive& archive) const {
  IValue::Dict states;
  IValue::List groups;
  std::int64_t index = 0;
  for (const OptimizerParamGroup& group : param_groups_) {
    OutputArchive options;
    group.options().serialize(options);
    IValue::Dict entry = options.value().entries();
    IValue::List numbers;
    for (const Tensor& param : group.params()) {
      if (const auto found = state_.find(param.impl().get()); found != state_.end() && found->second) {
        OutputArchive state;
        found->second->serialize(state);
        states.emplace_back(index, state.value());
      }
      numbers.emplace_back(index++);
    }
    entry.emplace_back("params", IValue::list(std::move(numbers)));
    groups.push_back(IValue::dict(std::move(entry)));
  }
  archive.write("state", IValue::dict(std::move(states)));
  archive.write("param_groups", IValue::list(std::move(groups)));
}

void Optimizer::load(InputArchive& archive) {
  const auto commit = prepare_load(archive);
  internal::ExclusiveGate alone("load");
  commit();
}

namespace {

InputArchive nested(const InputArchive& archive, const std::string& key) {
  InputArchive result;
  const_cast<InputArchive&>(archive).try_read(key, result);
  return result;
}

// What belongs to single elements of a parameter has its shape.
void check_shapes(const InputArchive& archive, const std::string& place, const Tensor& param,
                  const char* optimizer) {
  const auto& contents = archive.contents();
  for (const auto& entry : contents.entries())
    if (const auto* tensor = entry.tensor(); tensor && entry.name.starts_with(place) &&
                                             tensor->type.shape.rank() > 0 &&
                                             !(tensor->type.shape == param.impl()->type.shape))
      throw Error(contents.origin() + ": " + optimizer + ": '" + entry.name + "' is " +
                  to_string(tensor->type) + ", its parameter is " + to_string(param.impl()->type));
}

// Options that only one side knows, on both sides: those of another kind of optimizer, whose state would mean
// nothing here. On one side alone they are those of another version.
void check_kind(const InputArchive& stored, const OptimizerOptions& options, const std::string& origin,
                const char* optimizer) {
  OutputArchive own;
  options.serialize(own);
  const IValue known = own.value();
  std::vector<std::string> wanted;
  for (const auto& entry : known.entries())
    wanted.push_back(entry.first.toStringRef());
  const std::vector<std::string> got = stored.keys();
  auto without = [](const std::vector<std::string>& names, const std::vector<std::string>& others) {
    std::string list;
    for (const std::string& name : names)
      if (std::find(others.begin(), others.end(), name) == others.end() && name != "params")
        list += (list.empty() ? "" : ", ") + name;
    return list;
  };
  const std::string missing = without(wanted, got), unexpected = without(got, wanted);
  if (!missing.empty() && !unexpected.empty())
    throw Error(origin + ": " + optimizer + ": the state is another optimizer's: it has the options " +
                unexpected + ", and not " + missing);
}

} // namespace

// Everything is read into fresh objects first, which may throw; reading it again into the real ones cannot.
std::function<void()> Optimizer::prepare_load(const InputArchive& source) {
  if (internal::is_capturing()) throw Error("load: cannot be called inside a compiled function");
  const std::string origin = source.contents().origin();
  auto archive = std::make_shared<InputArchive>();
  // Of a checkpoint, its optimizer.
  bool found = false;
  for (const char* key : {"", "optimizer_state_dict", "optimizer"}) {
    InputArchive place;
    if (*key && !const_cast<InputArchive&>(source).try_read(key, place)) continue;
    const InputArchive& at = *key ? place : source;
    if (InputArchive groups; const_cast<InputArchive&>(at).try_read("param_groups", groups)) {
      found = true;
      if (*key)
        *archive = std::move(place);
      else
        *archive = source.share();
      break;
    }
  }
  if (!found)
    throw Error(origin + ": wanted the state of an optimizer (param_groups and state), got something else");

  NoGradGuard no_grad;
  const InputArchive groups = nested(*archive, "param_groups");
  const std::vector<std::string> keys = groups.keys();
  if (std::find(keys.begin(), keys.end(), "param_groups/size") != keys.end())
    throw Error(origin + ": " + name() +
                ": the state is in the form of LibTorch's torch::save(optimizer), which " +
                "names parameters by their addresses and is not read; its modules' files are");
  if (keys.size() != param_groups_.size())
    throw Error(origin + ": " + name() + ": loaded state dict has a different number of parameter groups: " +
                std::to_string(keys.size()) + ", the optimizer has " + std::to_string(param_groups_.size()));
  struct Plan {
    std::string number;
    Tensor param;
  };
  std::vector<Plan> plans;
  std::int64_t index = 0;
  for (std::size_t g = 0; g < param_groups_.size(); ++g) {
    const OptimizerParamGroup& group = std::as_const(param_groups_)[g];
    InputArchive options = nested(groups, std::to_string(g));
    const std::size_t params = [&] {
      InputArchive list;
      return options.try_read("params", list) ? list.keys().size() : 0;
    }();
    if (params != group.params().size())
      throw Error(origin + ": " + name() +
                  ": loaded state dict contains a parameter group that doesn't match the size of "
                  "optimizer's group: " +
                  std::to_string(params) + " parameters, the optimizer's has " +
                  std::to_string(group.params().size()));
    check_kind(options, group.options(), origin, name());
    const auto trial = group.options().clone();
    trial->serialize(options);
    trial->check();
    for (const Tensor& param : group.params())
      plans.push_back({std::to_string(index++), param});
  }
  if (InputArchive states; archive->try_read("state", states)) {
    for (const Plan& plan : plans) {
      InputArchive state;
      if (!states.try_read(plan.number, state)) continue;
      if (has_elementwise_state()) check_shapes(state, state.prefix(), plan.param, name());
      const auto trial = new_state();
      trial->serialize(state);
      try {
        check_state(*trial);
      } catch (const Error& error) {
        throw Error(origin + ": " + error.what());
      }
    }
  }

  return [this, archive, plans] {
    NoGradGuard no_grad;
    const InputArchive groups = nested(*archive, "param_groups");
    for (std::size_t g = 0; g < param_groups_.size(); ++g) {
      InputArchive options = nested(groups, std::to_string(g));
      std::as_const(param_groups_)[g].shared_options()->serialize(options);
    }
    InputArchive states;
    const bool any = archive->try_read("state", states);
    for (const Plan& plan : plans) {
      InputArchive state;
      if (!any || !states.try_read(plan.number, state)) {
        state_.erase(plan.param.impl().get());
        continue;
      }
      std::unique_ptr<OptimizerParamState>& slot = slot_of(plan.param);
      if (!slot) slot = new_state();
      slot->serialize(state);
    }
    state_was_loaded();
    internal::bump_structure_epoch();
  };
}

} // namespace kiln::optim

namespace kiln::serialize {

OutputArchive& operator<<(OutputArchive& archive, const optim::Optimizer& optimizer) {
  optimizer.save(archive);
  return archive;
}
InputArchive& operator>>(InputArchive& archive, optim::Optimizer& optimizer) {
  optimizer.load(archive);
  return archive;
}

} // namespace kiln::serialize
