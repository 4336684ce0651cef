// Keeps changes of what compiled programs work on apart from their runs: loading weights while another thread
// trains waits for the end of the call that is under way, and calls that begin meanwhile wait for the
// loading.
#pragma once

namespace kiln::internal {

/// Lives while a compiled program runs. Two atomic operations.
class RunGate {
public:
  RunGate() noexcept;
  ~RunGate();
  RunGate(const RunGate&) = delete;
};

/// Lives while values are replaced. Throws Error inside a compiled function, where it would wait for itself.
class ExclusiveGate {
public:
  explicit ExclusiveGate(const char* what);
  ~ExclusiveGate();
  ExclusiveGate(const ExclusiveGate&) = delete;
};

} // namespace kiln::internal
