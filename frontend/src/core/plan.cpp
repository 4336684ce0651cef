// Replaying a recording. What happens here is the cost of a compiled call beyond its kernels: no allocation
// but that of the results, no lock, no hash.
#include "core/plan.h"

#include "core/random.h"
#include "kiln/ops.h"

#include <algorithm>
#include <cstring>

namespace kiln::internal {

// Backward of a compiled call: residuals saved by the forward half, then the seeds.
class PlanNode : public TapeNode {
public:
  PlanNode(std::shared_ptr<const Plan> plan, std::vector<runtime::Buffer> values,
           std::vector<runtime::Buffer> residuals)
      : plan_(std::move(plan)), values_(std::move(values)), residuals_(std::move(residuals)) {}
  std::string name() const override { return "CompiledBackward"; }
  void release() override {
    released_ = true;
    values_.clear();
    residuals_.clear();
  }
  std::vector<Tensor> backward(const std::vector<Tensor>& gradients, bool create_graph) override {
    if (released_)
      fail(
          "backward: Trying to backward through the graph a second time (a compiled call has freed its saved "
          "tensors); pass retain_graph=true the first time");
    return create_graph ? differentiable_backward(gradients) : compiled_backward(gradients);
  }

private:
  // A derivative that is to be differentiated itself: that of the whole program on its inputs, from which the
  // tape goes on. The forward half is computed again.
  std::vector<Tensor> differentiable_backward(const std::vector<Tensor>& gradients) const {
    const Recording& recording = plan_->recording_;
    std::vector<Tensor> saved;
    for (std::size_t i = 0; i < values_.size(); ++i)
      saved.push_back(make_tensor(recording.inputs[i].type, values_[i]));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Storage& storage = *saved[plan_->joint_inputs_[i]].impl()->storage;
      storage.grad_fn = inputs[i].node;
      storage.grad_output = inputs[i].output;
    }
    ProgramNode whole("Compiled", {plan_, &recording.program}, std::move(saved));
    std::vector<Tensor> seeds(recording.program.outputs.size());
    for (ir::ValueId value : recording.program.outputs)
      whole.outputs.push_back(recording.program.values[value]);
    for (std::uint32_t place : plan_->joint_results_) {
      Tensor& seed = seeds[recording.returned[place].index];
      if (gradients[place].defined())
        seed = seed.defined() ? seed + gradients[place] : read(gradients[place]);
    }
    const std::vector<Tensor> flows = whole.backward(seeds, true);
    std::vector<Tensor> by_input;
    for (std::uint32_t input : plan_->joint_inputs_)
      by_input.push_back(flows[input]);
    return by_input;
  }

  std::vector<Tensor> compiled_backward(const std::vector<Tensor>& gradients) const {
    std::vector<void*> in, out;
    std::vector<Tensor> seeds, results;
    for (const auto& buffer : residuals_)
      in.push_back(buffer.data());
    for (std::uint32_t place : plan_->joint_results_) {
      const Tensor& gradient = gradients[place];
      seeds.push_back(gradient.defined() ? read(gradient)
                                         : zeros(outputs[place].shape, TensorOptions(outputs[place].dtype)));
      in.push_back(host_value(seeds.back()).data());
    }
    std::vector<Tensor> by_input(inputs.size());
    const auto& artifact = plan_->compiled_.backward->artifact();
    for (std::size_t i = 0; i < plan_->joint_inputs_.size(); ++i) {
      const TensorType& type = artifact.slots[static_cast<std::size_t>(artifact.inputs) + i].type;
      by_input[i] = make_tensor(type, runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes())));
      out.push_back(by_input[i].impl()->storage->buffer.data());
    }
    plan_->compiled_.backward->run(in, out);
    for (std::size_t i = 0; i < plan_->joint_inputs_.size(); ++i)
      if (const std::int64_t alias = plan_->compiled_.backward->output_alias(i); alias >= 0)
        std::memcpy(out[i],
                    static_cast<std::size_t>(alias) < in.size()
                        ? in[static_cast<std::size_t>(alias)]
                        : out[static_cast<std::size_t>(alias) - in.size()],
                    static_cast<std::size_t>(by_input[i].impl()->type.bytes()));
    return by_input;
  }

  std::shared_ptr<const Plan> plan_;
  std::vector<runtime::Buffer> values_;    ///< of the program's inputs
  std::vector<runtime::Buffer> residuals_; ///< what the compiled backward half reads
  bool released_ = false;
};

