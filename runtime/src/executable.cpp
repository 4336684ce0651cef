// Loads an artifact's code and plan, and runs it. All that can be computed once is: a run writes the caller's
// pointers into the prepared arguments of all launches, and then makes these.
#include "kiln/runtime/executable.h"

#include "image.h"
#include "kiln/runtime/cpu_features.h"
#include "kiln/runtime/error.h"
#include "kiln/runtime/parallel.h"
#include "validate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

namespace kiln::runtime {
namespace {

/// What one run needs for itself: temporaries, and the arguments of all launches with everything but inputs
/// and outputs filled in.
struct Context {
  Buffer arena;
  std::vector<void*> arguments;
};

/// Contexts of runs that are over. The first one is handed out without a lock: nearly always it is the only
/// one.
class ContextPool {
public:
  ~ContextPool() { delete spare_.load(); }
  std::unique_ptr<Context> take() {
    if (Context* context = spare_.exchange(nullptr, std::memory_order_acquire))
      return std::unique_ptr<Context>(context);
    std::lock_guard lock(mutex_);
    if (more_.empty()) return nullptr;
    auto context = std::move(more_.back());
    more_.pop_back();
    return context;
  }
  void give(std::unique_ptr<Context> context) {
    Context* none = nullptr;
    if (spare_.compare_exchange_strong(none, context.get(), std::memory_order_release))
      return (void)context.release();
    std::lock_guard lock(mutex_);
    if (more_.size() < kKept) more_.push_back(std::move(context));
  }

private:
  static constexpr std::size_t kKept = 3; // a burst of threads does not leave its arenas behind
  std::atomic<Context*> spare_{nullptr};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Context>> more_;
};

/// An argument that is filled in at each run, with an input or output of the caller's.
struct Link {
  std::size_t argument, caller;
};

/// A launch whose symbol is found; its arguments are some of Context::arguments.
struct Step {
  Kernel kernel;
  std::size_t first;
  std::int64_t items, grain;
};

/// Features of the target that this machine's CPU is known to lack: running such code would be an illegal
/// instruction.
void check_target(const std::string& what, const std::string& target) {
  if (target.starts_with("cuda"))
    throw Error(what + ": compiled for " + target + ", this build runs on the CPU only");
  if (const std::string missing = missing_cpu_features(target); !missing.empty())
    throw Error(what + ": compiled for a CPU with" + missing + ", which this machine has not");
}

} // namespace

struct Executable::State {
  Artifact artifact;
  std::string what;
  std::unique_ptr<detail::Image> image; ///< null when nothing is launched
  std::vector<Step> steps;
  bool anySize = false; ///< a one-op program whose size the caller gives
  Buffer constants;
  std::size_t arguments = 0; ///< of all launches
  std::vector<Link> inputs, outputs;
  mutable ContextPool contexts;

  State(Artifact a, const std::filesystem::path& file)
      : artifact(std::move(a)), what("program '" + artifact.name + "'") {
    detail::validate(artifact);
    check_target(what, artifact.target);
    if (!artifact.launches.empty()) image = std::make_unique<detail::Image>(what, artifact.image, file);
    constants = Buffer::allocate(artifact.constants.size());
    std::copy(artifact.constants.begin(), artifact.constants.end(), constants.as<std::byte>());
    const auto inputCount = static_cast<std::size_t>(artifact.inputs);
    for (const Launch& launch : artifact.launches) {
      steps.push_back({kernel(launch.symbol), arguments, launch.items, launch.grain});
      anySize |= launch.items < 0;
      for (std::int32_t slot : launch.slots) {
        const std::size_t root = detail::root_of(artifact, static_cast<std::size_t>(slot));
        if (root < inputCount)
          inputs.push_back({arguments, root});
        else if (root < callers())
          outputs.push_back({arguments, root - inputCount});
        ++arguments;
      }
    }
  }

  std::size_t callers() const {
    return static_cast<std::size_t>(artifact.inputs) + static_cast<std::size_t>(artifact.outputs);
  }

