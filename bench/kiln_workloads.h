// The workloads of kiln-bench as programs against Kiln.
#pragma once

#include <kiln/jit.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// What a compiled workload tells of itself after a run; zeros in eager mode.
struct Report {
  std::size_t kernels = 0;
  std::int64_t peak_bytes = 0, lower_bound_bytes = 0;
};

struct Workload {
  std::function<void()> step;
  std::function<Report()> report;
  std::function<std::vector<kiln::jit::Kernel>()> kernels; ///< with their times; none in eager mode
  std::size_t state = 0; ///< tensors that a step updates: parameters and momentum
};

/// One of workloads(), its parameters and data ready, not run yet.
Workload make(const std::string& name, bool compiled);

/// A compiled step over `state` tensors of one element each: all guards and launches, next to no arithmetic.
std::function<void()> make_empty_step(std::size_t state);

} // namespace bench
