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

Plan::Plan(Recording recording) : recording_(std::move(recording)), program_(recording_.program) {
  make_joint();
  compiled_ = load_program(program_);
  donated_input_.assign(recording_.program.outputs.size(), -1);
  for (const auto& [output, input] : recording_.program.donations)
    donated_input_[output] = input;
  for (const InputSource& source : recording_.inputs)
    if (source.storage) hold(source.storage);
  for (const Target& target : recording_.targets)
    if (target.storage) hold(target.storage);
  for (const GradSlot& slot : recording_.grads) {
    hold(slot.leaf);
    if (slot.before) hold(slot.before);
  }
  find_reused();
  if (std::find(recording_.returned_freed.begin(), recording_.returned_freed.end(), true) !=
      recording_.returned_freed.end()) {
    freed_ = std::make_shared<FreedNode>();
    freed_->outputs = recording_.returned_types;
  }
  epoch_ = structure_epoch.load(std::memory_order_relaxed);
}

void Plan::find_reused() {
  reused_.assign(recording_.program.outputs.size(), nullptr);
  std::vector<int> takers(reused_.size());
  for (const ValueSource& source : recording_.returned)
    if (!source.is_input) ++takers[source.index];
  for (const Target& target : recording_.targets) {
    if (target.source.is_input) continue;
    ++takers[target.source.index];
    if (!target.donated) reused_[target.source.index] = target.storage.get();
  }
  for (std::size_t i = 0; i < reused_.size(); ++i) {
    if (takers[i] != 1) reused_[i] = nullptr;
    for (const InputSource& source : recording_.inputs)
      if (source.storage && source.storage.get() == reused_[i]) reused_[i] = nullptr;
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
  const auto base = program_.inputs;
  const auto count = static_cast<std::uint32_t>(joint_results_.size());
  program_.forwardInputs = base;
  program_.forwardOutputs = static_cast<std::uint32_t>(program_.outputs.size());
  auto moved = [&](ir::ValueId v) { return v < base ? v : v + count; };
  for (auto& call : program_.calls) {
    for (auto& v : call.operands)
      v = moved(v);
    for (auto& v : call.results)
      v = moved(v);
  }
  for (auto& v : program_.outputs)
    v = moved(v);
  std::vector<TensorType> seed_types;
  std::vector<ir::ValueId> operands;
  for (std::uint32_t place : joint_results_) {
    seed_types.push_back(recording_.returned_types[place]);
    operands.push_back(program_.outputs[recording_.returned[place].index]);
  }
  program_.values.insert(program_.values.begin() + base, seed_types.begin(), seed_types.end());
  program_.inputs += count;
  program_.inputNames.resize(base);
  for (std::uint32_t i = 0; i < count; ++i) {
    operands.push_back(base + i);
    program_.inputNames.push_back("grad" + std::to_string(i));
  }
  for (std::uint32_t input : joint_inputs_)
    operands.push_back(input);
  for (ir::ValueId gradient :
       program_.add_call("gradient", operands, {{"outputs", static_cast<std::int64_t>(count)}}))
    program_.outputs.push_back(gradient);
}

std::string Plan::stale() {
  for (const GradSlot& slot : recording_.grads) {
    if (!slot.read_first) continue;
    const Tensor& now = slot.leaf->grad;
    if (now.defined() != (slot.before != nullptr) || (now.defined() && now.impl()->storage != slot.before))
      return "the gradient of " + (slot.leaf->name.empty() ? "a parameter" : slot.leaf->name) + " was " +
             (slot.before ? "another tensor" : "undefined");
  }
  const std::uint64_t epoch = structure_epoch.load(std::memory_order_relaxed);
  if (epoch != epoch_) {
    for (const auto& guard : recording_.guards)
      if (!guard->holds()) return guard->describe();
    for (const InputSource& source : recording_.inputs)
      if (source.storage && source.storage->needs_grad() != source.needs_grad)
        return "requires_grad of " + (source.name.empty() ? "a tensor" : source.name) + " was " +
               (source.needs_grad ? "true" : "false");
    epoch_ = epoch;
  }
  for (const InputSource& source : recording_.inputs)
    if (source.storage && !source.storage->constant &&
        static_cast<std::uint32_t>(source.storage.use_count()) <=
            2 * source.storage->plans.load(std::memory_order_relaxed))
      return (source.name.empty() ? "a tensor that the function used" : source.name) +
             " was replaced by another";
  return {};
}

// One run: where its inputs and outputs are. Arrays of the usual size live on the stack.
class Plan::Run {
public:
  Run(Plan& plan, std::span<const Tensor> arguments)
      : plan(plan), recording(plan.recording_), executable(*plan.compiled_.forward), arguments(arguments),
        input_count(recording.inputs.size()),
        output_count(static_cast<std::size_t>(executable.artifact().outputs)), outputs(output_count) {
    if (input_count + output_count > kInline) more.resize(input_count + output_count);
    in = more.empty() ? inline_pointers : more.data();
    out = in + input_count;
    if (input_count > kInline) more_numbers.resize(input_count);
    next_number = more_numbers.empty() ? inline_numbers : more_numbers.data();
  }

  void gather_inputs() {
    for (std::size_t i = 0; i < input_count; ++i) {
      const InputSource& source = recording.inputs[i];
      switch (source.kind) {
      case InputSource::Kind::State:
        in[i] = source.storage->buffer.data();
        break;
      case InputSource::Kind::Argument:
        in[i] = arguments[source.argument].impl()->storage->buffer.data();
        break;
      case InputSource::Kind::Number:
        in[i] = number(source);
        break;
      case InputSource::Kind::Random: {
        const RandomState state = advance_random_state(recording.random_draws);
        random[0] = static_cast<std::int64_t>(state.seed);
        random[1] = static_cast<std::int64_t>(state.offset);
        in[i] = random;
        break;
      }
      }
    }
  }

  void check_indices() const {
    for (const IndexCheck& check : recording.checks)
      check.run(static_cast<const std::int64_t*>(in[check.input]));
  }

  // State is written in place unless somebody else holds its buffer; the rest is new memory.
  void place_outputs() {
    for (std::size_t i = 0; i < output_count; ++i) {
      if (const std::int64_t input = donated_input(i); input >= 0) {
        runtime::Buffer& buffer = recording.inputs[static_cast<std::size_t>(input)].storage->buffer;
        if (!buffer.unique()) {
          runtime::Buffer copy = runtime::Buffer::allocate(buffer.size());
          std::memcpy(copy.data(), buffer.data(), buffer.size());
          buffer = std::move(copy);
          in[input] = buffer.data();
        }
        out[i] = in[input];
        continue;
      }
      if (executable.output_alias(i) >= 0) {
        out[i] = nullptr;
        continue;
      }
      const auto bytes = static_cast<std::size_t>(executable.artifact().slots[input_count + i].type.bytes());
      Storage* reused = i < plan.reused_.size() ? plan.reused_[i] : nullptr;
      if (reused && reused->buffer.unique() && reused->buffer.size() == bytes)
        outputs[i] = reused->buffer;
      else
        outputs[i] = runtime::Buffer::allocate(bytes);
      out[i] = outputs[i].data();
    }
  }

  void launch() {
    executable.run({in, input_count}, {out, output_count});
    for (std::size_t i = 0; i < output_count; ++i) {
      if (outputs[i]) continue;
      const std::int64_t from = donated_input(i) >= 0 ? donated_input(i) : executable.output_alias(i);
      outputs[i] = from < static_cast<std::int64_t>(input_count)
                       ? input_buffer(static_cast<std::size_t>(from))
                       : outputs[static_cast<std::size_t>(from) - input_count];
    }
  }

  runtime::Buffer input_buffer(std::size_t i) const {
    const InputSource& source = recording.inputs[i];
    if (source.kind == InputSource::Kind::State) return source.storage->buffer;
    if (source.kind == InputSource::Kind::Argument) return arguments[source.argument].impl()->storage->buffer;
    runtime::Buffer copy = runtime::Buffer::allocate(static_cast<std::size_t>(source.type.bytes()));
    std::memcpy(copy.data(), in[i], copy.size());
    return copy;
  }
  runtime::Buffer buffer_of(const ValueSource& source) const {
    return source.is_input ? input_buffer(source.index) : outputs[source.index];
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
    values.reserve(recording.targets.size());
    for (const Target& target : recording.targets)
      values.push_back(target.donated ? runtime::Buffer{} : buffer_of(target.source));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Target& target = recording.targets[i];
      Storage& storage = target.storage ? *target.storage : *arguments[target.argument].impl()->storage;
      ++storage.version;
      if (target.donated) continue;
      if (storage.pinned && storage.buffer.unique())
        std::memcpy(storage.buffer.data(), values[i].data(), values[i].size());
      else
        storage.buffer = std::move(values[i]);
    }
    for (const GradSlot& slot : recording.grads)
      slot.leaf->grad = slot.after;
  }

  std::vector<runtime::Buffer> residuals() const {
    std::vector<runtime::Buffer> buffers;
    for (std::int32_t place : plan.compiled_.residuals)
      buffers.push_back(
          place >= 0 ? input_buffer(static_cast<std::size_t>(place))
                     : outputs[recording.program.outputs.size() + static_cast<std::size_t>(-1 - place)]);
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
  std::int64_t donated_input(std::size_t i) const {
    return i < plan.donated_input_.size() ? plan.donated_input_[i] : -1;
  }

  Plan& plan;
  const Recording& recording;
  const runtime::Executable& executable;
  std::span<const Tensor> arguments;
  std::size_t input_count, output_count;
  void* inline_pointers[kInline];
  std::vector<void*> more;
  void **in, **out;
  std::int64_t random[2];
  double inline_numbers[kInline];
  std::vector<double> more_numbers;
  double* next_number;
  std::vector<runtime::Buffer> outputs;
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
  run.assign_state();
  if (differentiable) record(arguments, std::move(inputs), run.residuals(), results);
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