  Kernel kernel(const std::string& name) const {
    void* address = name.empty() ? nullptr : image->find(name);
    if (!address) throw Error(what + ": its code has no symbol '" + name + "'");
    return reinterpret_cast<Kernel>(address);
  }

  std::unique_ptr<Context> make_context() const {
    auto context = std::make_unique<Context>();
    context->arena = Buffer::allocate(static_cast<std::size_t>(artifact.arenaBytes));
    context->arguments.assign(arguments, nullptr);
    void** argument = context->arguments.data();
    for (const Launch& launch : artifact.launches)
      for (std::int32_t slot : launch.slots) {
        const Slot& root = artifact.slots[detail::root_of(artifact, static_cast<std::size_t>(slot))];
        if (root.kind == Slot::Kind::Temp) *argument = context->arena.as<std::byte>() + root.offset;
        if (root.kind == Slot::Kind::Constant) *argument = constants.as<std::byte>() + root.offset;
        ++argument;
      }
    return context;
  }

  /// `launch_step` is called for each step, with its arguments.
  template <class F>
  void run(std::span<void* const> in, std::span<void* const> out, const F& launch_step) const {
    if (in.size() != static_cast<std::size_t>(artifact.inputs) ||
        out.size() != static_cast<std::size_t>(artifact.outputs)) [[unlikely]]
      throw Error(what + ": expected " + std::to_string(artifact.inputs) + " inputs and " +
                  std::to_string(artifact.outputs) + " outputs, got " + std::to_string(in.size()) + " and " +
                  std::to_string(out.size()));
    if (anySize) [[unlikely]]
      throw Error(what + ": its size is not fixed; run_elementwise gives one");
    auto context = contexts.take();
    if (!context) context = make_context();
    void** all = context->arguments.data();
    for (const Link& link : inputs)
      all[link.argument] = in[link.caller];
    for (const Link& link : outputs)
      all[link.argument] = out[link.caller];
    for (const Step& step : steps)
      launch_step(step, all + step.first);
    contexts.give(std::move(context));
  }

  void launch_one(const Step& step, void* const* args) const {
    launch(step.kernel, args, step.items, step.grain, artifact.scratchBytes);
  }
};

Executable::Executable(Artifact artifact, const std::filesystem::path& imageFile)
    : state_(std::make_unique<State>(std::move(artifact), imageFile)) {}

Executable::~Executable() = default;

const Artifact& Executable::artifact() const {
  return state_->artifact;
}

std::int64_t Executable::output_alias(std::size_t i) const {
  const std::size_t slot = static_cast<std::size_t>(state_->artifact.inputs) + i;
  const std::size_t root = detail::root_of(state_->artifact, slot);
  return root == slot ? -1 : static_cast<std::int64_t>(root);
}

void Executable::run(std::span<void* const> inputs, std::span<void* const> outputs) const {
  state_->run(inputs, outputs, [this](const Step& step, void** args) { state_->launch_one(step, args); });
}

void Executable::run_elementwise(void* const* args, std::int64_t items) const {
  if (!state_->anySize) [[unlikely]]
    throw Error(state_->what + ": its size is fixed; it has no free item count");
  const Step& step = state_->steps.front();
  launch(step.kernel, args, items, step.grain, state_->artifact.scratchBytes);
}

std::vector<double> Executable::profile(std::span<void* const> inputs, std::span<void* const> outputs,
                                        int runs) const {
  std::vector<std::vector<double>> times(state_->steps.size());
  for (int i = 0; i < std::max(runs, 1); ++i)
    state_->run(inputs, outputs, [&](const Step& step, void** args) {
      const auto start = std::chrono::steady_clock::now();
      state_->launch_one(step, args);
      const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
      times[static_cast<std::size_t>(&step - state_->steps.data())].push_back(time.count());
    });
  std::vector<double> medians;
  for (auto& list : times) {
    std::sort(list.begin(), list.end());
    medians.push_back(list.empty() ? 0 : list[list.size() / 2]);
  }
  return medians;
}

} // namespace kiln::runtime