namespace {
/// Whether nobody but compiled programs refers to a storage; each does so twice.
bool is_dropped(const StoragePtr& storage) {
  return static_cast<std::uint32_t>(storage.use_count()) <=
             2 * storage->plans.load(std::memory_order_relaxed) &&
         !storage->constant;
}
} // namespace

std::string Plan::stale() {
  for (const GradSlot& slot : recording_.grads) {
    if (!slot.read_first) continue;
    const Tensor& now = slot.leaf->grad;
    if (now.defined() != (slot.before != nullptr) || (now.defined() && now.impl()->storage != slot.before))
      return "the gradient of " + (slot.leaf->name.empty() ? "a parameter" : slot.leaf->name) + " was " +
             (slot.before ? "another tensor" : "undefined");
  }
  for (const HostRead& read : recording_.reads)
    if (read.storage->version != read.version || !(read.storage->buffer == read.buffer) ||
        read.storage->pinned || is_dropped(read.storage))
      return "a value that was read on the host changed";
  const std::uint64_t epoch = structure_epoch();
  if (epoch != epoch_) {
    for (const auto& guard : recording_.guards)
      if (!guard->holds()) return guard->describe();
    for (const InputSource& source : recording_.inputs)
      if (source.storage && source.storage->needs_grad() != source.needs_grad)
        return "requires_grad of " + (source.name.empty() ? "a tensor" : source.name) + " was " +
               (source.needs_grad ? "true" : "false");
    epoch_ = epoch;
  }
  bool dropped = false, undisturbed = placed_;
  for (std::size_t i = 0; i < state_inputs_.size(); ++i) {
    const runtime::Buffer& buffer = held_[i]->buffer;
    const auto [input, donated] = state_inputs_[i];
    dropped |= is_dropped(held_[i]);
    undisturbed &= buffer.data() == in_[input] && (!donated || buffer.unique());
  }
  undisturbed_ = undisturbed;
  if (!dropped) return {};
  const auto first = std::find_if(held_.begin(), held_.end(), is_dropped);
  const std::string& name =
      recording_.inputs[state_inputs_[static_cast<std::size_t>(first - held_.begin())].input].name;
  return (name.empty() ? "a tensor that the function used" : name) + " was replaced by another";
}

// One run. Pointers of inputs and outputs go to the plan and to the frame, so that both agree whatever
// happens in between.
class Plan::Run {
public:
  /// look: even if nobody has changed state since the last run.
  Run(Plan& plan, std::span<const Tensor> arguments, bool look)
      : plan(plan), recording(plan.recording_), arguments(arguments),
        frame(plan.compiled_.forward->frame(plan.ticket_)),
        undisturbed(std::exchange(plan.undisturbed_, false) && !look) {
    if (frame.kept()) return;
    for (std::size_t i = 0; i < plan.in_.size(); ++i)
      frame.input(i, plan.in_[i]);
    for (std::size_t i = 0; i < plan.out_.size(); ++i)
      frame.output(i, plan.out_[i]);
  }

  void gather_inputs() {
    plan.placed_ = undisturbed;
    if (!undisturbed)
      for (std::size_t i = 0; i < plan.state_inputs_.size(); ++i)
        set_input(plan.state_inputs_[i].input, plan.held_[i]->buffer.data());
    for (std::uint32_t i : plan.arguments_)
      set_input(i, arguments[recording.inputs[i].argument].impl()->storage->buffer.data());
    for (std::size_t i = 0; i < plan.numbers_.size(); ++i)
      set_number(plan.number_values_[i], recording.inputs[plan.numbers_[i]]);
    if (plan.has_random_) {
      const RandomState state = advance_random_state(recording.random_draws);
      plan.random_value_[0] = static_cast<std::int64_t>(state.seed);
      plan.random_value_[1] = static_cast<std::int64_t>(state.offset);
    }
  }

