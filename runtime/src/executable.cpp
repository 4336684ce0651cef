// Loads an artifact's code and plan, and runs it. All that can be computed once is: a run copies the caller's
// pointers into a prepared slot table and calls the entry point.
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

/// What one run needs for itself: temporaries, and the slot table with everything but inputs and outputs
/// filled in.
struct Context {
  Buffer arena;
  std::vector<void*> slots;
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

/// A slot that is filled in at each run, from a slot of the caller's.
struct Link {
  std::size_t slot, root;
};

struct ProfilingTable : RuntimeTable {
  std::vector<double>* microseconds;
};

void timed_launch(const RuntimeTable* table, Kernel kernel, void* const* args, std::int64_t items,
                  std::int64_t grain) {
  const auto start = std::chrono::steady_clock::now();
  launch(kernel, args, items, grain, table->scratchBytes);
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
  static_cast<const ProfilingTable*>(table)->microseconds->push_back(time.count());
}

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
  std::unique_ptr<detail::Image> image;
  Entry entry = nullptr;
  RuntimeTable table{};
  Kernel elementwise = nullptr; // of a one-op program whose size the caller gives
  Buffer constants;
  std::vector<Link> links;
  mutable ContextPool contexts;

  State(Artifact a, const std::filesystem::path& file)
      : artifact(std::move(a)), what("program '" + artifact.name + "'") {
    detail::validate(artifact);
    check_target(what, artifact.target);
    image = std::make_unique<detail::Image>(what, artifact.image, file);
    table = runtime_table(artifact.scratchBytes);
    if (artifact.launches.size() == 1 && artifact.launches[0].items < 0)
      elementwise = reinterpret_cast<Kernel>(symbol(artifact.launches[0].symbol));
    else
      entry = reinterpret_cast<Entry>(symbol(artifact.entry));
    constants = Buffer::allocate(artifact.constants.size());
    std::copy(artifact.constants.begin(), artifact.constants.end(), constants.as<std::byte>());
    for (std::size_t i = 0; i < artifact.slots.size(); ++i)
      if (const std::size_t root = detail::root_of(artifact, i); root != i && root < callers())
        links.push_back({i, root});
  }

  std::size_t callers() const {
    return static_cast<std::size_t>(artifact.inputs) + static_cast<std::size_t>(artifact.outputs);
  }

  void* symbol(const std::string& name) const {
    void* address = name.empty() ? nullptr : image->find(name);
    if (!address) throw Error(what + ": its code has no symbol '" + name + "'");
    return address;
  }

  std::unique_ptr<Context> make_context() const {
    auto context = std::make_unique<Context>();
    context->arena = Buffer::allocate(static_cast<std::size_t>(artifact.arenaBytes));
    context->slots.assign(artifact.slots.size(), nullptr);
    for (std::size_t i = callers(); i < artifact.slots.size(); ++i) {
      const Slot& root = artifact.slots[detail::root_of(artifact, i)];
      if (root.kind == Slot::Kind::Temp) context->slots[i] = context->arena.as<std::byte>() + root.offset;
      if (root.kind == Slot::Kind::Constant) context->slots[i] = constants.as<std::byte>() + root.offset;
    }
    return context;
  }

  void run(std::span<void* const> inputs, std::span<void* const> outputs, const RuntimeTable& runtime) const {
    if (inputs.size() != static_cast<std::size_t>(artifact.inputs) ||
        outputs.size() != static_cast<std::size_t>(artifact.outputs)) [[unlikely]]
      throw Error(what + ": expected " + std::to_string(artifact.inputs) + " inputs and " +
                  std::to_string(artifact.outputs) + " outputs, got " + std::to_string(inputs.size()) +
                  " and " + std::to_string(outputs.size()));
    if (!entry) [[unlikely]]
      throw Error(what + ": its size is not fixed; run_elementwise gives one");
    auto context = contexts.take();
    if (!context) context = make_context();
    void** slots = context->slots.data();
    std::copy(outputs.begin(), outputs.end(), std::copy(inputs.begin(), inputs.end(), slots));
    for (const Link& link : links)
      slots[link.slot] = slots[link.root];
    entry(slots, &runtime);
    contexts.give(std::move(context));
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
  state_->run(inputs, outputs, state_->table);
}

void Executable::run_elementwise(void* const* args, std::int64_t items) const {
  if (!state_->elementwise) [[unlikely]]
    throw Error(state_->what + ": its size is fixed; it has no free item count");
  launch(state_->elementwise, args, items, state_->artifact.launches[0].grain, state_->artifact.scratchBytes);
}

std::vector<double> Executable::profile(std::span<void* const> inputs, std::span<void* const> outputs,
                                        int runs) const {
  const std::size_t launches = state_->artifact.launches.size();
  std::vector<std::vector<double>> times(launches);
  std::vector<double> run;
  const ProfilingTable table{{timed_launch, state_->artifact.scratchBytes}, &run};
  for (int i = 0; i < std::max(runs, 1); ++i) {
    run.clear();
    run.reserve(launches);
    state_->run(inputs, outputs, table);
    for (std::size_t l = 0; l < std::min(launches, run.size()); ++l)
      times[l].push_back(run[l]);
  }
  std::vector<double> medians;
  for (auto& list : times) {
    std::sort(list.begin(), list.end());
    medians.push_back(list.empty() ? 0 : list[list.size() / 2]);
  }
  return medians;
}

} // namespace kiln::runtime
