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
#include <numeric>
#include <optional>

namespace kiln::runtime {

/// What one run needs for itself: temporaries, and the arguments of all launches with everything but inputs
/// and outputs filled in.
struct Executable::Context {
  Buffer arena;
  std::vector<void*> arguments;
  std::uint64_t ticket = 0; ///< whose pointers are filled in; 0: nobody's in particular
};

namespace {

/// Contexts of runs that are over. The first one is handed out without a lock: nearly always it is the only
/// one.
template <class Context> class ContextPool {
public:
  ContextPool() { more_.reserve(kKept); }
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
  void give(std::unique_ptr<Context> context) noexcept {
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

/// For each input and output, in this order, the arguments that it is.
class Links {
public:
  /// roots: by argument, the slot whose memory it is.
  Links(std::span<const std::size_t> roots, std::size_t callers) : first_(callers + 1) {
    for (const std::size_t root : roots)
      if (root < callers) ++first_[root + 1];
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    arguments_.resize(first_.back());
    std::vector<std::size_t> next = first_;
    for (std::size_t i = 0; i < roots.size(); ++i)
      if (roots[i] < callers) arguments_[next[roots[i]]++] = i;
  }
  std::span<const std::size_t> operator[](std::size_t caller) const {
    return {arguments_.data() + first_[caller], arguments_.data() + first_[caller + 1]};
  }

private:
  std::vector<std::size_t> first_, arguments_;
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
  std::vector<std::size_t> roots; ///< by argument of all launches: the slot whose memory it is
  std::optional<Links> links;
  mutable ContextPool<Context> contexts;
  mutable std::atomic<std::uint64_t> tickets{0};

  State(Artifact a, const std::filesystem::path& file)
      : artifact(std::move(a)), what("program '" + artifact.name + "'") {
    detail::validate(artifact);
    check_target(what, artifact.target);
    if (!artifact.launches.empty()) image = std::make_unique<detail::Image>(what, artifact.image, file);
    constants = Buffer::allocate(artifact.constants.size());
    std::copy(artifact.constants.begin(), artifact.constants.end(), constants.as<std::byte>());
    for (const Launch& launch : artifact.launches) {
      steps.push_back({kernel(launch.symbol), roots.size(), launch.items, launch.grain});
      anySize |= launch.items < 0;
      for (std::int32_t slot : launch.slots)
        roots.push_back(detail::root_of(artifact, static_cast<std::size_t>(slot)));
    }
    links.emplace(roots, callers());
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
    for (const std::size_t root : roots) {
      const Slot& slot = artifact.slots[root];
      void* data = nullptr;
      if (slot.kind == Slot::Kind::Temp) data = context->arena.as<std::byte>() + slot.offset;
      if (slot.kind == Slot::Kind::Constant) data = constants.as<std::byte>() + slot.offset;
      context->arguments.push_back(data);
    }
    return context;
  }

  void check(std::span<void* const> in, std::span<void* const> out) const {
    if (in.size() != static_cast<std::size_t>(artifact.inputs) ||
        out.size() != static_cast<std::size_t>(artifact.outputs)) [[unlikely]]
      throw Error(what + ": expected " + std::to_string(artifact.inputs) + " inputs and " +
                  std::to_string(artifact.outputs) + " outputs, got " + std::to_string(in.size()) + " and " +
                  std::to_string(out.size()));
  }

  void launch_one(const Step& step, void* const* arguments) const {
    void* const* args = arguments + step.first;
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

// A frame that is not the last of its ticket gives the caller a new one: older frames, should they turn up
// again, hold older pointers.
Executable::Frame::Frame(const State& state, std::uint64_t* ticket) : state_(state) {
  if (state.anySize) [[unlikely]]
    throw Error(state.what + ": its size is not fixed; run_elementwise gives one");
  context_ = state.contexts.take();
  if (!context_) context_ = state.make_context();
  kept_ = ticket && *ticket != 0 && *ticket == context_->ticket;
  if (kept_) return;
  context_->ticket = ticket ? ++state.tickets : 0;
  if (ticket) *ticket = context_->ticket;
}

Executable::Frame::~Frame() {
  state_.contexts.give(std::move(context_));
}

void Executable::Frame::input(std::size_t i, void* data) {
  for (const std::size_t argument : (*state_.links)[i])
    context_->arguments[argument] = data;
}

void Executable::Frame::output(std::size_t i, void* data) {
  input(static_cast<std::size_t>(state_.artifact.inputs) + i, data);
}

void Executable::Frame::give(std::span<void* const> inputs, std::span<void* const> outputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    input(i, inputs[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    output(i, outputs[i]);
}

void Executable::Frame::run() {
  for (const Step& step : state_.steps)
    state_.launch_one(step, context_->arguments.data());
}

Executable::Frame Executable::frame(std::uint64_t& ticket) const {
  return {*state_, &ticket};
}

void Executable::run(std::span<void* const> inputs, std::span<void* const> outputs) const {
  state_->check(inputs, outputs);
  Frame frame(*state_, nullptr);
  frame.give(inputs, outputs);
  frame.run();
}

void Executable::run_elementwise(void* const* args, std::int64_t items) const {
  if (!state_->anySize) [[unlikely]]
    throw Error(state_->what + ": its size is fixed; it has no free item count");
  const Step& step = state_->steps.front();
  launch(step.kernel, args, items, step.grain, state_->artifact.scratchBytes);
}

std::vector<double> Executable::profile(std::span<void* const> inputs, std::span<void* const> outputs,
                                        int runs) const {
  state_->check(inputs, outputs);
  Frame frame(*state_, nullptr);
  frame.give(inputs, outputs);
  std::vector<std::vector<double>> times(state_->steps.size());
  for (int i = 0; i < std::max(runs, 1); ++i)
    for (std::size_t step = 0; step < times.size(); ++step) {
      const auto start = std::chrono::steady_clock::now();
      state_->launch_one(state_->steps[step], frame.context_->arguments.data());
      const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
      times[step].push_back(time.count());
    }
  std::vector<double> medians;
  for (auto& list : times) {
    std::sort(list.begin(), list.end());
    medians.push_back(list.empty() ? 0 : list[list.size() / 2]);
  }
  return medians;
}

} // namespace kiln::runtime
