// Segmented capture: a value is wanted on the host before the function has ended. What was recorded so far is
// compiled and run, so that every living tensor has its value, and recording goes on with an empty program.
#include "core/dump.h"
#include "core/plan.h"
#include "core/random.h"

namespace kiln::internal {

namespace {

// The value that an input has now, for a derivative that is taken later.
Tensor present_value(const InputSource& source, const std::vector<Tensor>& arguments) {
  switch (source.kind) {
  case InputSource::Kind::State:
    return whole(source.storage);
  case InputSource::Kind::Argument:
    return arguments[source.argument];
  case InputSource::Kind::Number:
    return scalar_operand(*source.number, source.type.dtype);
  case InputSource::Kind::Random:
    break;
  }
  const RandomState state = random_state();
  runtime::Buffer buffer = runtime::Buffer::allocate(2 * sizeof(std::int64_t));
  buffer.as<std::int64_t>()[0] = static_cast<std::int64_t>(state.seed);
  buffer.as<std::int64_t>()[1] = static_cast<std::int64_t>(state.offset);
  return make_tensor({DType::Int64, {2}}, std::move(buffer));
}

} // namespace

void Trace::note_split(const std::string& reason) {
  const ir::Location where = resolve_location(caller_location());
  std::string line = reason;
  if (!where.module.empty()) line += " in " + where.module;
  if (!where.file.empty()) line += " at " + where.file + ":" + std::to_string(where.line);
  splits_.push_back(std::move(line));
}

void Trace::flush(const std::string& reason) {
  note_split(reason);
  if (!functions_split_ && needs_host_backward({})) throw RestartCapture();
  functions_split_ = true; // gradients now cross programs, by way of the tape
  // Living values that carry gradient: a later backward() goes through this segment by way of the tape.
  std::vector<StoragePtr> differentiable, gone;
  std::vector<std::pair<StoragePtr, Edge>> others; // from before this segment, or without gradient
  const std::vector<bool> freed = freed_values();
  for (const StoragePtr& storage : written()) {
    const Value& value = values_[storage->value];
    if (value.needs_grad && value.call >= 0 && !value.leaf)
      (freed[storage->value] ? gone : differentiable).push_back(storage);
    else
      others.emplace_back(storage, value.leaf ? gradient_edge(whole(value.leaf)) : Edge{});
  }

  Recording recording = finish({});
  recording.program.name = "segment";
  std::vector<Target> targets = recording.targets;
  auto plan = std::make_shared<Plan>(std::move(recording));
  dump_if_asked(plan->program());
  compiled_ |= plan->compiled().compiled;
  std::vector<Tensor> inputs;
  const std::vector<Tensor> arguments = arguments_;
  auto program = std::make_shared<ir::Program>(plan->recording().program);
  restart();
  TraceSuspend suspend;
  if (!differentiable.empty())
    for (const InputSource& source : plan->recording().inputs)
      inputs.push_back(present_value(source, arguments));
  std::shared_ptr<TapeNode> node;
  if (!differentiable.empty()) {
    node = std::make_shared<ProgramNode>("SegmentBackward", program, inputs);
    for (ir::ValueId v : program->outputs)
      node->outputs.push_back(program->values[v]);
  }
  plan->run(arguments);
  for (const auto& [storage, edge] : others)
    set_edge(*storage, edge);
  for (const StoragePtr& storage : differentiable)
    for (const Target& target : targets)
      if (target.storage == storage && !target.source.is_input) {
        storage->grad_fn = node;
        storage->grad_output = target.source.index;
      }
  for (const StoragePtr& storage : gone) {
    storage->grad_fn = std::make_shared<FreedNode>();
    storage->grad_fn->outputs = {storage->type};
    storage->grad_output = 0;
  }
}

} // namespace kiln::internal
