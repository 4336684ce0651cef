// See Build.h. A kernel is compiled from its own text alone, so equal ones (in one program or in later ones)
// are compiled once; its symbol is made of that text's hash.
#include "cpu/Build.h"

#include "BufferPlan.h"
#include "KernelInfo.h"
#include "Timing.h"
#include "cpu/Kernel.h"
#include "cpu/Link.h"
#include "cpu/Lower.h"

#include "KilnDialect.h"
#include "KilnOps.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// A kernel's machine code and how to launch it: all that is kept of it.
struct CompiledKernel {
  std::string object, source;
  llvm::SmallVector<KernelLaunch> launches;
  llvm::SmallVector<std::int64_t> temps;
  std::int64_t scratchBytes = 0;
};
using KernelPtr = std::shared_ptr<const CompiledKernel>;

/// Kernels compiled by this process, by key.
class KernelCache {
public:
  KernelPtr find(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto found = kernels_.find(key);
    return found == kernels_.end() ? nullptr : found->second;
  }
  void insert(const std::string& key, KernelPtr kernel) {
    std::lock_guard lock(mutex_);
    if (kernels_.size() >= kMost)
      kernels_.clear(); // bounds memory; those in use are kept alive by their users
    kernels_[key] = std::move(kernel);
  }

private:
  static constexpr std::size_t kMost = 4096;
  std::mutex mutex_;
  std::unordered_map<std::string, KernelPtr> kernels_;
};

KernelCache& kernelCache() {
  static KernelCache cache;
  return cache;
}

/// One kernel to compile: a copy of the fusion named by its hash.
struct Job {
  ir::FusionOp fusion;
  std::string key;
  KernelPtr kernel;
  LowerTimes times;
};

/// The plan's slots: an output that is stored in a donated input is a slot of its own, with that input as its
/// alias.
using Slots = std::vector<runtime::Slot>;

/// Results that are written over an input, which then need no copy of it: for each result the input, or -1.
llvm::SmallVector<std::int64_t> inPlace(ir::FusionOp fusion, const Slots& planned) {
  llvm::SmallVector<std::int64_t> slots(*fusion.getSlots());
  for (std::int64_t& slot : slots)
    while (planned[slot].alias >= 0)
      slot = planned[slot].alias;
  auto inputs = ArrayRef(slots).take_front(fusion->getNumOperands());
  llvm::SmallVector<std::int64_t> result;
  for (std::int64_t slot : ArrayRef(slots).drop_front(inputs.size())) {
    auto* found = llvm::find(inputs, slot);
    result.push_back(found == inputs.end() ? -1 : found - inputs.begin());
  }
  return result;
}

std::string symbolFor(ir::FusionOp fusion, llvm::StringRef key) {
  std::string symbol;
  for (char c : fusion.getName())
    symbol += llvm::isAlnum(c) ? c : '_';
  return symbol + "_" + llvm::utohexstr(llvm::xxh3_64bits(key), /*LowerCase=*/true).substr(0, 8);
}

/// Copy of the fusion without what does not change its code, and its text.
Job makeJob(ir::FusionOp fusion, const Slots& planned, const Target& target,
            const ir::CompileOptions& options) {
  Job job;
  job.fusion = cast<ir::FusionOp>(fusion->clone());
  job.fusion.removeSlotsAttr();
  if (fusion.getKind() == ir::FusionKind::Scatter)
    job.fusion->setAttr(kInPlace, DenseI64ArrayAttr::get(fusion.getContext(), inPlace(fusion, planned)));
  job.fusion.setName("");
  llvm::raw_string_ostream text(job.key);
  text << target.cpu << ' ' << target.vectorBits << ' ' << target.lastCacheBytes << ' ' << options.threads
       << ' ' << options.keepStages << '\n';
  job.fusion->print(text, OpPrintingFlags().useLocalScope());
  job.fusion.setName(symbolFor(fusion, job.key));
  return job;
}

LogicalResult compile(Job& job, const Target& target, const ir::CompileOptions& options) {
  auto emitted = emitKernel(job.fusion, target, options.threads);
  if (failed(emitted)) return failure();
  auto kernel = std::make_shared<CompiledKernel>();
  if (options.keepStages) {
    llvm::raw_string_ostream text(kernel->source);
    emitted->module->print(text, OpPrintingFlags().useLocalScope());
  }
  auto lowered = lowerToObject(*emitted->module, target);
  if (failed(lowered)) return failure();
  kernel->object = std::move(lowered->object);
  kernel->launches = std::move(emitted->launches);
  kernel->temps = std::move(emitted->temps);
  kernel->scratchBytes = emitted->scratchBytes;
  job.times = lowered->times;
  job.kernel = std::move(kernel);
  return success();
}

