// Compiled callables: choosing a plan, capturing one when none fits, and telling what happened.
#include "kiln/jit.h"

#include "core/dump.h"
#include "core/plan.h"
#include "core/run_gate.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>
#include <string_view>

namespace kiln::jit {

using namespace internal;

namespace {

// More specialisations than this of one function: the oldest is dropped, so that a shape that keeps varying
// does not grow without bound.
constexpr std::size_t kMaxPlans = 32;
// A function that reads values while it runs, and whose shapes depend on them, may meet new programs for
// ever: after as many captures that compiled something it runs eagerly.
constexpr int kMaxSplitCompiles = 16;

struct Signature {
  std::vector<TensorType> types;
  std::vector<bool> needs_grad;
  std::string constants;
  bool grad_mode = true;
};

struct Entry {
  Signature signature;
  std::shared_ptr<Plan> plan;
};

std::string describe(const Signature& signature) {
  std::string text = "(";
  for (std::size_t i = 0; i < signature.types.size(); ++i) {
    if (i) text += ", ";
    text += to_string(signature.types[i]);
    if (signature.needs_grad[i]) text += " requires_grad";
  }
  if (!signature.constants.empty()) text += "; " + signature.constants;
  return text + ")" + (signature.grad_mode ? "" : " no_grad");
}

// First difference between what a plan was made for and what is asked for.
std::string difference(const Signature& made, const std::vector<Tensor>& arguments,
                       const std::string& constants) {
  if (made.types.size() != arguments.size())
    return "number of arguments was " + std::to_string(made.types.size()) + ", is " +
           std::to_string(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const TensorType& now = arguments[i].impl()->type;
    if (!(made.types[i] == now))
      return "argument " + std::to_string(i) + " was " + to_string(made.types[i]) + ", is " + to_string(now);
    if (made.needs_grad[i] != arguments[i].requires_grad())
      return "requires_grad of argument " + std::to_string(i) + " changed";
  }
  if (made.constants != constants)
    return "a number among the arguments was " + made.constants + " is " + constants;
  if (made.grad_mode != GradMode::is_enabled())
    return made.grad_mode ? "gradients were enabled" : "gradients were disabled";
  return {};
}

bool fits(const Signature& made, const std::vector<Tensor>& arguments, const std::string& constants) {
  if (made.types.size() != arguments.size() || made.grad_mode != GradMode::is_enabled()) return false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const TensorImpl& impl = *arguments[i].impl();
    if (!(made.types[i] == impl.type) || made.needs_grad[i] != impl.storage->needs_grad()) return false;
  }
  return made.constants == constants;
}

std::string milliseconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", value);
  return text;
}

} // namespace

struct Compiled::State {
  std::string name;
  std::vector<Entry> entries; ///< the one that ran last comes first
  std::vector<std::string> log;
  std::shared_ptr<Plan> last;
  bool splits_functions = false; ///< gradients of its results go through functions or hooks
  bool splits = false;           ///< reads values while it runs: captured anew at every call
  bool eager = false;            ///< not captured any more
  int captured = 0, split_compiles = 0;
  std::set<std::string> seen_splits;
  std::recursive_mutex mutex;

  std::vector<Tensor> capture(const std::vector<Tensor>& arguments, const std::string& constants, Body body,
                              void* context, const std::string& reason);
  struct Record {
    std::shared_ptr<Plan> plan;
    std::vector<std::string> splits; ///< why and where the capture was flushed
    bool compiled = false;           ///< met a program for the first time
  };
  /// One capture. Throws RestartCapture when it must be made with functions between programs.
  Record record(const std::vector<Tensor>& arguments, Body body, void* context);
};

Compiled::Compiled(std::string name) : state_(std::make_shared<State>()) {
  state_->name = std::move(name);
}

