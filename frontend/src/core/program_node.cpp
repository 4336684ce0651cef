// The node of a recorded program: its derivative is that program with a `gradient` call.
#include "core/programs.h"
#include "core/tape.h"
#include "core/trace.h"
#include "kiln/ops.h"

#include <algorithm>

namespace kiln::internal {

ProgramNode::ProgramNode(std::string name, std::shared_ptr<const ir::Program> program,
                         std::vector<Tensor> saved)
    : name_(std::move(name)), program_(std::move(program)) {
  // The values, not the tensors: a later in-place write must not change what the derivative sees.
  saved_.reserve(saved.size());
  for (const Tensor& x : saved) {
    inputs.push_back(gradient_edge(x)); // keeps the leaf's accumulator alive
    saved_.push_back(snapshot(x, inputs.back()));
  }
}

void ProgramNode::release() {
  released_ = true;
  saved_.clear();
}

namespace {
// Whether anything in a compiled program looks at its i-th input: else nothing depends on it.
bool reads(const runtime::Executable& program, std::size_t input) {
  const auto slot = static_cast<std::int32_t>(input);
  for (const runtime::Launch& launch : program.artifact().launches)
    if (std::find(launch.slots.begin(), launch.slots.end(), slot) != launch.slots.end()) return true;
  for (std::size_t i = 0; i < static_cast<std::size_t>(program.artifact().outputs); ++i)
    if (program.output_alias(i) == slot) return true;
  return false;
}
} // namespace

std::vector<Tensor> ProgramNode::backward(const std::vector<Tensor>& gradients, bool create_graph) {
  if (released_)
    fail("backward: Trying to backward through the graph a second time (" + name_ +
         " has freed its saved tensors); pass retain_graph=true the first time");
  // inputs…, seeds of the outputs that something flows into -> gradients of the inputs that want one
  auto vjp = std::make_shared<ir::Program>(*program_);
  vjp->name = name_;
  std::vector<Tensor> arguments = saved_;
  std::vector<ir::ValueId> outputs, seeds, wanted;
  std::vector<std::size_t> places;
  std::vector<TensorType> seed_types;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    seed_types.push_back(this->outputs[i]);
    arguments.push_back(gradients[i]);
  }
  const ir::ValueId first = vjp->insert_inputs(seed_types);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    outputs.push_back(vjp->outputs[i]);
    seeds.push_back(first + static_cast<std::uint32_t>(seeds.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].node) wanted.push_back(static_cast<ir::ValueId>(i)), places.push_back(i);
  std::vector<ir::ValueId> operands = outputs;
  operands.insert(operands.end(), seeds.begin(), seeds.end());
  operands.insert(operands.end(), wanted.begin(), wanted.end());
  vjp->outputs =
      vjp->add_call("gradient", operands, {{"outputs", static_cast<std::int64_t>(outputs.size())}});
  vjp->donations.clear();

  std::vector<Tensor> results;
  {
    AutoGradMode mode(false);
    results = run_program(*vjp, arguments);
  }
  if (create_graph && wants_gradient(arguments)) {
    auto node = std::make_shared<ProgramNode>(name_ + "Backward", vjp, arguments);
    // The derivative of a sum looks at no operand: no second derivative flows there.
    if (!Trace::current()) {
      const CompiledProgram compiled = load_program(*vjp);
      for (std::size_t i = 0; i < node->inputs.size(); ++i)
        if (!reads(*compiled.forward, i)) node->inputs[i] = {};
    }
    record_on_tape(std::move(node), results);
  }
  std::vector<Tensor> by_input(inputs.size());
  for (std::size_t i = 0; i < places.size(); ++i)
    by_input[places[i]] = results[i];
  return by_input;
}

std::vector<Tensor> run_program(const ir::Program& program, std::span<const Tensor> inputs) {
  if (Trace* trace = Trace::current()) {
    std::vector<Tensor> values(program.values.size());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      values[i] = read(inputs[i]);
    for (const ir::OpCall& call : program.calls) {
      std::vector<Tensor> operands;
      std::vector<TensorType> types;
      for (ir::ValueId v : call.operands)
        operands.push_back(values[v]), types.push_back(program.values[v]);
      if (call.results.size() == 1) {
        values[call.results[0]] =
            trace->record(call.op, operands, call.attrs, program.values[call.results[0]]);
        continue;
      }
      const auto results = trace->record_many(call.op, operands, call.attrs);
      for (std::size_t i = 0; i < results.size(); ++i)
        values[call.results[i]] = results[i];
    }
    std::vector<Tensor> outputs;
    for (ir::ValueId v : program.outputs)
      outputs.push_back(values[v]);
    return outputs;
  }
  const CompiledProgram compiled = load_program(program);
  std::vector<void*> in, out;
  std::vector<runtime::Buffer> keep;
  for (const Tensor& x : inputs) {
    keep.push_back(host_value(x));
    in.push_back(keep.back().data());
  }
  std::vector<Tensor> results;
  for (ir::ValueId v : program.outputs) {
    const TensorType& type = program.values[v];
    results.push_back(make_tensor(type, runtime::Buffer::allocate(static_cast<std::size_t>(type.bytes()))));
    out.push_back(results.back().impl()->storage->buffer.data());
  }
  compiled.forward->run(in, out);
  return results;
}

} // namespace kiln::internal