  void check_indices() const {
    for (const IndexCheck& check : recording.checks)
      check.run(plan.in_[check.input]);
  }

  // State is written in place unless somebody else holds its buffer; the rest is new memory.
  void place_outputs() {
    if (!undisturbed)
      for (const Donation& donation : plan.donations_) {
        runtime::Buffer& buffer = donation.storage->buffer;
        if (!buffer.unique()) {
          runtime::Buffer copy = runtime::Buffer::allocate(buffer.size());
          std::memcpy(copy.data(), buffer.data(), buffer.size());
          buffer = std::move(copy);
          set_input(donation.input, buffer.data());
        }
        set_output(donation.output, buffer.data());
      }
    plan.placed_ = true;
    own.reserve(plan.own_outputs_.size());
    for (const OwnOutput& output : plan.own_outputs_) {
      if (output.reused && output.reused->buffer.unique() && output.reused->buffer.size() == output.bytes)
        own.push_back(output.reused->buffer);
      else
        own.push_back(runtime::Buffer::allocate(output.bytes));
      set_output(output.output, own.back().data());
    }
  }

  void launch() { frame.run(); }

  runtime::Buffer input_buffer(std::size_t i) const {
    const InputSource& source = recording.inputs[i];
    if (source.kind == InputSource::Kind::State) return source.storage->buffer;
    if (source.kind == InputSource::Kind::Argument) return arguments[source.argument].impl()->storage->buffer;
    runtime::Buffer copy = runtime::Buffer::allocate(static_cast<std::size_t>(source.type.bytes()));
    std::memcpy(copy.data(), plan.in_[i], copy.size());
    return copy;
  }
  runtime::Buffer output_buffer(std::size_t i) const {
    const std::int64_t place = plan.place_of_output_[i];
    return place < 0 ? input_buffer(static_cast<std::size_t>(-1 - place))
                     : own[static_cast<std::size_t>(place)];
  }
  runtime::Buffer buffer_of(const ValueSource& source) const {
    return source.is_input ? input_buffer(source.index) : output_buffer(source.index);
  }

  std::vector<Tensor> results() const {
    std::vector<Tensor> tensors;
    tensors.reserve(recording.returned.size());
    for (std::size_t i = 0; i < recording.returned.size(); ++i)
      tensors.push_back(make_tensor(recording.returned_types[i], buffer_of(recording.returned[i])));
    return tensors;
  }

  // Values first, then assignments: a target may be another target's source.
  void assign_state() const {
    std::vector<runtime::Buffer> values;
    values.reserve(plan.new_targets_.size());
    for (std::uint32_t i : plan.new_targets_)
      values.push_back(buffer_of(recording.targets[i].source));
    for (Storage* storage : plan.donated_targets_)
      ++storage->version;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Target& target = recording.targets[plan.new_targets_[i]];
      Storage& storage = target.storage ? *target.storage : *arguments[target.argument].impl()->storage;
      ++storage.version;
      if (storage.pinned && storage.buffer.unique())
        std::memcpy(storage.buffer.data(), values[i].data(), values[i].size());
      else
        storage.buffer = std::move(values[i]);
    }
    for (const GradSlot& slot : recording.grads)
      if (!slot.leaf->grad.is_same(slot.after)) slot.leaf->grad = slot.after;
  }

  /// inputs: the buffers of all inputs, held since before the run.
  std::vector<runtime::Buffer> residuals(const std::vector<runtime::Buffer>& inputs) const {
    std::vector<runtime::Buffer> buffers;
    for (std::int32_t place : plan.compiled_.residuals)
      buffers.push_back(place >= 0 ? inputs[static_cast<std::size_t>(place)]
                                   : output_buffer(recording.program.outputs.size() +
                                                   static_cast<std::size_t>(-1 - place)));
    return buffers;
  }

