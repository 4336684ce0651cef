// Runs printed CUDA C++ on the CPU. Each CUDA thread is a fiber that yields where it waits for others, so
// barriers and shuffles mean what they mean on a device, in an order that the test chooses: a kernel that
// misses a barrier gives different results in different orders.
#pragma once

#include "kiln/runtime/artifact.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace kiln::testing {

enum class Schedule { Forward, Reverse, Shuffled };
inline constexpr Schedule kSchedules[] = {Schedule::Forward, Schedule::Reverse, Schedule::Shuffled};

class EmulatedModule {
public:
  /// Compiles the text with the host's compiler. Throws Error with its messages when that fails.
  explicit EmulatedModule(const std::string& source);
  ~EmulatedModule();

  /// Runs a kernel to its end. `parameters` are those of the launch one after the other, as a driver's buffer
  /// of parameters holds them. Shared memory starts as NaN in each block. Throws Error when threads of a
  /// block (or of a warp, for a shuffle) wait at different places, or when the kernel has other parameters.
  void launch(const std::string& kernel, const runtime::CudaLaunch& launch,
              std::span<const std::uint64_t> parameters, Schedule schedule) const;

private:
  struct Library;
  std::unique_ptr<Library> library_;
};

} // namespace kiln::testing