/// Compiles all jobs, the larger bodies first, on as many threads as the machine has (no more than jobs).
LogicalResult compileAll(MutableArrayRef<Job*> jobs, const Target& target,
                         const ir::CompileOptions& options) {
  llvm::sort(jobs, [](const Job* a, const Job* b) { return a->key.size() > b->key.size(); });
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failedAny = false;
  auto work = [&] {
    for (std::size_t i = next++; i < jobs.size() && !failedAny; i = next++)
      if (failed(compile(*jobs[i], target, options))) failedAny = true;
  };
  std::size_t workers = std::min<std::size_t>(jobs.size(), std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < workers; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread& thread : threads)
    thread.join();
  return failure(failedAny);
}

std::int64_t alignUp(std::int64_t bytes) {
  return static_cast<std::int64_t>(llvm::alignTo(bytes, kBufferAlignment));
}

/// Adds the launches of one fusion; partial results lie behind the plan's arena and are reused by every
/// kernel.
void addLaunches(runtime::Artifact& artifact, ir::FusionOp fusion, const CompiledKernel& kernel,
                 std::int64_t planArena) {
  ArrayRef<std::int64_t> slots = *fusion.getSlots();
  std::int64_t offset = alignUp(planArena), firstTemp = artifact.slots.size();
  for (std::int64_t bytes : kernel.temps) {
    runtime::Slot slot;
    slot.type = {DType::UInt8, Shape{bytes}};
    slot.offset = offset;
    offset += alignUp(bytes);
    artifact.slots.push_back(slot);
  }
  if (!kernel.temps.empty()) artifact.arenaBytes = std::max(artifact.arenaBytes, offset);
  artifact.scratchBytes = std::max(artifact.scratchBytes, kernel.scratchBytes);
  for (const KernelLaunch& each : kernel.launches) {
    runtime::Launch launch;
    launch.symbol = each.symbol;
    launch.items = each.items;
    launch.grain = each.grain;
    launch.kernel = static_cast<std::int32_t>(artifact.kernels.size()) - 1;
    auto planned = static_cast<int>(slots.size());
    for (int buffer : each.buffers)
      launch.slots.push_back(
          static_cast<std::int32_t>(buffer < planned ? slots[buffer] : firstTemp + buffer - planned));
    artifact.launches.push_back(std::move(launch));
  }
}

} // namespace

FailureOr<runtime::Artifact> buildArtifact(func::FuncOp main, const Target& target,
                                           const ir::CompileOptions& options) {
  PhaseTimer timer;
  auto planned = readPlan(main);
  if (failed(planned)) return failure();
  runtime::Artifact artifact = std::move(*planned);
  artifact.target = target.name();

  std::vector<Job> jobs;
  llvm::MapVector<ir::FusionOp, std::size_t> jobOf;
  std::map<std::string, std::size_t> byKey;
  llvm::SmallVector<std::size_t> missing;
  for (auto fusion : main.getOps<ir::FusionOp>()) {
    Job job = makeJob(fusion, artifact.slots, target, options);
    auto [place, isNew] = byKey.try_emplace(job.key, jobs.size());
    jobOf[fusion] = place->second;
    if (!isNew) {
      job.fusion->destroy();
      continue;
    }
    job.kernel = kernelCache().find(job.key);
    if (!job.kernel) missing.push_back(jobs.size());
    jobs.push_back(std::move(job));
  }
  llvm::SmallVector<Job*> work;
  for (std::size_t i : missing)
    work.push_back(&jobs[i]);
  timer.phase("keys");
  LogicalResult compiled = compileAll(work, target, options);
  for (Job& job : jobs)
    job.fusion->destroy();
  if (failed(compiled)) return failure();
  LowerTimes total;
  for (Job* job : work) {
    kernelCache().insert(job->key, job->kernel);
    total.mlir += job->times.mlir, total.translate += job->times.translate, total.emit += job->times.emit;
  }
  timer.phase("kernels");
  if (PhaseTimer::enabled())
    std::fprintf(stderr, "kiln:   %zu kernels: mlir %.1f, translate %.1f, emit %.1f ms of thread time\n",
                 work.size(), total.mlir, total.translate, total.emit);

  std::int64_t planArena = artifact.arenaBytes;
  for (auto& [fusion, number] : jobOf) {
    artifact.kernels.push_back(describeKernel(fusion));
    artifact.kernels.back().source = jobs[number].kernel->source;
    addLaunches(artifact, fusion, *jobs[number].kernel, planArena);
  }
  artifact.peakBytes += artifact.arenaBytes - planArena;

  std::vector<std::string> objects;
  for (const Job& job : jobs)
    objects.push_back(job.kernel->object);
  if (!objects.empty()) artifact.image = linkSharedObject(objects).bytes;
  timer.phase("link");
  return artifact;
}

} // namespace kiln::codegen::cpu
