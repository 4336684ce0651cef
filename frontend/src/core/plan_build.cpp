// Making a plan: the program is compiled, and what each run needs is sorted out once.
#include "core/plan.h"

#include <algorithm>

namespace kiln::internal {

Plan::Plan(Recording recording) : recording_(std::move(recording)), program_(recording_.program) {
  make_joint();
  compiled_ = load_program(program_);
  for (const InputSource& source : recording_.inputs)
    if (source.storage) hold(source.storage);
  for (const Target& target : recording_.targets)
    if (target.storage) hold(target.storage);
  for (const GradSlot& slot : recording_.grads) {
    hold(slot.leaf);
    if (slot.before) hold(slot.before);
  }
  for (const HostRead& read : recording_.reads)
    hold(read.storage);
  find_places();
  find_reused();
  if (std::find(recording_.returned_freed.begin(), recording_.returned_freed.end(), true) !=
      recording_.returned_freed.end()) {
    freed_ = std::make_shared<FreedNode>();
    freed_->outputs = recording_.returned_types;
  }
  epoch_ = structure_epoch();
}

void Plan::find_places() {
  const auto& inputs = recording_.inputs;
  const runtime::Artifact& artifact = compiled_.forward->artifact();
  in_.assign(inputs.size(), nullptr);
  out_.assign(static_cast<std::size_t>(artifact.outputs), nullptr);
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].storage) state_inputs_.push_back({i, false});
    if (inputs[i].kind == InputSource::Kind::Argument) arguments_.push_back(i);
    if (inputs[i].kind == InputSource::Kind::Number) numbers_.push_back(i);
    if (inputs[i].kind == InputSource::Kind::Random) has_random_ = true, in_[i] = random_value_;
  }
  number_values_.resize(numbers_.size());
  for (std::size_t i = 0; i < numbers_.size(); ++i)
    in_[numbers_[i]] = &number_values_[i];
  place_of_output_.assign(static_cast<std::size_t>(artifact.outputs), 0);
  std::vector<std::int64_t> donated(place_of_output_.size(), -1);
  for (const auto& [output, input] : recording_.program.donations) {
    donated[output] = input;
    donations_.push_back({output, input, inputs[input].storage.get()});
  }
  for (StateInput& state : state_inputs_)
    state.donated = std::find(donated.begin(), donated.end(), state.input) != donated.end();
  auto alias = [&](std::uint32_t i) {
    return donated[i] >= 0 ? donated[i] : compiled_.forward->output_alias(i);
  };
  const auto count = std::ssize(inputs);
  for (std::uint32_t i = 0; i < donated.size(); ++i)
    if (alias(i) < 0) {
      place_of_output_[i] = std::ssize(own_outputs_);
      const TensorType& type = artifact.slots[inputs.size() + i].type;
      own_outputs_.push_back({i, static_cast<std::size_t>(type.bytes()), nullptr});
    } else if (alias(i) < count) {
      place_of_output_[i] = -1 - alias(i);
    }
  for (std::uint32_t i = 0; i < donated.size(); ++i)
    if (alias(i) >= count) place_of_output_[i] = place_of_output_[static_cast<std::size_t>(alias(i) - count)];
  for (std::uint32_t i = 0; i < recording_.targets.size(); ++i) {
    const Target& target = recording_.targets[i];
    const bool carried = std::any_of(inputs.begin(), inputs.end(), [&](const InputSource& source) {
      return source.needs_grad &&
             (target.storage
                  ? source.storage == target.storage && !target.storage->requires_grad
                  : source.kind == InputSource::Kind::Argument && source.argument == target.argument);
    });
    if (target.has_graph || carried) graph_targets_.push_back(i);
    if (target.donated && target.storage)
      donated_targets_.push_back(target.storage.get());
    else
      new_targets_.push_back(i);
  }
}

void Plan::find_reused() {
  std::vector<int> takers(own_outputs_.size());
  std::vector<Storage*> takes(own_outputs_.size());
  auto place = [&](const ValueSource& source) {
    return source.is_input ? std::int64_t{-1} : place_of_output_[source.index];
  };
  for (const ValueSource& source : recording_.returned)
    if (place(source) >= 0) ++takers[static_cast<std::size_t>(place(source))];
  for (const Target& target : recording_.targets)
    if (const std::int64_t at = place(target.source); at >= 0) {
      ++takers[static_cast<std::size_t>(at)];
      takes[static_cast<std::size_t>(at)] = target.storage.get();
    }
  for (std::size_t i = 0; i < takers.size(); ++i) {
    const bool isInput =
        std::any_of(recording_.inputs.begin(), recording_.inputs.end(),
                    [&](const InputSource& source) { return source.storage.get() == takes[i]; });
    if (takers[i] == 1 && takes[i] && !isInput) own_outputs_[i].reused = takes[i];
  }
}

void Plan::hold(const StoragePtr& storage) {
  storage->plans.fetch_add(1, std::memory_order_relaxed);
  held_.push_back(storage);
}

Plan::~Plan() {
  for (const StoragePtr& storage : held_)
    storage->plans.fetch_sub(1, std::memory_order_relaxed);
}

// When results carry gradient, the program is extended by seeds and a `gradient` call; the compiler cuts it
// in two.
void Plan::make_joint() {
  for (std::uint32_t i = 0; i < recording_.returned.size(); ++i)
    if (recording_.returned_needs_grad[i])
      (recording_.returned[i].is_input ? passed_results_ : joint_results_).push_back(i);
  if (joint_results_.empty()) return;
  for (std::uint32_t i = 0; i < recording_.inputs.size(); ++i)
    if (recording_.inputs[i].needs_grad) joint_inputs_.push_back(i);
  program_.forwardInputs = program_.inputs;
  program_.forwardOutputs = static_cast<std::uint32_t>(program_.outputs.size());
  std::vector<TensorType> seed_types;
  for (std::uint32_t place : joint_results_)
    seed_types.push_back(recording_.returned_types[place]);
  const ir::ValueId first = program_.insert_inputs(seed_types);
  std::vector<ir::ValueId> operands;
  for (std::uint32_t place : joint_results_)
    operands.push_back(program_.outputs[recording_.returned[place].index]);
  program_.inputNames.resize(first);
  const auto count = static_cast<std::uint32_t>(joint_results_.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    operands.push_back(first + i);
    program_.inputNames.push_back("grad" + std::to_string(i));
  }
  for (std::uint32_t input : joint_inputs_)
    operands.push_back(input);
  for (ir::ValueId gradient :
       program_.add_call("gradient", operands, {{"outputs", static_cast<std::int64_t>(count)}}))
    program_.outputs.push_back(gradient);
}

} // namespace kiln::internal
