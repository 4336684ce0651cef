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

std::string Plan::stale() {
  for (const GradSlot& slot : recording_.grads) {
    if (!slot.read_first) continue;
    const Tensor& now = slot.leaf->grad;
    if (now.defined() != (slot.before != nullptr) || (now.defined() && now.impl()->storage != slot.before))
      return "the gradient of " + (slot.leaf->name.empty() ? "a parameter" : slot.leaf->name) + " was " +
             (slot.before ? "another tensor" : "undefined");
  }
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
  for (std::size_t i = 0; i < state_inputs_.size(); ++i) {
    const Storage& state = *held_[i];
    if (static_cast<std::uint32_t>(held_[i].use_count()) > 2 * state.plans.load(std::memory_order_relaxed) ||
        state.constant)
      continue;
    const std::string& name = recording_.inputs[state_inputs_[i]].name;
    return (name.empty() ? "a tensor that the function used" : name) + " was replaced by another";
  }
  return {};
}

// One run: where its inputs and outputs are. Arrays of the usual size live on the stack.
class Plan::Run {
public:
  Run(Plan& plan, std::span<const Tensor> arguments)
      : plan(plan), recording(plan.recording_), arguments(arguments), input_count(recording.inputs.size()),
        output_count(plan.place_of_output_.size()) {
    if (input_count + output_count > kInline) more.reset(new void*[input_count + output_count]);
    in = more ? more.get() : inline_pointers;
    out = in + input_count;
    if (plan.numbers_ > kInline) more_numbers.resize(plan.numbers_);
    next_number = more_numbers.empty() ? inline_numbers : more_numbers.data();
  }

  void gather_inputs() {
    for (std::size_t i = 0; i < plan.state_inputs_.size(); ++i)
      in[plan.state_inputs_[i]] = plan.held_[i]->buffer.data();
    for (std::uint32_t i : plan.other_inputs_) {
      const InputSource& source = recording.inputs[i];
      if (source.kind == InputSource::Kind::Argument) {
        in[i] = arguments[source.argument].impl()->storage->buffer.data();
      } else if (source.kind == InputSource::Kind::Number) {
        in[i] = number(source);
      } else {
        const RandomState state = advance_random_state(recording.random_draws);
        random[0] = static_cast<std::int64_t>(state.seed);
        random[1] = static_cast<std::int64_t>(state.offset);
        in[i] = random;
      }
    }
  }

  void check_indices() const {
    for (const IndexCheck& check : recording.checks)
      check.run(static_cast<const std::int64_t*>(in[check.input]));
  }

  // State is written in place unless somebody else holds its buffer; the rest is new memory.
  void place_outputs() {
    for (const Donation& donation : plan.donations_) {
      runtime::Buffer& buffer = donation.storage->buffer;
      if (!buffer.unique()) {
        runtime::Buffer copy = runtime::Buffer::allocate(buffer.size());
        std::memcpy(copy.data(), buffer.data(), buffer.size());
        buffer = std::move(copy);
        in[donation.input] = buffer.data();
      }
      out[donation.output] = in[donation.input];
    }
    own.reserve(plan.own_outputs_.size());
    for (const OwnOutput& output : plan.own_outputs_) {
      if (output.reused && output.reused->buffer.unique() && output.reused->buffer.size() == output.bytes)
        own.push_back(output.reused->buffer);
      else
        own.push_back(runtime::Buffer::allocate(output.bytes));
      out[output.output] = own.back().data();
    }
  }

  // Places of outputs that are no memory of their own are not looked at.
  void launch() const { plan.compiled_.forward->run({in, input_count}, {out, output_count}); }

  runtime::Buffer input_buffer(std::size_t i) const {
    const InputSource& source = recording.inputs[i];
    if (source.kind == InputSource::Kind::State) return source.storage->buffer;
    if (source.kind == InputSource::Kind::Argument) return arguments[source.argument].impl()->storage->buffer;
    runtime::Buffer copy = runtime::Buffer::allocate(static_cast<std::size_t>(source.type.bytes()));
    std::memcpy(copy.data(), in[i], copy.size());
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
  static constexpr std::size_t kInline = 64;

  void* number(const InputSource& source) {
    double& slot = *next_number++;
    slot = *source.number;
    if (source.type.dtype == DType::Float32) {
      const auto narrow = static_cast<float>(*source.number);
      std::memcpy(&slot, &narrow, sizeof narrow);
    }
    return &slot;
  }

  Plan& plan;
  const Recording& recording;
  std::span<const Tensor> arguments;
  std::size_t input_count, output_count;
  void* inline_pointers[kInline];
  std::unique_ptr<void*[]> more;
  void **in, **out;
  std::int64_t random[2];
  double inline_numbers[kInline];
  std::vector<double> more_numbers;
  double* next_number;
  std::vector<runtime::Buffer> own; ///< of own_outputs_
};

std::vector<Tensor> Plan::run(std::span<const Tensor> arguments) {
  Run run(*this, arguments);
  run.gather_inputs();
  run.check_indices();
  const bool differentiable = !joint_results_.empty() && GradMode::is_enabled();
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