private:
  void set_input(std::uint32_t i, void* data) {
    if (std::exchange(plan.in_[i], data) != data) frame.input(i, data);
  }
  void set_output(std::uint32_t i, void* data) {
    if (std::exchange(plan.out_[i], data) != data) frame.output(i, data);
  }
  static void set_number(double& value, const InputSource& source) {
    value = *source.number;
    if (source.type.dtype == DType::Float32) {
      const auto narrow = static_cast<float>(*source.number);
      std::memcpy(&value, &narrow, sizeof narrow);
    }
  }

  Plan& plan;
  const Recording& recording;
  std::span<const Tensor> arguments;
  runtime::Executable::Frame frame;
  const bool undisturbed;           ///< state is where the last run had it
  std::vector<runtime::Buffer> own; ///< of own_outputs_
};

std::vector<Tensor> Plan::run(std::span<const Tensor> arguments) {
  const bool differentiable = !joint_results_.empty() && GradMode::is_enabled();
  Run run(*this, arguments, differentiable);
  run.gather_inputs();
  run.check_indices();
  // Held from before the run, so that state which is written in place is written elsewhere.
  std::vector<runtime::Buffer> inputs;
  if (differentiable)
    for (std::size_t i = 0; i < recording_.inputs.size(); ++i)
      inputs.push_back(run.input_buffer(i));
  run.place_outputs();
  run.launch();
  std::vector<Tensor> results = run.results();
  std::vector<runtime::Buffer> residuals;
  if (differentiable) residuals = run.residuals(inputs);
  run.assign_state();
  if (differentiable) record(arguments, std::move(inputs), std::move(residuals), results);
  if ((freed_ || !passed_results_.empty()) && GradMode::is_enabled()) attach(arguments, results);
  for (std::uint32_t i : graph_targets_) {
    const Target& target = recording_.targets[i];
    Storage& storage = *(target.storage ? target.storage : arguments[target.argument].impl()->storage);
    set_edge(storage, target.has_graph ? gradient_edge(results[target.returned]) : Edge{});
  }
  for (const HostChange& change : recording_.changes)
    change.change();
  results.resize(recording_.results);
  return results;
}

// Results without a backward half of this plan: an input that passed through has its own graph, others have
// lost theirs.
void Plan::attach(std::span<const Tensor> arguments, const std::vector<Tensor>& results) const {
  auto put = [&](std::uint32_t place, const Edge& edge) {
    results[place].impl()->storage->grad_fn = edge.node;
    results[place].impl()->storage->grad_output = edge.output;
  };
  for (std::uint32_t place : passed_results_) {
    const InputSource& source = recording_.inputs[recording_.returned[place].index];
    put(place, gradient_edge(source.kind == InputSource::Kind::Argument ? arguments[source.argument]
                                                                        : whole(source.storage)));
  }
  for (std::uint32_t place = 0; freed_ && place < results.size(); ++place)
    if (recording_.returned_freed[place]) put(place, {freed_, place});
}

void Plan::record(std::span<const Tensor> arguments, std::vector<runtime::Buffer> inputs,
                  std::vector<runtime::Buffer> residuals, const std::vector<Tensor>& results) {
  auto node = std::make_shared<PlanNode>(shared_from_this(), std::move(inputs), std::move(residuals));
  for (std::uint32_t input : joint_inputs_) {
    const InputSource& source = recording_.inputs[input];
    node->inputs.push_back(gradient_edge(
        source.kind == InputSource::Kind::Argument ? arguments[source.argument] : whole(source.storage)));
  }
  node->outputs = recording_.returned_types;
  for (std::uint32_t place : joint_results_) {
    Storage& storage = *results[place].impl()->storage;
    storage.grad_fn = node;
    storage.grad_output = place;
  }
}

} // namespace kiln::internal