std::vector<Tensor> Compiled::run(const std::vector<Tensor>& arguments, const std::string& constants,
                                  Body body, void* context) const {
  for (const Tensor& x : arguments)
    checked(x, state_->name.c_str());
  // Inside another capture the function is part of that one's program.
  if (Trace::current()) return body(context, arguments);
  std::vector<Tensor> viewed;
  const std::vector<Tensor>* values = &arguments;
  for (const Tensor& x : arguments)
    if (!x.impl()->lens.empty()) {
      for (const Tensor& y : arguments)
        viewed.push_back(read(y));
      values = &viewed;
      break;
    }
  std::lock_guard lock(state_->mutex);
  State& state = *state_;
  if (state.eager) return body(context, arguments);
  RunGate running;
  std::string reason = "first call";
  for (std::size_t i = 0; i < state.entries.size(); ++i) {
    if (!fits(state.entries[i].signature, *values, constants)) continue;
    std::string stale = state.entries[i].plan->stale();
    if (stale.empty()) {
      if (i)
        std::rotate(state.entries.begin(), state.entries.begin() + static_cast<std::ptrdiff_t>(i),
                    state.entries.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      state.last = state.entries.front().plan;
      return state.last->run(*values);
    }
    reason = "guard failed: " + stale;
  }
  if (reason == "first call" && !state.entries.empty())
    reason = "guard failed: " + difference(state.entries.front().signature, *values, constants);
  return state.capture(*values, constants, body, context, reason);
}

Compiled::State::Record Compiled::State::record(const std::vector<Tensor>& arguments, Body body,
                                                void* context) {
  Trace trace;
  if (splits_functions) trace.split_functions();
  for (std::uint32_t i = 0; i < arguments.size(); ++i)
    trace.argument(arguments[i], i);
  std::vector<Tensor> returned = body(context, arguments);
  for (const Tensor& x : returned)
    if (!x.defined()) fail(name + ": the compiled function returned an undefined tensor");
  if (GradMode::is_enabled() && trace.needs_host_backward(returned)) throw RestartCapture();
  Recording recording = trace.finish(returned, /*graphs=*/true);
  recording.program.name = name;
  auto plan = std::make_shared<Plan>(std::move(recording));
  dump_if_asked(plan->program());
  trace.commit();
  return {plan, trace.splits(), trace.compiled() || plan->compiled().compiled};
}

std::vector<Tensor> Compiled::State::capture(const std::vector<Tensor>& arguments,
                                             const std::string& constants, Body body, void* context,
                                             const std::string& reason) {
  Signature signature;
  signature.constants = constants;
  signature.grad_mode = GradMode::is_enabled();
  for (const Tensor& x : arguments) {
    signature.types.push_back(x.impl()->type);
    signature.needs_grad.push_back(x.requires_grad());
  }
  const auto start = std::chrono::steady_clock::now();
  Record made;
  try {
    made = record(arguments, body, context);
  } catch (const RestartCapture&) {
    splits_functions = true;
    made = record(arguments, body, context);
  }
  const std::shared_ptr<Plan>& plan = made.plan;
  const bool split = !made.splits.empty();
  std::vector<std::string> lines;
  for (const std::string& line : made.splits)
    if (seen_splits.insert(line).second) lines.push_back("split: " + line);
  const double total =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  const CompiledProgram& compiled = plan->compiled();
  if (!splits || compiled.compiled || !lines.empty()) {
    log.push_back("captured " + name + describe(signature) + ": " +
                  std::to_string(plan->recording().program.calls.size()) + " ops, " +
                  std::to_string(plan->recording().inputs.size()) + " inputs; " + reason);
    log.push_back((compiled.compiled ? "compiled in " : "found compiled in ") +
                  milliseconds(compiled.milliseconds) + " (capture and all " + milliseconds(total) +
                  "): " + std::to_string(compiled.forward->artifact().kernels.size()) + " kernels" +
                  (compiled.backward
                       ? ", backward " + std::to_string(compiled.backward->artifact().kernels.size())
                       : ""));
    log.insert(log.end(), lines.begin(), lines.end());
  }
  ++captured;
  last = plan;
  splits |= split;
  if (split && made.compiled && ++split_compiles >= kMaxSplitCompiles) {
    eager = true;
    log.push_back("runs eagerly from now on: " + std::to_string(split_compiles) +
                  " calls have compiled other programs, as values are read and shapes follow them");
  }
  // A function that was split has host code between its programs: it is captured anew each time, its programs
  // reused.
  if (!split) {
    entries.insert(entries.begin(), {std::move(signature), plan});
    if (entries.size() > kMaxPlans) entries.pop_back();
  }
  return plan->run(arguments);
}

std::string Compiled::explain() const {
  std::string text;
  for (const std::string& line : state_->log)
    text += line + "\n";
  return text.empty() ? state_->name + " has not been called yet\n" : text;
}

int Compiled::programs() const {
  return state_->captured;
}

namespace {
const Plan& ran(const std::shared_ptr<Plan>& plan, const std::string& name) {
  if (!plan) throw Error("jit: " + name + " has not been called yet");
  return *plan;
}
std::vector<double> profile(const runtime::Executable& executable, int runs) {
  // On memory of its own: profiling must not train the model.
  const runtime::Artifact& artifact = executable.artifact();
  std::vector<runtime::Buffer> buffers;
  std::vector<void*> in, out;
  for (std::int32_t i = 0; i < artifact.inputs + artifact.outputs; ++i) {
    const auto bytes = static_cast<std::size_t>(artifact.slots[static_cast<std::size_t>(i)].type.bytes());
    buffers.push_back(runtime::Buffer::allocate(bytes));
    std::memset(buffers.back().data(), 0, bytes);
    (i < artifact.inputs ? in : out).push_back(buffers.back().data());
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    if (const std::int64_t alias = executable.output_alias(i); alias >= 0 && alias < artifact.inputs)
      out[i] = in[static_cast<std::size_t>(alias)];
  return executable.profile(in, out, runs);
}

} // namespace

std::string Compiled::ir(Stage stage) const {
  const auto result = compile_verbose(ran(state_->last, state_->name).program());
  return result.stages.at(static_cast<std::size_t>(stage));
}

std::vector<Kernel> Compiled::kernels(int profile_runs) const {
  const Plan& plan = ran(state_->last, state_->name);
  std::vector<Kernel> kernels;
  auto append = [&](const runtime::Executable& executable, const runtime::Artifact& verbose) {
    const runtime::Artifact& artifact = executable.artifact();
    std::vector<double> times;
    if (profile_runs > 0) times = profile(executable, profile_runs);
    for (std::size_t i = 0; i < artifact.launches.size(); ++i) {
      const auto index = artifact.launches[i].kernel;
      const auto& info = verbose.kernels.at(static_cast<std::size_t>(index));
      if (!kernels.empty() && kernels.back().name == info.name) { // one kernel of several launches
        if (!times.empty()) kernels.back().microseconds += times[i];
        continue;
      }
      kernels.push_back({info.name, info.kind, info.location, info.source, info.ops, info.bytes, info.flops,
                         times.empty() ? 0 : times[i]});
    }
  };
  const auto verbose = compile_verbose(plan.program());
  append(*plan.compiled().forward, verbose.artifact);
  if (plan.compiled().backward) append(*plan.compiled().backward, *verbose.backward);
  return kernels;
}

Memory Compiled::memory() const {
  const auto& artifact = ran(state_->last, state_->name).compiled().forward->artifact();
  return {artifact.peakBytes, artifact.lowerBoundBytes};
}

void Compiled::dump(const std::string& directory) const {
  write_dump(ran(state_->last, state_->name).program(), directory);
}

std::vector<Tensor> detail::list_with_room(std::size_t tensors) {
  std::vector<Tensor> list;
  list.reserve(tensors);
  return list;
}
void detail::add_tensor(std::vector<Tensor>& tensors, const Tensor& tensor) {
  tensors.push_back(tensor);
}
void detail::add_constant(std::string& constants, double value) {
  char digits[32]; // as many as tell the value from every other
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  constants += text;
  constants += text.find_first_not_of("-0123456789") == text.npos ? ".0;" : ";"; // 1.0 is not 1
}

void detail::add_constant(std::string& constants, long long value) {
  constants += std::to_string(value) + ";";
}

} // namespace kiln::jit
