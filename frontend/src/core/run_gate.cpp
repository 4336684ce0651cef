// A counter of runs and a flag of changes; each side announces itself before it looks at the other.
#include "core/run_gate.h"

#include "kiln/runtime/error.h"

#include <atomic>
#include <mutex>
#include <string>

namespace kiln::internal {

namespace {
std::atomic<int> running{0};
std::atomic<bool> changing{false};
std::recursive_mutex changes; // one at a time
thread_local int depth = 0;   // of compiled calls on this thread
thread_local int held = 0;    // ExclusiveGates on this thread
} // namespace

RunGate::RunGate() noexcept {
  if (depth++ > 0 || held > 0) return;
  while (true) {
    running.fetch_add(1);
    if (!changing.load()) return;
    if (running.fetch_sub(1) == 1) running.notify_all();
    changing.wait(true);
  }
}
RunGate::~RunGate() {
  if (--depth > 0 || held > 0) return;
  if (running.fetch_sub(1) == 1 && changing.load()) running.notify_all();
}

ExclusiveGate::ExclusiveGate(const char* what) {
  if (depth > 0) throw Error(std::string(what) + ": cannot be called inside a compiled function");
  changes.lock();
  if (held++ > 0) return;
  changing.store(true);
  for (int runs = running.load(); runs != 0; runs = running.load())
    running.wait(runs);
}
ExclusiveGate::~ExclusiveGate() {
  if (--held == 0) {
    changing.store(false);
    changing.notify_all();
  }
  changes.unlock();
}

} // namespace kiln::internal
